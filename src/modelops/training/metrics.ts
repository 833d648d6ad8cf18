/**
 * Metrics of raw scores against labels, weighted by rows. Raw, because a sigmoid would lose digits of confident
 * scores. Scores are laid out [output * rows + row].
 */
import { isHigherBetter } from "../../define/index.ts";
import { discount, idealDcg, labelGain, rankRows } from "./lambdarank.ts";
import type { TrainingMetric } from "./parameters.ts";

export interface ScoredRows {
  readonly scores: Float64Array;
  readonly outputs: number;
  readonly label: Float64Array;
  readonly weight?: Float64Array | undefined;
  readonly groups?: Uint32Array | undefined;
}

export function evaluateMetric(metric: TrainingMetric, rows: ScoredRows): number {
  switch (metric) {
    case "logloss": return weightedMean(rows, (row) => logLoss(rows.scores[row]!, rows.label[row]!));
    case "rmse": return Math.sqrt(weightedMean(rows, (row) => (rows.scores[row]! - rows.label[row]!) ** 2));
    case "multi_logloss": return weightedMean(rows, (row) => softmaxLoss(rows, row));
    case "auc": return areaUnderCurve(rows);
    default: return meanNdcg(rows, Number(metric.slice("ndcg@".length)));
  }
}

/** Whether `value` improves on `best`. */
export function isBetter(metric: TrainingMetric, value: number, best: number): boolean {
  return metric !== "multi_logloss" && isHigherBetter(metric) ? value > best : value < best;
}

function weightedMean({ label, weight }: ScoredRows, lossOf: (row: number) => number): number {
  let sum = 0, total = 0;
  for (let row = 0; row < label.length; row++) {
    const share = weight ? weight[row]! : 1;
    if (share === 0) continue;
    sum += share * lossOf(row);
    total += share;
  }
  return sum / total;
}

/** -log of the probability given to the label, without overflow: softplus(score) - label * score. */
function logLoss(score: number, label: number): number {
  return Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score))) - label * score;
}

function softmaxLoss({ scores, outputs, label }: ScoredRows, row: number): number {
  const rows = label.length;
  let largest = -Infinity, sum = 0;
  for (let k = row; k < outputs * rows; k += rows) largest = Math.max(largest, scores[k]!);
  for (let k = row; k < outputs * rows; k += rows) sum += Math.exp(scores[k]! - largest);
  return Math.log(sum) + largest - scores[label[row]! * rows + row]!;
}

/**
 * Probability that a positive row outscores a negative one, ties counting half (Mann-Whitney); 0.5 when a class is
 * missing. Sorting plain numbers and finding each row by bisection beats sorting row numbers with a comparator.
 */
export function areaUnderCurve({ scores, label, weight }: ScoredRows): number {
  const sorted = scores.toSorted();
  const positive = new Float64Array(sorted.length), negative = new Float64Array(sorted.length);
  for (let row = 0; row < label.length; row++) {
    (label[row] === 1 ? positive : negative)[firstNotBelow(sorted, scores[row]!)]! += weight ? weight[row]! : 1;
  }
  let below = 0, pairs = 0, positives = 0;
  for (let i = 0; i < sorted.length; i++) {
    pairs += positive[i]! * (below + negative[i]! / 2);
    below += negative[i]!;
    positives += positive[i]!;
  }
  return positives === 0 || below === 0 ? 0.5 : pairs / (positives * below);
}

function firstNotBelow(sorted: Float64Array, value: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Mean over queries; a query without relevant rows counts as 1, as there is no wrong order. Row weights do not apply. */
function meanNdcg({ scores, label, groups }: ScoredRows, depth: number): number {
  const queries = groups ?? Uint32Array.of(label.length);
  let sum = 0, from = 0;
  for (const size of queries) {
    sum += ndcg(scores, label, from, from + size, depth);
    from += size;
  }
  return sum / queries.length;
}

function ndcg(scores: Float64Array, label: Float64Array, from: number, to: number, depth: number): number {
  const ideal = idealDcg(label, from, to, depth);
  if (ideal === 0) return 1;
  let sum = 0;
  rankRows(scores, from, to).subarray(0, depth).forEach((row, position) => { sum += labelGain(label[row]!) * discount(position); });
  return sum / ideal;
}
