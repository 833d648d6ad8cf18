/** Latency over throughput as text: one column per step of width, a logarithmic height, the bound as a line. */
import type { CurvePoint } from "../../../platform/load-test.ts";
import { formatNumber } from "../../terminal/format.ts";
import type { Palette } from "../../terminal/color.ts";
import { milliseconds } from "./milliseconds.ts";

export interface CurveChartOptions {
  readonly palette: Palette;
  readonly width: number;
  readonly boundMs: number;
}

const ROWS = 12;
const LABEL = 9;

export function renderCurve(points: readonly CurvePoint[], { palette, width, boundMs }: CurveChartOptions): string {
  const columns = Math.max(20, width - LABEL - 2);
  const latencies = points.flatMap((point) => [point.p50Ms, point.p99Ms]).filter((latency) => latency > 0);
  const [low, high] = [Math.min(boundMs, ...latencies) / 1.3, Math.max(boundMs, ...latencies) * 1.3];
  const fastest = Math.max(...points.map((point) => point.perSecond));
  const rowOf = (latencyMs: number): number => Math.min(ROWS - 1, Math.max(0, Math.round((1 - Math.log(latencyMs / low) / Math.log(high / low)) * (ROWS - 1))));
  const columnOf = (perSecond: number): number => Math.min(columns - 1, Math.round((perSecond / fastest) * (columns - 1)));
  const cells = Array.from({ length: ROWS }, () => Array.from({ length: columns }, () => " "));
  cells[rowOf(boundMs)]!.fill(palette.red("┄"));
  for (const { perSecond, p50Ms, p99Ms, isHeld } of points) {
    cells[rowOf(p50Ms)]![columnOf(perSecond)] = palette.blue(isHeld ? "•" : "∘");
    cells[rowOf(p99Ms)]![columnOf(perSecond)] = palette.yellow(isHeld ? "●" : "○");
  }
  const labels = new Map([[0, milliseconds(high)], [rowOf(boundMs), milliseconds(boundMs)], [ROWS - 1, milliseconds(low)]]);
  const body = cells.map((row, index) => `${palette.dim((labels.get(index) ?? "").padStart(LABEL))} ${palette.dim("│")}${row.join("").trimEnd()}`);
  const axis = `${" ".repeat(LABEL)} ${palette.dim(`└${"─".repeat(columns)}`)}`;
  const ends = `${" ".repeat(LABEL + 2)}${palette.dim("0")}${palette.dim(`${formatNumber(fastest, 0)}/s`.padStart(columns - 1))}`;
  return [...body, axis, ends, `${" ".repeat(LABEL + 2)}${palette.yellow("●")} p99  ${palette.blue("•")} p50  ${palette.yellow("○")} did not hold  ${palette.red("┄")} bound`].join("\n");
}
