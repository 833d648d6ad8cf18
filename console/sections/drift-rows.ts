/** Drift windows turned into rows of a heatmap and a line: pure. */
import type { HeatmapRow } from "../charts/heatmap-cells.ts";
import type { ChartSeries } from "../charts/line-data.ts";
import type { DriftOverview, PerformanceOverview } from "../../src/protocols/admin/overview.ts";
import { toneOfVariant } from "./tones.ts";

/** The row of the model's scores, beside the features'. */
export const PREDICTION = "prediction";

/** The prediction first; then what drifted in the latest window, and the largest PSI before the others. */
export function driftRows({ windows }: DriftOverview): readonly HeatmapRow[] {
  const names = [...new Set(windows.flatMap(({ features }) => features.map(({ name }) => name)))];
  const latest = windows.at(-1);
  const rows = names.map((name): HeatmapRow => ({
    name, isDrifted: latest?.features.some((feature) => feature.name === name && feature.drifted) === true,
    values: windows.map(({ features }) => finite(features.find((feature) => feature.name === name)?.psi)),
  }));
  const predictions = windows.map(({ prediction }) => finite(prediction?.psi));
  return [
    ...(predictions.some((psi) => psi !== undefined) ? [{ name: PREDICTION, values: predictions, isDrifted: latest?.prediction?.drifted === true, isApart: true }] : []),
    ...rows.toSorted((a, b) => Number(b.isDrifted) - Number(a.isDrifted) || severity(b.values) - severity(a.values)),
  ];
}

const finite = (psi: number | undefined): number | undefined => (psi !== undefined && Number.isFinite(psi) ? psi : undefined);

/** The latest value decides; the largest ever breaks ties between features that are quiet now. */
function severity(values: readonly (number | undefined)[]): number {
  return (values.at(-1) ?? 0) + 1e-3 * Math.max(0, ...values.map((psi) => psi ?? 0));
}

export function driftLine(row: HeatmapRow, { windows }: DriftOverview): ChartSeries {
  return { name: row.name, tone: 1, isArea: true, points: windows.map(({ atMs }, at) => ({ x: atMs, y: row.values[at] ?? Number.NaN })) };
}

/** One line per version and variant; windows whose outcomes are not all in are open. The fallback has no model to judge. */
export function rewardSeries({ windows }: PerformanceOverview): readonly ChartSeries[] {
  const lines = new Map<string, { readonly tone: number; readonly points: ChartSeries["points"][number][] }>();
  for (const { variant, version, atMs, meanReward, completeShare, answers } of windows) {
    if (answers === 0) continue;
    const name = `${variant} v${version}`;
    const line = lines.get(name) ?? { tone: freeTone(toneOfVariant(variant), [...lines.values()].map(({ tone }) => tone)), points: [] };
    line.points.push({ x: atMs, y: meanReward, isOpen: completeShare < 0.999 });
    lines.set(name, line);
  }
  return [...lines].map(([name, line], at, all) => ({ name, ...line, isDashed: all.slice(0, at).some(([, other]) => other.tone === line.tone) }));
}

/** The usual colour unless an earlier version has it; when all are taken, the line is dashed instead. */
function freeTone(usual: number, taken: readonly number[]): number {
  return [usual, 2, 4, 3, 1].find((tone) => !taken.includes(tone)) ?? usual;
}
