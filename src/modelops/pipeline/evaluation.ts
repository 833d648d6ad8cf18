/**
 * How good scores are on held-out rows, in the form that gates and reports need: one value per query (or row) where a
 * metric is a mean, scores and labels where it is not. Pure.
 */
import type { Objective } from "../../define/index.ts";
import { evaluateRanking } from "../validation/ranking.ts";
import type { RankingGroup } from "../validation/ranking.ts";
import type { MetricEvidence, ModelEvidence } from "../validation/gates.ts";
import { accuracy, auc, logLossOf, rmse } from "../validation/metrics.ts";

export interface HeldOutRows {
  readonly objective: Objective;
  readonly label: Float64Array;
  /** Rows of each query, in row order; for ranking. */
  readonly groupSizes?: Uint32Array;
  /** Relevant items of each query, also those that were not candidates; for recall. */
  readonly totalRelevant?: Float64Array;
}

/** Metrics every report of an objective has, whatever its gates ask. */
const STANDARD_METRICS: Readonly<Record<Objective, readonly string[]>> = {
  lambdarank: ["ndcg@10", "recall@20"], binary: ["auc", "logloss"], regression: ["rmse", "mae"], multiclass: ["accuracy", "logloss"],
};

export function metricsFor(objective: Objective, gateMetrics: readonly string[]): readonly string[] {
  return [...new Set([...STANDARD_METRICS[objective], ...gateMetrics])];
}

/** `scores` has `outputs` numbers per row: probabilities for classes, values or ranking scores otherwise. */
export function evaluateScores(rows: HeldOutRows, scores: Float64Array, metrics: readonly string[]): ModelEvidence {
  return Object.fromEntries(metrics.map((metric) => [metric, evidenceOf(metric, rows, scores)]));
}

function evidenceOf(metric: string, rows: HeldOutRows, scores: Float64Array): MetricEvidence {
  const [name, places] = metric.split("@");
  switch (name) {
    case "ndcg": return evaluateRanking(groupsOf(rows, scores), Number(places)).perGroup.ndcg;
    case "recall": return evaluateRanking(groupsOf(rows, scores), Number(places)).perGroup.recall;
    case "auc": return { scores, labels: rows.label };
    case "logloss": return logLossPerRow(rows, scores);
    case "mae": return rows.label.map((label, row) => Math.abs(label - scores[row]!));
    case "rmse": return rmse(scores, rows.label);
    case "accuracy": return rows.objective === "multiclass" ? hits(rows.label, scores) : accuracy(scores, rows.label);
    default: return Number.NaN; // a gate on it fails with its reason
  }
}

/** The figure a person reads: the mean of per-query values, the AUC of scores and labels. */
export function figureOf(evidence: MetricEvidence): number {
  if (typeof evidence === "number") return evidence;
  if ("scores" in evidence) return auc(evidence.scores, evidence.labels);
  let sum = 0;
  for (const value of evidence) sum += value;
  return sum / evidence.length;
}

function groupsOf({ label, groupSizes = Uint32Array.of(label.length), totalRelevant }: HeldOutRows, scores: Float64Array): readonly RankingGroup[] {
  let start = 0;
  return Array.from(groupSizes, (size, group) => {
    const [from, to] = [start, (start += size)];
    return { scores: scores.subarray(from, to), relevance: label.subarray(from, to), ...(totalRelevant ? { totalRelevant: totalRelevant[group]! } : {}) };
  });
}

function logLossPerRow({ objective, label }: HeldOutRows, scores: Float64Array): Float64Array {
  if (objective !== "multiclass") return label.map((value, row) => logLossOf(scores[row]!, value));
  const classes = scores.length / label.length;
  return label.map((value, row) => logLossOf(value < classes ? scores[row * classes + value]! : 0, 1)); // an earlier version may know fewer classes
}

function hits(label: Float64Array, scores: Float64Array): Float64Array {
  const classes = scores.length / label.length;
  return label.map((value, row) => {
    const row0 = scores.subarray(row * classes, (row + 1) * classes);
    return row0.indexOf(Math.max(...row0)) === value ? 1 : 0;
  });
}

