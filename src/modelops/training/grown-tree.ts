/**
 * A tree while it is trained: nodes in the order they were made, and for each inner node a table that routes a row
 * by its bin. Tables make routing uniform: numeric, missing and categorical splits cost one lookup.
 */
import type { Bins } from "./binning.ts";
import type { SplitCandidate } from "./split-search.ts";

/** Bins fit a byte. */
const ROUTES = 256;

export interface GrownNode {
  /** Column of the training data; -1 in leaves. */
  column: number;
  /** Row of `columnBins`; -1 in leaves. */
  feature: number;
  threshold: number;
  missingLeft: boolean;
  /** Codes that go left, ascending; empty for numeric splits. */
  categories: readonly number[];
  /** Left child; the right one follows it. 0 in leaves. */
  left: number;
  value: number;
  gain: number;
  readonly rows: number;
}

export interface GrownTree {
  readonly nodes: GrownNode[];
  /** routes[256 * node + bin]: 0 goes left, 1 goes right. */
  readonly routes: Uint8Array;
}

export function createGrownTree(leaves: number, rows: number): GrownTree {
  return { nodes: [leafNode(rows)], routes: new Uint8Array(ROUTES * (2 * leaves - 1)) };
}

const leafNode = (rows: number): GrownNode =>
  ({ column: -1, feature: -1, threshold: 0, missingLeft: false, categories: [], left: 0, value: 0, gain: 0, rows });

/** Makes a leaf an inner node with two leaves. */
export function splitNode(
  tree: GrownTree, node: number, candidate: SplitCandidate,
  place: { readonly column: number; readonly feature: number; readonly bins: Bins; readonly leftRows: number },
): void {
  const inner = tree.nodes[node]!;
  const { bins } = place;
  Object.assign(inner, { column: place.column, feature: place.feature, gain: candidate.gain, missingLeft: candidate.missingLeft, left: tree.nodes.length });
  if (bins.kind === "numeric") inner.threshold = bins.upperBounds[candidate.bin - 1] ?? Number.MAX_VALUE; // after the last bin: only missing values go right
  else inner.categories = Array.from(candidate.categories, (bin) => bins.codes[bin - 1]!).toSorted((a, b) => a - b);
  fillRoutes(tree.routes.subarray(ROUTES * node, ROUTES * (node + 1)), candidate, bins.kind);
  tree.nodes.push(leafNode(place.leftRows), leafNode(inner.rows - place.leftRows));
}

function fillRoutes(routes: Uint8Array, { bin, missingLeft, categories }: SplitCandidate, kind: Bins["kind"]): void {
  routes.fill(1);
  if (kind === "categorical") {
    for (const listed of categories) routes[listed] = 0;
    return;
  }
  routes.fill(0, 1, bin + 1);
  if (missingLeft) routes[0] = 0;
}

/** Stable partition of rowIndex[start .. start + count) by the node's routes; returns how many rows went left. */
export function partitionRows(
  rows: { readonly index: Int32Array; readonly scratch: Int32Array; readonly start: number; readonly count: number },
  bins: Uint8Array, columnStart: number, routes: Uint8Array,
): number {
  const { index, scratch } = rows;
  const start = rows.start | 0, end = (rows.start + rows.count) | 0; // int32 for V8
  let left = start, right = 0;
  for (let i = start; i < end; i++) {
    const row = index[i]!;
    const goesRight = routes[bins[columnStart + row]!]!;
    index[left] = row; // never ahead of i, so nothing unread is lost
    scratch[right] = row;
    left += 1 - goesRight;
    right += goesRight;
  }
  index.set(scratch.subarray(0, right), left);
  return left - start;
}

/** Adds the leaf value of each listed row to its score, walking the tree by bins. */
export function addScoresByBins(
  tree: GrownTree, matrix: { readonly columnBins: Uint8Array; readonly rows: number },
  listed: Int32Array | undefined, scores: Float64Array,
): void {
  const { columnBins, rows } = matrix;
  const columnStarts = Int32Array.from(tree.nodes, (node) => node.feature * rows);
  const left = Int32Array.from(tree.nodes, (node) => node.left);
  const values = Float64Array.from(tree.nodes, (node) => node.value);
  const { routes } = tree;
  const count = listed?.length ?? rows;
  for (let i = 0; i < count; i++) {
    const row = listed ? listed[i]! : i;
    let node = 0;
    while (left[node] !== 0) node = left[node]! + routes[ROUTES * node + columnBins[columnStarts[node]! + row]!]!;
    scores[row]! += values[node]!;
  }
}
