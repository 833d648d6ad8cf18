/**
 * Measures of classifiers and regressions. Inputs are parallel lists; unequal or empty lists and values that are
 * not numbers raise STATISTICS_INPUT_INVALID, so a broken model cannot look like a good one.
 * Labels are 1 (or any value above 0.5) for the positive class.
 */
import { StrataError } from "../../kernel/errors.ts";

export type Numbers = ArrayLike<number>;

/** Keeps the loss of a certain and wrong prediction finite; scikit-learn 1.5 and later use the same for doubles. */
const SMALLEST_PROBABILITY = 2.220446049250313e-16;

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, ties counting half
 * (the Mann-Whitney statistic, by ranks). NaN when there is only one class.
 */
export function auc(scores: Numbers, labels: Numbers): number {
  checkPair("The area under the ROC curve", scores, labels);
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i).toSorted((a, b) => scores[a]! - scores[b]!);
  let positives = 0, wins = 0, negativesBelow = 0;
  for (let start = 0; start < order.length;) {
    const score = scores[order[start]!]!;
    let tiedPositives = 0, end = start;
    for (; end < order.length && score === scores[order[end]!]; end++) tiedPositives += labels[order[end]!]! > 0.5 ? 1 : 0;
    const tiedNegatives = end - start - tiedPositives;
    wins += tiedPositives * (negativesBelow + tiedNegatives / 2);
    positives += tiedPositives;
    negativesBelow += tiedNegatives;
    start = end;
  }
  return wins / (positives * negativesBelow);
}

/** Mean negative logarithm of the probability given to what happened. Probabilities must lie in [0, 1]. */
export function logLoss(probabilities: Numbers, labels: Numbers): number {
  checkPair("The log loss", probabilities, labels);
  checkProbabilities("The log loss", probabilities);
  return mean(probabilities.length, (i) => logLossOf(probabilities[i]!, labels[i]!));
}

/** The log loss of one row, for paired comparisons. */
export function logLossOf(probability: number, label: number): number {
  const chance = label > 0.5 ? probability : 1 - probability;
  return -Math.log(Math.min(1 - SMALLEST_PROBABILITY, Math.max(SMALLEST_PROBABILITY, chance)));
}

/** Root of the mean squared error. */
export function rmse(predictions: Numbers, targets: Numbers): number {
  checkPair("The root mean squared error", predictions, targets);
  return Math.sqrt(mean(predictions.length, (i) => (predictions[i]! - targets[i]!) ** 2));
}

/** Mean absolute error. */
export function mae(predictions: Numbers, targets: Numbers): number {
  checkPair("The mean absolute error", predictions, targets);
  return mean(predictions.length, (i) => Math.abs(predictions[i]! - targets[i]!));
}

/** Share of rows whose score is on its label's side of the threshold (at or above is positive). */
export function accuracy(scores: Numbers, labels: Numbers, threshold = 0.5): number {
  checkPair("The accuracy", scores, labels);
  return mean(scores.length, (i) => Number(scores[i]! >= threshold === labels[i]! > 0.5));
}

export interface CalibrationOptions {
  /** 10 unless given. */
  readonly bins?: number;
  /** Bins of equal width over [0, 1] (the usual definition), or of equal size; "width" unless given. */
  readonly equal?: "width" | "size";
}

/** Expected calibration error: distance between mean probability and observed rate per bin, weighted by rows. */
export function calibrationError(probabilities: Numbers, labels: Numbers, options: CalibrationOptions = {}): number {
  checkPair("The calibration error", probabilities, labels);
  checkProbabilities("The calibration error", probabilities);
  const { bins = 10, equal = "width" } = options;
  const binOf = equal === "width" ? widthBins(probabilities, bins) : sizeBins(probabilities, bins);
  const gaps = new Float64Array(bins);
  for (let i = 0; i < probabilities.length; i++) {
    const bin = binOf(i);
    gaps[bin] = gaps[bin]! + probabilities[i]! - (labels[i]! > 0.5 ? 1 : 0);
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / probabilities.length;
}

function widthBins(probabilities: Numbers, bins: number): (row: number) => number {
  return (row) => Math.min(bins - 1, Math.floor(probabilities[row]! * bins));
}

function sizeBins(probabilities: Numbers, bins: number): (row: number) => number {
  const order = Uint32Array.from({ length: probabilities.length }, (_, i) => i).toSorted((a, b) => probabilities[a]! - probabilities[b]!);
  const binOfRow = new Uint32Array(order.length);
  for (const [rank, row] of order.entries()) binOfRow[row] = Math.floor((rank * bins) / order.length);
  return (row) => binOfRow[row]!;
}

function mean(length: number, valueOf: (row: number) => number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += valueOf(i);
  return sum / length;
}

function checkPair(what: string, a: Numbers, b: Numbers): void {
  if (a.length !== b.length) throw invalid(what, `there are ${a.length} predictions and ${b.length} labels`);
  if (a.length === 0) throw invalid(what, "there are no rows");
  for (let i = 0; i < a.length; i++) {
    if (!Number.isFinite(a[i]) || !Number.isFinite(b[i])) throw invalid(what, `row ${i} holds ${a[i]} and ${b[i]}`);
  }
}

function checkProbabilities(what: string, probabilities: Numbers): void {
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i]! < 0 || probabilities[i]! > 1) throw invalid(what, `row ${i} holds ${probabilities[i]}, which is no probability`);
  }
}

function invalid(what: string, reason: string): StrataError {
  return new StrataError("STATISTICS_INPUT_INVALID", { what, reason });
}
