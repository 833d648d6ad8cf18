/**
 * The gates between a trained version and traffic: pure, from declared gates and measured evidence to one verdict
 * per condition. What is missing, not a number or not comparable fails with its reason; nothing passes in silence.
 */
import type { Random } from "../../kernel/random.ts";
import { isStrataError } from "../../kernel/errors.ts";
import { pairedBootstrap } from "./bootstrap.ts";
import { compareAuc } from "./delong.ts";
import { auc } from "./metrics.ts";
import type { Numbers } from "./metrics.ts";

export interface Gate {
  readonly metric: string;
  /** Smallest value allowed. */
  readonly min?: number;
  /** Largest value allowed. */
  readonly max?: number;
  /**
   * The challenger must not be shown worse than the champion: the interval of their paired difference must not lie
   * below zero. Few samples pass this easily; `margin` or `strict` turn the burden of proof round.
   */
  readonly beatsChampion?: boolean;
  /** With beatsChampion: the interval must lie above zero. */
  readonly strict?: boolean;
  /** With beatsChampion: the interval must lie above −margin (shown not to be worse by more than it). */
  readonly margin?: number;
  /** Name of a baseline over which the interval must lie above zero. */
  readonly beatsBaseline?: string;
  /** For errors and losses. */
  readonly lowerIsBetter?: boolean;
}

/** Rows of a binary classifier, for the area under the ROC curve. */
export interface ClassifiedRows {
  readonly scores: Numbers;
  readonly labels: Numbers;
}

/**
 * What is known of one metric: a single figure (can be bounded, not compared), one value per query (the metric is
 * their mean; all models on the same queries in the same order), or scores and labels (the metric is their AUC).
 */
export type MetricEvidence = number | readonly number[] | Float64Array | ClassifiedRows;

export type ModelEvidence = Readonly<Record<string, MetricEvidence>>;

export interface GateEvidence {
  readonly challenger: ModelEvidence;
  /** null when no version has been promoted yet. */
  readonly champion: ModelEvidence | null;
  readonly baselines: Readonly<Record<string, ModelEvidence>>;
}

export interface GateOptions {
  readonly random: Random;
  readonly resamples?: number;
  /** Confidence of intervals; 0.95 unless given. */
  readonly level?: number;
  /** Queries (or rows) a comparison needs; 20 unless given. */
  readonly minimumSamples?: number;
}

export type GateCondition = "min" | "max" | "beatsChampion" | "beatsBaseline" | "declared";

export interface GateVerdict {
  readonly gate: Gate;
  readonly condition: GateCondition;
  readonly passed: boolean;
  /** The metric, or for comparisons the difference in the challenger's favour; null when it is not known. */
  readonly value: number | null;
  /** What the value (for comparisons: an end of the interval) was held against. */
  readonly threshold: number | null;
  readonly interval?: { readonly low: number; readonly high: number; readonly level: number; readonly method: string };
  readonly reason: string;
}

/** One verdict per condition of each gate, in their order. */
export function evaluateGates(gates: readonly Gate[], evidence: GateEvidence, options: GateOptions): GateVerdict[] {
  return gates.flatMap((gate) => {
    const verdicts = [
      ...(gate.min === undefined ? [] : [boundVerdict(gate, "min", evidence.challenger)]),
      ...(gate.max === undefined ? [] : [boundVerdict(gate, "max", evidence.challenger)]),
      ...(gate.beatsChampion ? [championVerdict(gate, evidence, options)] : []),
      ...(gate.beatsBaseline === undefined ? [] : [baselineVerdict(gate, gate.beatsBaseline, { evidence, options })]),
    ];
    return verdicts.length > 0 ? verdicts : [failed(gate, "declared", `The gate on ${gate.metric} declares nothing to check.`)];
  });
}

/** Whether there is at least one verdict and all of them passed. */
export function gatesPassed(verdicts: readonly GateVerdict[]): boolean {
  return verdicts.length > 0 && verdicts.every(({ passed }) => passed);
}

function boundVerdict(gate: Gate, condition: "min" | "max", challenger: ModelEvidence): GateVerdict {
  const threshold = gate[condition] ?? Number.NaN;
  const measured = valueOf(gate.metric, challenger);
  if (typeof measured === "string") return { ...failed(gate, condition, measured), threshold };
  const passed = condition === "min" ? measured >= threshold : measured <= threshold;
  const relation = condition === "min" ? (passed ? "reaches" : "is below") : passed ? "stays within" : "is above";
  return { gate, condition, passed, value: measured, threshold, reason: `${gate.metric} of ${short(measured)} ${relation} ${short(threshold)}.` };
}

function championVerdict(gate: Gate, { challenger, champion }: GateEvidence, options: GateOptions): GateVerdict {
  if (champion === null) {
    return { gate, condition: "beatsChampion", passed: true, value: null, threshold: null, reason: "There is no champion yet, so there is none to beat." };
  }
  const difference = differenceOf(gate, { name: "the champion", challenger, other: champion, options });
  if (typeof difference === "string") return failed(gate, "beatsChampion", difference);
  const { passed, threshold, asked } = championRule(gate, difference);
  return comparisonVerdict(gate, difference, { condition: "beatsChampion", passed, threshold, asked });
}

function championRule(gate: Gate, { low, high }: Difference): { readonly passed: boolean; readonly threshold: number; readonly asked: string } {
  if (gate.strict) return { passed: low > 0, threshold: 0, asked: "must lie above 0" };
  if (gate.margin !== undefined) return { passed: low > -gate.margin, threshold: -gate.margin, asked: `must lie above ${short(-gate.margin)}` };
  return { passed: high >= 0, threshold: 0, asked: "must not lie below 0" };
}

function baselineVerdict(gate: Gate, name: string, { evidence, options }: { readonly evidence: GateEvidence; readonly options: GateOptions }): GateVerdict {
  const baseline = Object.hasOwn(evidence.baselines, name) ? evidence.baselines[name] : undefined;
  if (baseline === undefined) {
    return failed(gate, "beatsBaseline", `Baseline "${name}" was not measured; measured: ${Object.keys(evidence.baselines).join(", ") || "none"}.`);
  }
  const difference = differenceOf(gate, { name: `baseline "${name}"`, challenger: evidence.challenger, other: baseline, options });
  if (typeof difference === "string") return failed(gate, "beatsBaseline", difference);
  return comparisonVerdict(gate, difference, { condition: "beatsBaseline", passed: difference.low > 0, threshold: 0, asked: "must lie above 0" });
}

interface Difference {
  /** In the challenger's favour. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
  readonly method: string;
  readonly against: string;
}

interface Judgement {
  readonly condition: GateCondition;
  readonly passed: boolean;
  readonly threshold: number;
  readonly asked: string;
}

function comparisonVerdict(gate: Gate, difference: Difference, { condition, passed, threshold, asked }: Judgement): GateVerdict {
  const { low, high, level, method, against } = difference;
  const interval = `[${short(low)}, ${short(high)}]`;
  const reason = `Against ${against}, ${gate.metric} is better by ${short(difference.difference)} with the ${short(level * 100)} % interval ${interval}, which ${asked}: ${passed ? "passed" : "failed"}.`;
  return { gate, condition, passed, value: difference.difference, threshold, interval: { low, high, level, method }, reason };
}

interface Comparison {
  readonly name: string;
  readonly challenger: ModelEvidence;
  readonly other: ModelEvidence;
  readonly options: GateOptions;
}

/** The paired difference, or the sentence why there is none. */
function differenceOf(gate: Gate, comparison: Comparison): Difference | string {
  const { name, challenger, other, options } = comparison;
  const a = evidenceOf(gate.metric, challenger, "the challenger");
  if (typeof a === "string") return a;
  const b = evidenceOf(gate.metric, other, name);
  if (typeof b === "string") return b;
  const found = pairedDifference(a, b, options);
  if (typeof found === "string") return `${capitalised(gate.metric)} cannot be compared with ${name}: ${found}.`;
  const turned = gate.lowerIsBetter ? { ...found, difference: -found.difference, low: -found.high, high: -found.low } : found;
  return { ...turned, against: name };
}

function pairedDifference(a: MetricEvidence, b: MetricEvidence, options: GateOptions): Omit<Difference, "against"> | string {
  if (typeof a === "number" || typeof b === "number") return "a single figure has no interval; give one value per query";
  const rows = isClassified(a) ? a.scores.length : a.length;
  const { minimumSamples = 20 } = options;
  if (rows < minimumSamples) return `${rows} samples are too few; at least ${minimumSamples} are needed`;
  return attempt(() => {
    if (isClassified(a) && isClassified(b)) return sameLabels(a, b) ? compareAuc(a.scores, b.scores, a.labels, options) : "the two were measured on different rows";
    return isClassified(a) || isClassified(b) ? "the two were measured in different ways" : pairedBootstrap(a, b, options);
  });
}

/** The metric's value, or the sentence why there is none. */
function valueOf(metric: string, evidence: ModelEvidence): number | string {
  const found = evidenceOf(metric, evidence, "the challenger");
  if (typeof found === "string" || typeof found === "number") return found;
  const value = attempt(() => (isClassified(found) ? auc(found.scores, found.labels) : meanOf(found)));
  if (typeof value === "string") return `${capitalised(metric)} of the challenger is not known: ${value}.`;
  return Number.isFinite(value) ? value : `${capitalised(metric)} of the challenger is ${value}: it has one class only.`;
}

/** Evidence without holes, or the sentence why it cannot be used. */
function evidenceOf(metric: string, evidence: ModelEvidence, owner: string): MetricEvidence | string {
  const found = Object.hasOwn(evidence, metric) ? evidence[metric] : undefined;
  if (found === undefined) return `${capitalised(metric)} of ${owner} was not measured; measured: ${Object.keys(evidence).join(", ") || "nothing"}.`;
  const lists = typeof found === "number" ? [[found]] : isClassified(found) ? [found.scores, found.labels] : [found];
  if (lists.some(({ length }) => length === 0)) return `${capitalised(metric)} of ${owner} has no values.`;
  const holes = lists.reduce((sum, list) => sum + countHoles(list), 0);
  return holes === 0 ? found : `${capitalised(metric)} of ${owner} holds ${holes} value(s) that are not finite numbers.`;
}

function countHoles(values: Numbers): number {
  let holes = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) holes++;
  return holes;
}

function isClassified(evidence: MetricEvidence): evidence is ClassifiedRows {
  return typeof evidence === "object" && "scores" in evidence;
}

function sameLabels(a: ClassifiedRows, b: ClassifiedRows): boolean {
  return a.labels.length === b.labels.length && Array.prototype.every.call(a.labels, (label, row) => label === b.labels[row]);
}

function meanOf(values: Numbers): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The result, or the reason of refused input. */
function attempt<T>(compute: () => T): T | string {
  try {
    return compute();
  } catch (thrown) {
    if (!isStrataError(thrown) || thrown.code !== "STATISTICS_INPUT_INVALID") throw thrown;
    return String(thrown.details["reason"]);
  }
}

function failed(gate: Gate, condition: GateCondition, reason: string): GateVerdict {
  return { gate, condition, passed: false, value: null, threshold: null, reason };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
