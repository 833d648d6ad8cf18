/** Where nodes and edges of the loop lie: columns where there is room, one list with arcs beside it where not. Pure. */
import { COLUMNS } from "./graph.ts";
import type { LoopEdge, LoopGraph, LoopNode } from "./graph.ts";
import { arcPath, flowPath, roundedPath } from "./paths.ts";
import type { Point } from "./paths.ts";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge {
  readonly edge: LoopEdge;
  readonly path: string;
  /** Where a label of it may stand; only for feedback in columns. */
  readonly label?: Point;
}

export interface LoopLayout {
  readonly shape: "columns" | "list";
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Box>;
  readonly edges: readonly PlacedEdge[];
  readonly headings: readonly (Point & { readonly text: string })[];
}

/** Below this, four columns with readable names do not fit. */
export const COLUMNS_FROM_WIDTH = 820;
const NODE_HEIGHT = 62;
const HEADING_HEIGHT = 34;
const LANE_HEIGHT = 52;
/** Left of the columns, for outcomes on their way back. */
const GUTTER = 26;
const LIST_GUTTER = 34;
const WIDEST_NODE = 236;
const NARROWEST_GAP = 44;

export function layoutLoop(graph: LoopGraph, width: number): LoopLayout {
  return width >= COLUMNS_FROM_WIDTH ? layoutColumns(graph, width) : layoutList(graph, Math.max(width, 280));
}

const bottomOf = (box: Box): number => box.y + box.height;
const rightOf = (box: Box): number => box.x + box.width;
const middleOf = (box: Box): number => box.y + box.height / 2;

function layoutColumns({ nodes, edges }: LoopGraph, width: number): LoopLayout {
  const inner = width - GUTTER - 2;
  const nodeWidth = Math.min(WIDEST_NODE, (inner - NARROWEST_GAP * (COLUMNS.length - 1)) / COLUMNS.length);
  const pitch = (inner - nodeWidth) / (COLUMNS.length - 1);
  const columns = COLUMNS.map((_, column) => nodes.filter((node) => node.column === column));
  const most = Math.max(1, ...columns.map((column) => column.length));
  const gap = 18;
  const content = most * (NODE_HEIGHT + gap) - gap;
  const boxes = new Map<string, Box>();
  for (const [column, members] of columns.entries()) {
    const used = members.length * (NODE_HEIGHT + gap) - gap;
    for (const [row, node] of members.entries()) {
      boxes.set(node.id, { x: GUTTER + column * pitch, y: HEADING_HEIGHT + (content - used) / 2 + row * (NODE_HEIGHT + gap), width: nodeWidth, height: NODE_HEIGHT });
    }
  }
  const laneY = HEADING_HEIGHT + content + LANE_HEIGHT - 16;
  const feedback = (edge: LoopEdge): PlacedEdge | undefined => placeFeedback(edge, { boxes, laneY, pitch, nodes });
  return {
    shape: "columns", width, height: laneY + 18, boxes,
    edges: edges.flatMap((edge) => (edge.kind === "flow" ? { edge, path: flowPath(...portsOf(edge, edges, boxes)) } : feedback(edge) ?? [])),
    headings: COLUMNS.map((text, column) => ({ text, x: GUTTER + column * pitch, y: 14 })),
  };
}

/** From the middle of the right side to a port of the left side; ports are spread in the order of their sources. */
function portsOf(edge: LoopEdge, edges: readonly LoopEdge[], boxes: ReadonlyMap<string, Box>): readonly [Point, Point] {
  const [from, to] = [boxes.get(edge.from)!, boxes.get(edge.to)!];
  const incoming = edges.filter((other) => other.kind === "flow" && other.to === edge.to).toSorted((a, b) => boxes.get(a.from)!.y - boxes.get(b.from)!.y);
  const at = incoming.length === 1 ? 0 : incoming.indexOf(edge) / (incoming.length - 1) - 0.5;
  return [{ x: rightOf(from), y: middleOf(from) }, { x: to.x, y: middleOf(to) + at * Math.min(to.height * 0.6, 8 * incoming.length) }];
}

interface Lane {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly laneY: number;
  readonly pitch: number;
  readonly nodes: readonly LoopNode[];
}

function placeFeedback(edge: LoopEdge, { boxes, laneY, pitch, nodes }: Lane): PlacedEdge | undefined {
  const [from, to] = [boxes.get(edge.from), boxes.get(edge.to)];
  if (from === undefined || to === undefined) return undefined;
  const start = { x: from.x + from.width / 2, y: bottomOf(from) };
  if (edge.kind === "outcome") {
    const x = GUTTER - 18;
    const points = [start, { x: start.x, y: laneY }, { x, y: laneY }, { x, y: middleOf(to) }, { x: to.x, y: middleOf(to) }];
    return { edge, path: roundedPath(points, 12), label: { x: from.x + from.width / 2 - pitch / 2, y: laneY } };
  }
  const isLowest = nodes.every((node) => node.id === edge.to || node.column !== 2 || boxes.get(node.id)!.y < to.y);
  const x = isLowest ? to.x + to.width / 2 : rightOf(to) + 14;
  const end = isLowest ? [{ x, y: bottomOf(to) }] : [{ x, y: middleOf(to) }, { x: rightOf(to), y: middleOf(to) }];
  return { edge, path: roundedPath([start, { x: start.x, y: laneY }, { x, y: laneY }, ...end], 12), label: { x, y: Math.max(bottomOf(to) + 22, (bottomOf(to) + laneY) / 2) } };
}

function layoutList({ nodes, edges }: LoopGraph, width: number): LoopLayout {
  const gap = 16;
  const boxes = new Map<string, Box>();
  const headings: (Point & { readonly text: string })[] = [];
  let y = 0;
  for (const [column, text] of COLUMNS.entries()) {
    const members = nodes.filter((node) => node.column === column);
    if (members.length === 0) continue;
    headings.push({ text, x: LIST_GUTTER, y: y + 14 });
    y += HEADING_HEIGHT;
    for (const node of members) {
      boxes.set(node.id, { x: LIST_GUTTER, y, width: width - 2 * LIST_GUTTER, height: NODE_HEIGHT });
      y += NODE_HEIGHT + gap;
    }
    y += 4;
  }
  const height = Math.max(1, y - gap);
  return { shape: "list", width, height, boxes, headings, edges: edges.flatMap((edge) => ({ edge, path: placeArc(edge, boxes, height) })) };
}

/** Forward on the left, feedback on the right; the longer, the further out. */
function placeArc(edge: LoopEdge, boxes: ReadonlyMap<string, Box>, height: number): string {
  const [from, to] = [boxes.get(edge.from)!, boxes.get(edge.to)!];
  const side = edge.kind === "flow" ? -1 : 1;
  const x = side < 0 ? from.x : rightOf(from);
  const depth = edge.kind === "training" ? 22 : 12 + 30 * (Math.abs(from.y - to.y) / height);
  const shift = edge.kind === "training" ? -9 : 0;
  return arcPath({ x, y: middleOf(from) + shift }, { x, y: middleOf(to) + (side < 0 ? -4 : 4) }, side * depth);
}
