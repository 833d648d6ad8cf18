/** Horizontal bars: one stacked from shares, and a list of named ones. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { formatCount, formatShare } from "../format/numbers.ts";

export interface Share {
  readonly name: string;
  readonly count: number;
  readonly share: number;
  /** 1 to 4, or 0 for what is not a version. */
  readonly tone: number;
}

/** Parts of a whole in one bar, each named with its number below. */
export function StackedBar({ label, parts }: { readonly label: string; readonly parts: readonly Share[] }): ComponentChild {
  let start = 0;
  return h("div", { class: "stacked" },
    h("svg", { class: "stacked-bar", width: "100%", height: 14, role: "img", "aria-label": `${label}: ${parts.map(({ name, share }) => `${name} ${formatShare(share)}`).join(", ")}` },
      parts.map(({ name, share, tone }) => {
        const x = start;
        start += share;
        return h("rect", { key: name, class: `part part-${tone}`, x: `${x * 100}%`, width: `${share * 100}%`, height: 14 }, h("title", null, `${name}: ${formatShare(share)}`));
      })),
    h("ul", { class: "stacked-legend" }, parts.map(({ name, share, count, tone }) =>
      h("li", { key: name }, h("i", { class: `part-${tone}`, "aria-hidden": "true" }), h("span", null, name), h("b", null, formatShare(share)), h("small", null, formatCount(count))))));
}

export interface NamedValue {
  readonly name: string;
  readonly value: number;
}

/** Bars as long as their values against the first, which is the largest. */
export function BarList({ label, values, format }: { readonly label: string; readonly values: readonly NamedValue[]; readonly format: (value: number) => string }): ComponentChild {
  const largest = Math.max(...values.map(({ value }) => value), Number.MIN_VALUE);
  return h("ol", { class: "bar-list", "aria-label": label }, values.map(({ name, value }) =>
    h("li", { key: name },
      h("span", { class: "bar-name", title: name }, name), h("b", null, format(value)),
      h("svg", { width: "100%", height: 6, "aria-hidden": "true" }, h("rect", { class: "bar-back", width: "100%", height: 6, rx: 3 }), h("rect", { class: "bar-value", width: `${Math.max(0, value / largest) * 100}%`, height: 6, rx: 3 })))));
}
