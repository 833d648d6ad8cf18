/** An interval of a difference on a line with zero and, where there is one, the margin that must not be crossed. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { formatDifference } from "../format/numbers.ts";
import { linearScale, niceDomain, ticksOf } from "./scale.ts";
import { useWidth } from "./use-width.ts";

export interface IntervalProps {
  readonly low: number;
  readonly high: number;
  readonly middle: number;
  /** Negative: how much worse is still taken as not worse. */
  readonly margin: number | undefined;
}

const HEIGHT = 108;
const LINE_Y = 52;

export function IntervalChart({ low, high, middle, margin }: IntervalProps): ComponentChild {
  const [ref, width] = useWidth<HTMLDivElement>();
  const values = [low, high, 0, ...(margin === undefined ? [] : [margin])];
  const domain = niceDomain([Math.min(...values), Math.max(...values)], 5);
  const { at } = linearScale(domain, [16, Math.max(32, width - 16)]);
  const text = `The difference lies between ${formatDifference(low)} and ${formatDifference(high)}; measured ${formatDifference(middle)}${margin === undefined ? "" : `; the margin is ${formatDifference(margin)}`}.`;
  return h("div", { class: "interval", ref, role: "img", "aria-label": text }, width === 0 ? null : h("svg", { width, height: HEIGHT, "aria-hidden": "true" },
    h("g", { class: "axes" }, ticksOf(...domain, 5).map((value) => h("g", { key: value },
      h("path", { d: `M${at(value)} ${LINE_Y + 26}v5` }), h("text", { x: at(value), y: LINE_Y + 46, "text-anchor": "middle" }, formatDifference(value))))),
    h("path", { class: "interval-axis", d: `M${at(domain[0])} ${LINE_Y + 26}H${at(domain[1])}` }),
    h(Guide, { x: at(0), text: "no difference", name: "zero", anchor: anchorOf(at(0), width) }),
    margin === undefined ? null : h(Guide, { x: at(margin), text: "margin", name: "margin", anchor: at(0) - at(margin) < 90 ? "end" : anchorOf(at(margin), width) }),
    h("rect", { class: `interval-bar ${verdictOf(low, high, margin)}`, x: at(low), y: LINE_Y - 7, width: Math.max(2, at(high) - at(low)), height: 14, rx: 7 }),
    h("path", { class: "interval-ends", d: `M${at(low)} ${LINE_Y - 11}v22M${at(high)} ${LINE_Y - 11}v22` }),
    h("circle", { class: "interval-middle", cx: at(middle), cy: LINE_Y, r: 4.5 })));
}

/** By the place of the interval alone; the platform's decision and its reason stand in words. */
function verdictOf(low: number, high: number, margin: number | undefined): "better" | "worse" | "open" {
  if (high < 0) return "worse";
  return low > (margin ?? 0) ? "better" : "open";
}

const anchorOf = (x: number, width: number): string => (x < 60 ? "start" : x > width - 60 ? "end" : "middle");

interface GuideProps {
  readonly x: number;
  readonly text: string;
  readonly name: string;
  readonly anchor: string;
}

function Guide({ x, text, name, anchor }: GuideProps): ComponentChild {
  return h("g", { class: `guide guide-${name}` }, h("path", { d: `M${x} 22V${LINE_Y + 26}` }), h("text", { x: anchor === "end" ? x + 4 : anchor === "start" ? x - 4 : x, y: 14, "text-anchor": anchor }, text));
}
