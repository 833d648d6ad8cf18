/** The metric curves of chosen runs, sorted into charts: one per metric, training and validation together. Pure. */
import type { ChartSeries } from "../charts/line-data.ts";
import type { RunOverview } from "../../src/protocols/admin/overview.ts";

export interface CurveName {
  readonly metric: string;
  readonly part: "training" | "validation" | "";
}

export interface CurveChart {
  readonly metric: string;
  readonly series: readonly ChartSeries[];
}

export const MOST_RUNS = 3;
const PARTS = [["training", /(^|[\s._/:-])(train|training)([\s._/:-]|$)/i], ["validation", /(^|[\s._/:-])(valid|validation|val|holdout|eval|test)([\s._/:-]|$)/i]] as const;

/** Title of curves that are only named by their part: the metric that the trainer watches. */
export const WATCHED_METRIC = "Metric of the training";

/** "train ndcg@10" and "ndcg@10/validation" are the two parts of "ndcg@10"; "training" alone is one of the watched metric. */
export function curveName(name: string): CurveName {
  for (const [part, pattern] of PARTS) {
    if (pattern.test(name)) return { metric: name.replace(pattern, " ").trim() || WATCHED_METRIC, part };
  }
  return { metric: name, part: "" };
}

/** Runs are lettered A, B, C in the order given; training is dashed. Metrics that most curves have come first. */
export function curveCharts(runs: readonly RunOverview[]): readonly CurveChart[] {
  const charts = new Map<string, ChartSeries[]>();
  for (const [at, run] of runs.slice(0, MOST_RUNS).entries()) {
    for (const [name, points] of Object.entries(run.curves)) {
      if (points.length < 2) continue;
      const { metric, part } = curveName(name);
      const series: ChartSeries = {
        name: [...(runs.length > 1 ? [letterOf(at)] : []), part === "" ? metric : part].join(" "), tone: at + 1, isDashed: part === "training",
        points: points.map(({ step, value }) => ({ x: step, y: value })).toSorted((a, b) => a.x - b.x),
      };
      charts.set(metric, [...(charts.get(metric) ?? []), series]);
    }
  }
  return [...charts].map(([metric, series]) => ({ metric, series })).toSorted((a, b) => b.series.length - a.series.length);
}

export const letterOf = (at: number): string => String.fromCodePoint(65 + at);

/** The chosen runs with one put in or out; the first chosen gives way to a fourth. */
export function toggleRun(chosen: readonly string[], id: string): readonly string[] {
  return chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id].slice(-MOST_RUNS);
}

/** Names of the metrics that a run ends with, in the order they are met; where there is a curve, the chart shows it. */
export function finalMetrics(runs: readonly RunOverview[]): readonly string[] {
  const curves = new Set(runs.flatMap((run) => Object.keys(run.curves)));
  return [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].filter((name) => !curves.has(name));
}
