/** A line without axes beside a figure. It adds nothing that the figure does not say, so screen readers skip it. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { areaPath, linePath, scalesOf } from "./line-data.ts";

const WIDTH = 120;
const HEIGHT = 28;
/** Fewer points are no history. */
const FEWEST = 3;

export function Sparkline({ values, tone = 1 }: { readonly values: readonly number[]; readonly tone?: number }): ComponentChild {
  const points = values.map((y, x) => ({ x, y }));
  const scales = scalesOf([{ name: "", tone, points }], { plot: { left: 0, right: WIDTH, top: 3, bottom: HEIGHT - 1 } });
  if (points.length < FEWEST || scales === undefined) return null;
  return h("svg", { class: `sparkline line-${tone}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    h("path", { class: "area", d: areaPath(points, scales) }), h("path", { class: "line", d: linePath(points, scales), "vector-effect": "non-scaling-stroke" }));
}
