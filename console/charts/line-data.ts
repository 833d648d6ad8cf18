/** What a line chart draws, worked out from its series: pure. */
import { extentOf, linearScale, nearestIndex, niceDomain } from "./scale.ts";
import type { Scale } from "./scale.ts";

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** Not final yet; drawn hollow. */
  readonly isOpen?: boolean;
}

export interface ChartSeries {
  readonly name: string;
  /** 1 to 4, a colour of the theme. */
  readonly tone: number;
  readonly isDashed?: boolean;
  readonly isArea?: boolean;
  /** Rising x. */
  readonly points: readonly ChartPoint[];
}

export interface Threshold {
  readonly value: number;
  readonly label: string;
  readonly tone: "warning" | "bad" | "plain";
}

export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface ChartScales {
  readonly x: Scale;
  readonly y: Scale;
}

export interface ScaleOptions {
  readonly plot: Plot;
  readonly thresholds?: readonly Threshold[];
  /** Default true: heights are then comparable. */
  readonly isFromZero?: boolean;
}

/** undefined when no series has a point. */
export function scalesOf(series: readonly ChartSeries[], { plot, thresholds = [], isFromZero = true }: ScaleOptions): ChartScales | undefined {
  const points = series.flatMap((one) => one.points);
  const [xs, ys] = [extentOf(points.map(({ x }) => x)), extentOf(points.map(({ y }) => y))];
  if (xs === undefined || ys === undefined) return undefined;
  const all = extentOf([...ys, ...thresholds.map(({ value }) => value), ...(isFromZero ? [0] : [])])!; // ys is within
  return { x: linearScale(xs, [plot.left, plot.right]), y: linearScale(niceDomain(all, 4), [plot.bottom, plot.top]) };
}

/** Path data through the finite points; a missing value breaks the line. */
export function linePath(points: readonly ChartPoint[], { x, y }: ChartScales): string {
  let path = "";
  let isPenDown = false;
  for (const point of points) {
    const isHere = Number.isFinite(point.x) && Number.isFinite(point.y);
    if (isHere) path += `${isPenDown ? "L" : "M"}${round(x.at(point.x))} ${round(y.at(point.y))}`;
    isPenDown = isHere;
  }
  return path;
}

/** The line closed down to the x axis. */
export function areaPath(points: readonly ChartPoint[], scales: ChartScales): string {
  const finite = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const [first, last] = [finite[0], finite.at(-1)];
  if (first === undefined || last === undefined) return "";
  const ground = round(scales.y.at(scales.y.from));
  return `${linePath(finite, scales)}L${round(scales.x.at(last.x))} ${ground}L${round(scales.x.at(first.x))} ${ground}Z`;
}

/** All x of all series, rising, each once. */
export function positionsOf(series: readonly ChartSeries[]): readonly number[] {
  return [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].toSorted((a, b) => a - b);
}

/** What a series has at x, or nearest to it; nothing beyond its ends by more than `reach`. */
export function pointAt({ points }: ChartSeries, x: number, reach: number): ChartPoint | undefined {
  const point = points[nearestIndex(points.map((candidate) => candidate.x), x)];
  return point !== undefined && Math.abs(point.x - x) <= reach ? point : undefined;
}

const round = (value: number): number => Math.round(value * 10) / 10;
