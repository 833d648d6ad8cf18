/**
 * Whether two classifiers differ in their area under the ROC curve on the same rows: the test of DeLong, DeLong &
 * Clarke-Pearson (1988), which knows that both saw the same labels. Exact in O(n log n) by midranks (Sun & Xu 2014),
 * so that no resampling is needed.
 */
import { StrataError } from "../../kernel/errors.ts";
import { normalQuantile } from "../../observe/index.ts";
import type { Numbers } from "./metrics.ts";

export interface AucDifference {
  /** AUC of a less AUC of b. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly excludesZero: boolean;
  readonly level: number;
  readonly method: "delong";
}

/** STATISTICS_INPUT_INVALID when lengths differ or a class has fewer than two rows. */
export function compareAuc(a: Numbers, b: Numbers, labels: Numbers, { level = 0.95 }: { readonly level?: number } = {}): AucDifference {
  if (a.length !== labels.length || b.length !== labels.length) throw invalid(`there are ${a.length} and ${b.length} scores for ${labels.length} labels`);
  const first = placements(a, labels);
  const second = placements(b, labels);
  if (first.positives.length < 2 || first.negatives.length < 2) throw invalid("it needs two rows of each class");
  const ofPositives = momentsOf(first.positives.map((share, i) => share - second.positives[i]!));
  const ofNegatives = momentsOf(first.negatives.map((share, i) => share - second.negatives[i]!));
  const variance = ofPositives.variance / first.positives.length + ofNegatives.variance / first.negatives.length;
  const half = normalQuantile(0.5 + level / 2) * Math.sqrt(variance);
  const difference = ofPositives.mean;
  return { difference, low: difference - half, high: difference + half, excludesZero: Math.abs(difference) > half, level, method: "delong" };
}

interface Placements {
  /** Per positive, the share of negatives it beats. */
  readonly positives: Float64Array;
  /** Per negative, the share of positives that beat it. */
  readonly negatives: Float64Array;
}

function placements(scores: Numbers, labels: Numbers): Placements {
  const rows = Array.from({ length: labels.length }, (_, row) => row);
  const positiveRows = rows.filter((row) => labels[row]! > 0.5);
  const negativeRows = rows.filter((row) => labels[row]! <= 0.5);
  const among = midranks(scores, rows);
  const amongPositives = midranks(scores, positiveRows);
  const amongNegatives = midranks(scores, negativeRows);
  return {
    positives: Float64Array.from(positiveRows, (row) => (among.get(row)! - amongPositives.get(row)!) / negativeRows.length),
    negatives: Float64Array.from(negativeRows, (row) => 1 - (among.get(row)! - amongNegatives.get(row)!) / positiveRows.length),
  };
}

/** Rank of each row from 1, equal scores sharing the middle of their ranks. */
function midranks(scores: Numbers, rows: readonly number[]): ReadonlyMap<number, number> {
  const order = rows.toSorted((p, q) => scores[p]! - scores[q]!);
  const ranks = new Map<number, number>();
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    for (let i = start; i < end; i++) ranks.set(order[i]!, (start + end + 1) / 2);
    start = Math.max(end, start + 1);
  }
  return ranks;
}

function momentsOf(values: Float64Array): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (values.length - 1) };
}

function invalid(reason: string): StrataError {
  return new StrataError("STATISTICS_INPUT_INVALID", { what: "The comparison of areas under the curve", reason });
}
