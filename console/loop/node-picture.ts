/** One node of the loop: icon, name, live figure, and its worst mark as a label on the border. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { fitText, textWidth } from "../charts/text-width.ts";
import type { TextStyle } from "../charts/text-width.ts";
import { ICONS } from "../icons.ts";
import type { LoopNode } from "./graph.ts";
import { KIND_NAMES } from "./node-kind.ts";
import type { Box } from "./layout.ts";
import type { Mark } from "./marks.ts";

export interface NodePictureProps {
  readonly node: LoopNode;
  readonly box: Box;
  readonly isSelected: boolean;
  readonly isDimmed: boolean;
  readonly onSelect: (id: string) => void;
  readonly onPoint: (id: string | undefined) => void;
}

/** Boxes narrower than this keep closer margins. */
const ROOMY_PX = 190;
/** As in loop.css. */
const NAME: TextStyle = { sizePx: 13, weight: 600 };
const FIGURE: TextStyle = { sizePx: 14, weight: 620 };
const UNIT: TextStyle = { sizePx: 12, weight: 400 };
const LABEL: TextStyle = { sizePx: 11, weight: 600 };
const LABEL_SIDES = 32;

const fit = (text: string, room: number, style: TextStyle): string => fitText(text, room, (part) => textWidth(part, style));

export function NodePicture({ node, box, isSelected, isDimmed, onSelect, onPoint }: NodePictureProps): ComponentChild {
  const { id, kind, name, figure, unit, marks, progress } = node;
  const tone = marks[0]?.tone ?? "none";
  const iconX = box.width < ROOMY_PX ? 8 : 12;
  const textX = iconX + (box.width < ROOMY_PX ? 34 : 38);
  const room = box.width - textX - iconX;
  const open = (): void => onSelect(id);
  return h("g", {
    class: `node node-${kind} node-tone-${tone} ${isSelected ? "selected" : ""} ${isDimmed ? "dim" : ""}`, transform: `translate(${box.x} ${box.y})`, "data-node": id,
    role: "button", tabIndex: 0, "aria-expanded": isSelected, "aria-label": [`${KIND_NAMES[kind]} ${name}: ${figure} ${unit}`, ...marks.map((mark) => mark.text)].join(". "),
    onClick: open, onPointerEnter: () => onPoint(id), onPointerLeave: () => onPoint(undefined), onFocus: () => onPoint(id), onBlur: () => onPoint(undefined),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      open();
    },
  },
    h("rect", { class: "node-focus", x: -4, y: -4, width: box.width + 8, height: box.height + 8, rx: 14 }),
    h("rect", { class: "node-box", width: box.width, height: box.height, rx: 10 }),
    h("rect", { class: "node-icon-back", x: iconX, y: 17, width: 28, height: 28, rx: 8 }),
    h("path", { class: "node-icon", transform: `translate(${iconX + 6} 23)`, d: ICONS[kind] }),
    h("text", { class: "node-name", x: textX, y: 26 }, fit(name, room, NAME)),
    h("text", { class: "node-figure", x: textX, y: 46 }, figure, h("tspan", { class: "node-unit", dx: 5 }, fit(unit, room - textWidth(figure, FIGURE) - 5, UNIT))),
    progress === undefined ? null : h("g", { class: "node-progress" }, h("rect", { x: 12, y: box.height - 7, width: box.width - 24, height: 3, rx: 1.5 }), h("rect", { class: "done", x: 12, y: box.height - 7, width: Math.max(0, Math.min(1, progress)) * (box.width - 24), height: 3, rx: 1.5 })),
    marks[0] === undefined ? null : h(MarkLabel, { mark: marks[0], others: marks.slice(1), right: box.width - 10 }));
}

function MarkLabel({ mark, others, right }: { readonly mark: Mark; readonly others: readonly Mark[]; readonly right: number }): ComponentChild {
  const more = others.length === 0 ? "" : ` +${others.length}`;
  const text = fit(mark.text, right - 6 - LABEL_SIDES - textWidth(more, LABEL), LABEL) + more;
  const width = textWidth(text, LABEL) + LABEL_SIDES;
  return h("g", { class: `mark mark-${mark.tone}`, transform: `translate(${right - width} -10)` },
    h("title", null, [mark, ...others].map((one) => one.explanation).join("\n")),
    h("rect", { width, height: 20, rx: 10 }),
    h("path", { class: "mark-icon", transform: "translate(7 4) scale(0.75)", d: ICONS[mark.tone] }),
    h("text", { x: 22, y: 14 }, text));
}
