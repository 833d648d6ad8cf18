/** The loop, or the gateway, as a live picture: edges behind, nodes before them; a node is a button that opens its details. */
import { h } from "preact";
import type { ComponentChild, RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { textWidth } from "../charts/text-width.ts";
import { useWidth } from "../charts/use-width.ts";
import { formatShare } from "../format/numbers.ts";
import { flowLevel } from "./graph.ts";
import type { LoopGraph, LoopNode } from "./graph.ts";
import { layoutLoop } from "./layout.ts";
import type { PlacedEdge } from "./layout.ts";
import { NodePicture } from "./node-picture.ts";

export interface LoopPictureProps {
  readonly graph: LoopGraph;
  /** What the picture shows, for those who do not see it. */
  readonly label: string;
  readonly selected: string | undefined;
  readonly onSelect: (id: string) => void;
}

export function LoopPicture({ graph, label, selected, onSelect }: LoopPictureProps): ComponentChild {
  const [ref, width] = useWidth<HTMLDivElement>();
  const [pointed, point] = useState<string | undefined>(undefined);
  const layout = layoutLoop(graph, width);
  usePauseUnseen(ref);
  return h("div", { ref, class: "loop" }, width === 0 ? null : h("svg", { width, height: layout.height, viewBox: `0 0 ${layout.width} ${layout.height}`, role: "group", "aria-label": label },
    graph.edges.every((edge) => edge.kind === "flow") ? null : h("defs", null, ["outcome", "training", "lit"].map((name) => h("marker", { id: `arrow-${name}`, class: `arrow arrow-${name}`, viewBox: "0 0 8 8", refX: 6.5, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, h("path", { d: "M0 0 8 4 0 8Z" })))),
    h("g", { "aria-hidden": "true" },
      layout.headings.map(({ text, x, y }) => h("text", { key: text, class: "loop-heading", x, y }, text)),
      layout.edges.map((placed) => h(EdgePicture, { key: placed.edge.id, placed, emphasis: emphasisOf(placed, pointed, selected) })),
      layout.edges.map((placed) => h(EdgeLabel, { key: `label ${placed.edge.id}`, placed, progress: graph.nodes.find((node) => node.id === placed.edge.to)?.progress }))),
    graph.nodes.map((node) => h(NodePicture, {
      key: node.id, node, box: layout.boxes.get(node.id)!, isSelected: node.id === selected, isDimmed: pointed !== undefined && !isNear(node, pointed, layout.edges), onSelect, onPoint: point,
    }))));
}

/** Dots that nobody sees need not run: their animation costs a paint per frame. */
function usePauseUnseen(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new IntersectionObserver((entries) => element.classList.toggle("unseen", entries.at(-1)?.isIntersecting === false));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
}

/** What is pointed at puts the rest into the background; what is selected stays so for long, and only stands out. */
function emphasisOf({ edge }: PlacedEdge, pointed: string | undefined, selected: string | undefined): "" | "strong" | "dim" {
  const focus = pointed ?? selected;
  if (focus !== undefined && (edge.from === focus || edge.to === focus)) return "strong";
  return pointed === undefined ? "" : "dim";
}

function isNear(node: LoopNode, focus: string, edges: readonly PlacedEdge[]): boolean {
  return node.id === focus || edges.some(({ edge }) => (edge.from === focus && edge.to === node.id) || (edge.to === focus && edge.from === node.id));
}

/** A quiet line as thick as the flow, and dots that run along it as fast. */
function EdgePicture({ placed: { edge, path }, emphasis }: { readonly placed: PlacedEdge; readonly emphasis: string }): ComponentChild {
  const level = flowLevel(edge.perSecond);
  const isLit = edge.isActive === true;
  const name = `edge edge-${edge.kind} level-${level} ${emphasis} ${isLit ? "lit" : ""}`;
  const arrow = edge.kind === "flow" ? {} : { "marker-end": `url(#arrow-${isLit ? "lit" : edge.kind})` };
  return h("g", { class: name, "data-edge": edge.id },
    h("title", null, edge.text),
    h("path", { class: "edge-line", d: path, ...arrow }),
    level > 0 || isLit ? h("path", { class: "edge-dots", d: path }) : null);
}

/** As in loop.css. */
const LABEL = { sizePx: 11, weight: 600 };

function EdgeLabel({ placed: { edge, label }, progress }: { readonly placed: PlacedEdge; readonly progress: number | undefined }): ComponentChild {
  if (label === undefined) return null;
  const text = edge.kind === "outcome" ? "outcomes" : edge.isActive === true ? `training ${formatShare(progress ?? 0)}` : "retraining";
  const width = textWidth(text, LABEL) + 20;
  return h("g", { class: `edge-label ${edge.isActive === true ? "lit" : ""}`, transform: `translate(${label.x - width / 2} ${label.y - 10})` },
    h("rect", { width, height: 20, rx: 10 }), h("text", { x: width / 2, y: 14, "text-anchor": "middle" }, text));
}
