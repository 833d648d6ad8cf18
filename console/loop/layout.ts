/** Where nodes and edges of the loop lie: columns where there is room, one list with tracks beside it where not. Pure. */
import type { LoopEdge, LoopGraph, LoopNode } from "./graph.ts";
import { flowPath, roundedPath } from "./paths.ts";
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

/** Below this per column, columns with readable names do not fit. */
export const COLUMN_FROM_WIDTH = 205;
const NODE_HEIGHT = 60;
const NODE_GAP = 16;
const HEADING_HEIGHT = 34;
const LANE_HEIGHT = 46;
/** Left of the columns, for outcomes on their way back. */
const GUTTER = 26;
/** Of the list: room left of the tracks, per track, and for feedback on the right. */
const TRACKS_BEFORE = 10;
const TRACK_PITCH = 8;
const LIST_RIGHT = 26;
const WIDEST_NODE = 236;
const NARROWEST_GAP = 40;

export function layoutLoop(graph: LoopGraph, width: number): LoopLayout {
  return width >= COLUMN_FROM_WIDTH * graph.columns.length ? layoutColumns(graph, width) : layoutList(graph, Math.max(width, 280));
}

const bottomOf = (box: Box): number => box.y + box.height;
const rightOf = (box: Box): number => box.x + box.width;
const middleOf = (box: Box): number => box.y + box.height / 2;

function layoutColumns({ columns: names, nodes, edges }: LoopGraph, width: number): LoopLayout {
  const hasFeedback = edges.some((edge) => edge.kind !== "flow");
  const gutter = hasFeedback ? GUTTER : 2;
  const inner = width - gutter - 2;
  const nodeWidth = Math.min(WIDEST_NODE, (inner - NARROWEST_GAP * (names.length - 1)) / names.length);
  const pitch = (inner - nodeWidth) / (names.length - 1);
  const columns = names.map((_, column) => nodes.filter((node) => node.column === column));
  const most = Math.max(1, ...columns.map((column) => column.length));
  const content = most * (NODE_HEIGHT + NODE_GAP) - NODE_GAP;
  const boxes = new Map<string, Box>();
  for (const [column, members] of columns.entries()) {
    const used = members.length * (NODE_HEIGHT + NODE_GAP) - NODE_GAP;
    for (const [row, node] of members.entries()) {
      boxes.set(node.id, { x: gutter + column * pitch, y: HEADING_HEIGHT + (content - used) / 2 + row * (NODE_HEIGHT + NODE_GAP), width: nodeWidth, height: NODE_HEIGHT });
    }
  }
  const laneY = HEADING_HEIGHT + content + (hasFeedback ? LANE_HEIGHT - 16 : 0);
  const feedback = (edge: LoopEdge): PlacedEdge | undefined => placeFeedback(edge, { boxes, laneY, pitch, nodes, hasOutcome: edges.some((other) => other.kind === "outcome" && other.from === edge.from) });
  return {
    shape: "columns", width, height: laneY + 18, boxes,
    edges: edges.flatMap((edge) => (edge.kind === "flow" ? { edge, path: pathAround(...portsOf(edge, edges, boxes), boxes) } : feedback(edge) ?? [])),
    headings: names.map((text, column) => ({ text, x: gutter + column * pitch, y: 14 })),
  };
}

/** From the middle of the right side to a port of the left side; ports are spread in the order of their sources. */
function portsOf(edge: LoopEdge, edges: readonly LoopEdge[], boxes: ReadonlyMap<string, Box>): readonly [Point, Point] {
  const [from, to] = [boxes.get(edge.from)!, boxes.get(edge.to)!];
  const incoming = edges.filter((other) => other.kind === "flow" && other.to === edge.to).toSorted((a, b) => boxes.get(a.from)!.y - boxes.get(b.from)!.y);
  const at = incoming.length === 1 ? 0 : incoming.indexOf(edge) / (incoming.length - 1) - 0.5;
  return [{ x: rightOf(from), y: middleOf(from) }, { x: to.x, y: middleOf(to) + at * Math.min(to.height * 0.6, 8 * incoming.length) }];
}

/** Free space between a passing edge and a box. */
const CLEARANCE = 16;

/** Level at both ends; where a box of a column in between is in the way, below it or above it, whichever is nearer. */
function pathAround(from: Point, to: Point, boxes: ReadonlyMap<string, Box>): string {
  const middle = (from.y + to.y) / 2;
  const passed = [...boxes.values()].filter((box) => box.x > from.x && rightOf(box) < to.x && box.y - CLEARANCE < Math.max(from.y, to.y, middle) && bottomOf(box) + CLEARANCE > Math.min(from.y, to.y, middle));
  if (passed.length === 0) return flowPath(from, to);
  const [above, below] = [Math.min(...passed.map((box) => box.y)) - CLEARANCE, Math.max(...passed.map(bottomOf)) + CLEARANCE];
  const y = from.y - above < below - from.y ? above : below;
  const [start, end] = [Math.min(...passed.map((box) => box.x)), Math.max(...passed.map(rightOf))];
  return `${flowPath(from, { x: start, y })}L${end} ${y}${flowPath({ x: end, y }, to).replace(/^M[^C]*/, "")}`;
}

interface Lane {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly laneY: number;
  readonly pitch: number;
  readonly nodes: readonly LoopNode[];
  readonly hasOutcome: boolean;
}

function placeFeedback(edge: LoopEdge, { boxes, laneY, pitch, nodes, hasOutcome }: Lane): PlacedEdge | undefined {
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
  // Outcomes already run along the lane from the endpoint; the arrow to the model leaves it there.
  const begin = hasOutcome ? [{ x, y: laneY }] : [start, { x: start.x, y: laneY }, { x, y: laneY }];
  return { edge, path: roundedPath([...begin, ...end], 12), label: { x, y: Math.max(bottomOf(to) + 22, (bottomOf(to) + laneY) / 2) } };
}

function layoutList({ columns: names, nodes, edges }: LoopGraph, width: number): LoopLayout {
  const { slots, count } = assignTracks(nodes, edges);
  const left = TRACKS_BEFORE + count * TRACK_PITCH;
  const boxes = new Map<string, Box>();
  const headings: (Point & { readonly text: string })[] = [];
  let y = 0;
  for (const [column, text] of names.entries()) {
    const members = nodes.filter((node) => node.column === column);
    if (members.length === 0) continue;
    headings.push({ text, x: left, y: y + 14 });
    y += HEADING_HEIGHT;
    for (const node of members) {
      boxes.set(node.id, { x: left, y, width: width - left - LIST_RIGHT, height: NODE_HEIGHT });
      y += NODE_HEIGHT + NODE_GAP;
    }
    y += 6;
  }
  return { shape: "list", width, height: Math.max(1, y - NODE_GAP), boxes, headings, edges: edges.map((edge) => ({ edge, path: placeTrack(edge, { boxes, left, slot: slots.get(edge.id) ?? 0 }) })) };
}

interface Track {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly left: number;
  readonly slot: number;
}

/** Out to the edge's track, along it, and back in: flows on the left, feedback on the right. */
function placeTrack({ kind, from, to }: LoopEdge, { boxes, left, slot }: Track): string {
  const [start, end] = [boxes.get(from)!, boxes.get(to)!];
  if (kind === "flow") {
    const x = left - 12 - slot * TRACK_PITCH;
    return roundedPath([{ x: start.x, y: middleOf(start) + 6 }, { x, y: middleOf(start) + 6 }, { x, y: middleOf(end) - 6 }, { x: end.x, y: middleOf(end) - 6 }], 8);
  }
  const [x, shift] = kind === "outcome" ? [rightOf(start) + 22, 6] : [rightOf(start) + 11, -6];
  return roundedPath([{ x: rightOf(start), y: middleOf(start) + shift }, { x, y: middleOf(start) + shift }, { x, y: middleOf(end) }, { x: rightOf(end), y: middleOf(end) }], 8);
}

/** Edges of one stream share a track, and so do those into one model or endpoint; tracks side by side only where they overlap. */
function assignTracks(nodes: readonly LoopNode[], edges: readonly LoopEdge[]): { readonly slots: ReadonlyMap<string, number>; readonly count: number } {
  const place = new Map(nodes.map((node, at) => [node.id, at]));
  const spans = new Map<string, { from: number; to: number; readonly edges: string[] }>();
  for (const { id, kind, from, to } of edges) {
    if (kind !== "flow") continue;
    const key = from.startsWith("stream:") ? from : to;
    const [start, end] = [place.get(from)!, place.get(to)!];
    const span = spans.get(key) ?? { from: start, to: end, edges: [] };
    spans.set(key, { from: Math.min(span.from, start), to: Math.max(span.to, end), edges: [...span.edges, id] });
  }
  const ends: number[] = [];
  const slots = new Map<string, number>();
  for (const span of [...spans.values()].toSorted((a, b) => a.from - b.from)) {
    const free = ends.findIndex((end) => end < span.from);
    const slot = free === -1 ? ends.length : free;
    ends[slot] = span.to;
    for (const id of span.edges) slots.set(id, slot);
  }
  return { slots, count: ends.length };
}
