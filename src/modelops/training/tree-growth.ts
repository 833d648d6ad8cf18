/**
 * Grows one tree leaf-wise (Ke et al. 2017): always split the leaf whose best split gains most. Only the smaller
 * child's histogram is summed from rows; the larger one is what remains of the parent's.
 */
import type { Bins } from "./binning.ts";
import { countOf, hessianOf, type FixedPoint } from "./fixed-point.ts";
import { createGrownTree, partitionRows, splitNode, type GrownTree } from "./grown-tree.ts";
import { QUANTUM_CELLS, type Pacer } from "./pacer.ts";
import { PHASE, setHistogramStep, type HistogramStep } from "./phases.ts";
import { bestCandidate, type LeafSums, type SplitCandidate } from "./split-search.ts";
import type { ThreadTeam } from "./thread-team.ts";
import type { Workspace } from "./workspace.ts";

export interface GrowthContext {
  readonly workspace: Workspace;
  readonly team: ThreadTeam;
  readonly threads: number;
  readonly pacer: Pacer;
  /** Per feature of the workspace: its bins, and its column in the training data. */
  readonly features: readonly { readonly bins: Bins; readonly column: number }[];
  readonly fixedPoint: FixedPoint;
  /** rowIndex[0 .. rows) are this tree's rows. */
  readonly rows: number;
}

interface Leaf {
  readonly node: number;
  readonly start: number;
  readonly count: number;
  readonly depth: number;
  readonly sums: LeafSums;
  /** Number of its histogram; -1 when it will not be split. */
  histogram: number;
  best: SplitCandidate | undefined;
}

/** Cells (summed from rows, and searched) below which waking other threads costs more than the step: about 30 µs of work. */
const ALONE_CELLS = 16_384;

/** Grows the tree, sets its leaf values (shrinkage included) and adds them to the scores of this tree's rows. */
export async function growTree(context: GrowthContext, scores: Float64Array): Promise<GrownTree> {
  const { workspace: { plan: { parameters } }, rows } = context;
  const tree = createGrownTree(parameters.leaves, rows);
  const free = Array.from({ length: parameters.leaves }, (_, i) => parameters.leaves - 1 - i);
  const root: Leaf = { node: 0, start: 0, count: rows, depth: 0, sums: rootSums(context), histogram: free.pop()!, best: undefined };
  const leaves = [root];
  if (canSplit(root, context)) await searchLeaves(context, root, undefined);
  while (leaves.length < parameters.leaves) {
    const chosen = indexOfBest(leaves);
    if (chosen < 0) break;
    const parent = leaves[chosen]!;
    const [left, right] = splitLeaf(context, tree, parent);
    leaves[chosen] = left;
    leaves.push(right);
    const pause = context.pacer.spend(parent.count); // the partition
    if (pause) await pause;
    if (leaves.length < parameters.leaves) await searchChildren(context, parent, [left, right], free);
  }
  for (const leaf of leaves) finishLeaf(context, tree, leaf, scores);
  return tree;
}

function rootSums({ workspace: { rowIndex, pairs }, rows }: GrowthContext): LeafSums {
  let gradient = 0, packed = 0;
  for (let i = 0; i < rows; i++) {
    gradient += pairs[2 * rowIndex[i]!]!;
    packed += pairs[2 * rowIndex[i]! + 1]!;
  }
  return { gradient, packed };
}

function indexOfBest(leaves: readonly Leaf[]): number {
  let chosen = -1;
  for (let i = 0; i < leaves.length; i++) {
    const best = leaves[i]!.best;
    if (best && (chosen < 0 || best.gain > leaves[chosen]!.best!.gain)) chosen = i;
  }
  return chosen;
}

function splitLeaf({ workspace, features, fixedPoint }: GrowthContext, tree: GrownTree, parent: Leaf): readonly [Leaf, Leaf] {
  const split = parent.best!;
  const feature = workspace.slotFeature[split.slot]!;
  const leftRows = countOf(split.left.packed, fixedPoint) | 0; // an int32 for V8, so that row loops stay integer loops
  splitNode(tree, parent.node, split, { ...features[feature]!, feature, leftRows });
  partitionRows(
    { index: workspace.rowIndex, scratch: workspace.rowScratch, start: parent.start, count: parent.count },
    workspace.columnBins, feature * workspace.plan.rows, tree.routes.subarray(256 * parent.node, 256 * (parent.node + 1)),
  );
  const child = { depth: parent.depth + 1, histogram: -1, best: undefined };
  const node = tree.nodes[parent.node]!.left;
  const rightSums = { gradient: parent.sums.gradient - split.left.gradient, packed: parent.sums.packed - split.left.packed };
  return [
    { ...child, node, start: parent.start, count: leftRows, sums: split.left },
    { ...child, node: node + 1, start: parent.start + leftRows, count: parent.count - leftRows, sums: rightSums },
  ];
}

function canSplit({ count, depth }: Leaf, { workspace: { plan: { parameters } } }: GrowthContext): boolean {
  return count >= 2 * parameters.minChildSamples && depth < parameters.maxDepth;
}

/** Hands the parent's histogram to the larger child, a free one to the smaller, and searches the children that may split. */
async function searchChildren(context: GrowthContext, parent: Leaf, [left, right]: readonly [Leaf, Leaf], free: number[]): Promise<void> {
  const [smaller, larger] = left.count <= right.count ? [left, right] : [right, left];
  if (!canSplit(larger, context)) return void free.push(parent.histogram); // then the smaller cannot split either
  larger.histogram = parent.histogram;
  smaller.histogram = free.pop()!;
  await searchLeaves(context, smaller, larger);
  for (const leaf of [smaller, larger]) if (!leaf.best) free.push(leaf.histogram);
}

/** Sums the leaf's histogram in quanta and searches it and its sibling. */
async function searchLeaves(context: GrowthContext, leaf: Leaf, sibling: Leaf | undefined): Promise<void> {
  const { workspace, team, threads, pacer } = context;
  const { slots, stride } = workspace.plan;
  const quantumRows = Math.max(1024, Math.floor((QUANTUM_CELLS * threads) / slots));
  const searched = (one: Leaf): HistogramStep["leaf"] => ({ histogram: one.histogram, sums: one.sums, search: canSplit(one, context) });
  const end = leaf.start + leaf.count;
  for (let from = leaf.start; from < end; from += quantumRows) {
    const to = Math.min(end, from + quantumRows);
    setHistogramStep(workspace, {
      from, to, isFirst: from === leaf.start, isLast: to === end, leaf: searched(leaf), sibling: sibling && searched(sibling), fixedPoint: context.fixedPoint,
    });
    if (slots * (to - from + stride) < ALONE_CELLS) team.runAlone(PHASE.histogram);
    else await team.run(PHASE.histogram);
    const pause = pacer.spend(((to - from) * slots) / threads);
    if (pause) await pause;
  }
  leaf.best = canSplit(leaf, context) ? bestCandidate(workspace, 0) : undefined;
  if (sibling) sibling.best = canSplit(sibling, context) ? bestCandidate(workspace, 1) : undefined;
}

function finishLeaf({ workspace, fixedPoint }: GrowthContext, tree: GrownTree, leaf: Leaf, scores: Float64Array): void {
  const { learningRate, lambda } = workspace.plan.parameters;
  const gradient = leaf.sums.gradient / fixedPoint.gradientScale;
  const value = gradient === 0 ? 0 : (-learningRate * gradient) / (hessianOf(leaf.sums.packed, fixedPoint) + lambda);
  const finite = Number.isFinite(value) ? value : 0; // λ = 0 and no hessian at all: nothing says how far to go
  tree.nodes[leaf.node]!.value = finite;
  const { rowIndex } = workspace;
  for (let i = leaf.start; i < leaf.start + leaf.count; i++) scores[rowIndex[i]!]! += finite;
}
