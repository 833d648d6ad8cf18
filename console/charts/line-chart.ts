/**
 * Lines over a common x, with axes, thresholds and a read-out: the legend shows the values at the pointer, or at the
 * position moved with the arrow keys, and the latest ones otherwise.
 */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { areaPath, linePath, pointAt, positionsOf, scalesOf } from "./line-data.ts";
import type { ChartScales, ChartSeries, Plot, Threshold } from "./line-data.ts";
import { extentOf, nearestIndex, ticksOf } from "./scale.ts";
import { textWidth } from "./text-width.ts";
import { useWidth } from "./use-width.ts";

export interface AxisMark {
  readonly value: number;
  readonly label: string;
}

export interface LineChartProps {
  /** What is shown, for people who do not see it. */
  readonly label: string;
  readonly series: readonly ChartSeries[];
  readonly height?: number;
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  readonly marksOfX: (from: number, to: number, count: number) => readonly AxisMark[];
  readonly thresholds?: readonly Threshold[];
  readonly isFromZero?: boolean;
}

/** Of the axes' labels, as in charts.css. */
const LABEL = { sizePx: 11, weight: 400 };

export function LineChart(props: LineChartProps): ComponentChild {
  const { label, series, height = 168, formatX, formatY, thresholds = [], isFromZero = true } = props;
  const [ref, width] = useWidth<HTMLDivElement>();
  const [chosen, choose] = useState<number | undefined>(undefined);
  const rough = scalesOf(series, { plot: { left: 0, right: 1, top: 0, bottom: 1 }, thresholds, isFromZero });
  const yMarks = rough === undefined ? [] : ticksOf(rough.y.from, rough.y.to, 4).map((value) => ({ value, label: formatY(value) }));
  const margin = Math.max(0, ...yMarks.map((mark) => textWidth(mark.label, LABEL))) + 12;
  const plot: Plot = { left: margin, right: Math.max(margin + 10, width - 10), top: 8, bottom: height - 22 };
  const scales = scalesOf(series, { plot, thresholds, isFromZero });
  const positions = positionsOf(series);
  const at = chosen === undefined ? undefined : positions[Math.min(chosen, positions.length - 1)];
  const step = (change: number): void => choose(Math.max(0, Math.min(positions.length - 1, (chosen ?? positions.length - 1) + change)));
  const follow = (event: PointerEvent): void => {
    if (scales === undefined) return;
    const offset = event.clientX - (event.currentTarget as Element).getBoundingClientRect().left;
    choose(nearestIndex(positions.map(scales.x.at), offset));
  };
  const keys: Readonly<Record<string, () => void>> = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => choose(0), End: () => choose(positions.length - 1), Escape: () => choose(undefined) };
  return h("div", { class: "chart" },
    h(Legend, { ...props, at }),
    h("div", {
      class: "chart-plot", ref, tabIndex: 0, role: "img", "aria-label": describe(props), style: { height: `${height}px` },
      onPointerMove: follow, onPointerLeave: () => choose(undefined), onBlur: () => choose(undefined),
      onKeyDown: (event: KeyboardEvent) => {
        const act = keys[event.key];
        if (act === undefined) return;
        event.preventDefault();
        act();
      },
    }, width === 0 || scales === undefined ? null : h("svg", { width, height, "aria-hidden": "true", "data-chart": label },
      h(Axes, { scales, plot, yMarks, xMarks: props.marksOfX(scales.x.from, scales.x.to, Math.max(2, Math.floor((plot.right - plot.left) / 90))) }),
      thresholds.map((threshold) => h(ThresholdLine, { threshold, scales, plot })),
      series.map((one) => h(Line, { series: one, scales })),
      at === undefined ? null : h(Crosshair, { x: at, series, scales, plot }))),
    h("p", { class: "visually-hidden", "aria-live": "polite" }, at === undefined ? "" : `${formatX(at)}: ${series.map((one) => `${one.name} ${valueText(one, at, formatY)}`).join(", ")}`));
}

function valueText(series: ChartSeries, x: number, formatY: (y: number) => string): string {
  const point = pointAt(series, x, reachOf(series));
  return point === undefined ? "–" : formatY(point.y);
}

/** Half of the usual distance between points. */
function reachOf({ points }: ChartSeries): number {
  return points.length < 2 ? 0 : (points.at(-1)!.x - points[0]!.x) / (points.length - 1) / 2;
}

function describe({ label, series, formatY }: LineChartProps): string {
  const parts = series.flatMap(({ name, points }) => {
    const extent = extentOf(points.map(({ y }) => y));
    return extent === undefined ? [] : [`${name}: latest ${formatY(points.at(-1)!.y)}, lowest ${formatY(extent[0])}, highest ${formatY(extent[1])}`];
  });
  return `${label}. ${parts.join(". ")}. Arrow keys read single values.`;
}

function Legend({ series, at, formatX, formatY }: LineChartProps & { readonly at: number | undefined }): ComponentChild {
  return h("div", { class: "legend" },
    h("ul", null, series.map((one) => {
      const last = one.points.at(-1);
      return h("li", { key: one.name }, h(Swatch, { series: one }), h("span", null, one.name), h("b", null, at !== undefined ? valueText(one, at, formatY) : last === undefined ? "–" : formatY(last.y)));
    })),
    h("span", { class: "legend-at" }, at === undefined ? "latest" : formatX(at)));
}

function Swatch({ series: { tone, isDashed } }: { readonly series: ChartSeries }): ComponentChild {
  return h("svg", { class: `swatch line-${tone}`, width: 16, height: 8, "aria-hidden": "true" }, h("path", { d: "M0 4H16", class: isDashed === true ? "line dashed" : "line" }));
}

interface AxesProps {
  readonly scales: ChartScales;
  readonly plot: Plot;
  readonly xMarks: readonly AxisMark[];
  readonly yMarks: readonly AxisMark[];
}

function Axes({ scales, plot, xMarks, yMarks }: AxesProps): ComponentChild {
  return h("g", { class: "axes" },
    yMarks.map(({ value, label }) => h("g", { key: `y${value}` },
      h("path", { d: `M${plot.left} ${scales.y.at(value)}H${plot.right}` }),
      h("text", { x: plot.left - 8, y: scales.y.at(value), dy: "0.32em", "text-anchor": "end" }, label))),
    xMarks.map(({ value, label }) => h("text", { key: `x${value}`, x: inside(scales.x.at(value), plot, label), y: plot.bottom + 16, "text-anchor": "middle" }, label)));
}

/** Labels at the ends stay within the picture. */
function inside(x: number, plot: Plot, label: string): number {
  const half = textWidth(label, LABEL) / 2;
  return Math.min(plot.right + 8 - half, Math.max(plot.left - 8 + half, x));
}

function ThresholdLine({ threshold: { value, label, tone }, scales, plot }: { readonly threshold: Threshold; readonly scales: ChartScales; readonly plot: Plot }): ComponentChild {
  const y = scales.y.at(value);
  return h("g", { class: `threshold threshold-${tone}` }, h("path", { d: `M${plot.left} ${y}H${plot.right}` }), h("text", { x: plot.right, y: y - 4, "text-anchor": "end" }, label));
}

function Line({ series: { tone, isDashed, isArea, points }, scales }: { readonly series: ChartSeries; readonly scales: ChartScales }): ComponentChild {
  const dot = (point: ChartSeries["points"][number], name: string): ComponentChild => h("circle", { class: name, cx: scales.x.at(point.x), cy: scales.y.at(point.y), r: 3 });
  return h("g", { class: `line-${tone}` },
    isArea === true ? h("path", { class: "area", d: areaPath(points, scales) }) : null,
    h("path", { class: isDashed === true ? "line dashed" : "line", d: linePath(points, scales) }),
    points.length === 1 ? dot(points[0]!, "dot") : null,
    points.filter((point) => point.isOpen === true).map((point) => dot(point, "dot open")));
}

interface CrosshairProps {
  readonly x: number;
  readonly series: readonly ChartSeries[];
  readonly scales: ChartScales;
  readonly plot: Plot;
}

function Crosshair({ x, series, scales, plot }: CrosshairProps): ComponentChild {
  return h("g", { class: "crosshair" },
    h("path", { d: `M${scales.x.at(x)} ${plot.top}V${plot.bottom}` }),
    series.map((one) => {
      const point = pointAt(one, x, reachOf(one));
      return point === undefined || !Number.isFinite(point.y) ? null : h("g", { class: `line-${one.tone}` }, h("circle", { class: "dot", cx: scales.x.at(point.x), cy: scales.y.at(point.y), r: 3.5 }));
    }));
}
