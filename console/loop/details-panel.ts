/** The panel beside the loop. It takes the focus when it opens, Escape closes it, and the focus goes back to the node. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "../icons.ts";
import { Badge } from "../parts.ts";
import type { DetailRow, NodeDetails } from "./details.ts";

export interface DetailsPanelProps {
  readonly id: string;
  readonly details: NodeDetails | undefined;
  readonly onClose: () => void;
}

/** Layout effects: the panel takes the focus and hears Escape from the moment it is seen. */
export function DetailsPanel({ id, details, onClose }: DetailsPanelProps): ComponentChild {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    heading.current?.focus({ preventScroll: true });
    return () => {
      // Only when the panel still had the focus: another node that was clicked keeps its own.
      if (document.activeElement === document.body || heading.current?.closest("aside")?.contains(document.activeElement) === true) {
        document.querySelector<SVGGElement>(`[data-node="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
      }
    };
  }, [id]);
  useLayoutEffect(() => {
    const close = (event: KeyboardEvent): void => { if (event.key === "Escape") onClose(); };
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, [onClose]);
  return h("aside", { class: "panel", "aria-labelledby": "panel-title" },
    h("header", null,
      h("div", null, h("p", { class: `panel-kind kind-${details?.kind ?? "none"}` }, details === undefined ? null : h(Icon, { name: details.kind, size: 14 }), details?.kindName ?? "Not found"),
        h("h3", { id: "panel-title", ref: heading, tabIndex: -1 }, details?.name ?? id)),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close details", onClick: onClose }, h(Icon, { name: "close" }))),
    details === undefined ? h("p", null, "Nothing of this name runs now.") : h(Content, { details }));
}

function Content({ details: { description, marks, rows, groups, lists } }: { readonly details: NodeDetails }): ComponentChild {
  return h("div", { class: "panel-body" },
    description === "" ? null : h("p", { class: "panel-description" }, description),
    marks.map((mark) => h("div", { key: mark.text, class: `notice notice-${mark.tone}` }, h(Badge, { tone: mark.tone }, mark.text), h("p", null, mark.explanation))),
    h(Rows, { rows }),
    groups.map((group) => h("section", { key: group.title }, h("h4", null, group.title), h(Rows, { rows: group.rows }))),
    lists.map((list) => h("section", { key: list.title }, h("h4", null, list.title), h("ul", { class: "chips" }, list.items.map((item) => h("li", { key: item }, item))))));
}

function Rows({ rows }: { readonly rows: readonly DetailRow[] }): ComponentChild {
  return h("dl", { class: "rows" }, rows.map(({ label, value }) => h("div", { key: label }, h("dt", null, label), h("dd", null, value))));
}
