/**
 * The knobs of gradient boosting: defaults, ranges, and the metric each objective is judged by.
 * Names follow LightGBM's meaning (Ke et al. 2017) where both have the knob.
 */
import type { GradientBoostingOptions } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";

export type TrainingMetric = "logloss" | "auc" | "rmse" | "multi_logloss" | `ndcg@${number}`;

export interface GradientBoostingParameters extends Omit<GradientBoostingOptions, "classes"> {
  /** Number of classes, for multiclass only; labels are 0 .. classes - 1. */
  readonly classes?: number | undefined;
  /** Positions NDCG looks at, for lambdarank; gain of a label is 2^label - 1. 1 to 1000, default 10. */
  readonly ndcgAt?: number;
  /** Most splits between the root and a leaf, 1 to 1024. Default 1024: only `leaves` limits the tree. */
  readonly maxDepth?: number;
  /** Smallest sum of hessians in a leaf. At least 0, default 0.001. */
  readonly minChildWeight?: number;
  /** A split must reduce the loss by more than this: G_l²/(H_l+λ) + G_r²/(H_r+λ) - G²/(H+λ). Default 0. */
  readonly minGain?: number;
  /** Most value bins per column, 2 to 255; missing values have a bin of their own. Default 255. */
  readonly maxBins?: number;
  /** Prior weight that pulls a small category's gradient ratio to zero when categories are ordered. Default 10. */
  readonly categoricalSmoothing?: number;
  /** Extra L2 regularisation of categorical splits' gain. Default 10. */
  readonly categoricalLambda?: number;
  /** Most categories a split may list, 1 to 255. Default 32. */
  readonly maxCategoriesPerSplit?: number;
  /** Early stopping and progress use it. Default: logloss, rmse, multi_logloss or ndcg@ndcgAt by objective; binary may use auc. */
  readonly metric?: TrainingMetric;
}

/** Every knob with a value. `earlyStoppingRounds` 0 never stops early. */
export interface ResolvedParameters extends Required<Omit<GradientBoostingParameters, "classes">> {
  /** Raw scores per row: the number of classes for multiclass, otherwise 1. */
  readonly outputs: number;
}

interface Range { readonly fallback: number; readonly min: number; readonly max: number; readonly whole?: true; readonly aboveMin?: true }

const RANGES = {
  trees: { fallback: 200, min: 1, max: 100_000, whole: true },
  learningRate: { fallback: 0.1, min: 0, max: 1, aboveMin: true },
  leaves: { fallback: 31, min: 2, max: 1024, whole: true },
  maxDepth: { fallback: 1024, min: 1, max: 1024, whole: true },
  minChildSamples: { fallback: 20, min: 1, max: 2 ** 24, whole: true },
  minChildWeight: { fallback: 1e-3, min: 0, max: Number.MAX_VALUE },
  lambda: { fallback: 1, min: 0, max: Number.MAX_VALUE },
  minGain: { fallback: 0, min: 0, max: Number.MAX_VALUE },
  maxBins: { fallback: 255, min: 2, max: 255, whole: true },
  rowFraction: { fallback: 1, min: 0, max: 1, aboveMin: true },
  columnFraction: { fallback: 1, min: 0, max: 1, aboveMin: true },
  categoricalSmoothing: { fallback: 10, min: 0, max: Number.MAX_VALUE },
  categoricalLambda: { fallback: 10, min: 0, max: Number.MAX_VALUE },
  maxCategoriesPerSplit: { fallback: 32, min: 1, max: 255, whole: true },
  earlyStoppingRounds: { fallback: 30, min: 0, max: 100_000, whole: true },
  ndcgAt: { fallback: 10, min: 1, max: 1000, whole: true },
  seed: { fallback: 1, min: 0, max: 2 ** 32 - 1, whole: true },
} as const satisfies Record<string, Range>;

type NumericKnob = keyof typeof RANGES;
const NUMERIC_KNOBS = Object.keys(RANGES) as readonly NumericKnob[];
const KNOWN = new Set<string>([...NUMERIC_KNOBS, "objective", "classes", "metric"]);

/**
 * Fills in defaults and checks ranges. Without a validation set the default of earlyStoppingRounds is 0, and asking
 * for early stopping is refused. Raises TRAINING_PARAMETER_INVALID, naming the first knob that does not fit.
 */
export function resolveParameters(given: GradientBoostingParameters, hasValidation: boolean): ResolvedParameters {
  for (const knob of Object.keys(given)) if (!KNOWN.has(knob)) refuse(knob, "there is no such parameter");
  const numbers = Object.fromEntries(NUMERIC_KNOBS.map((knob) => [knob, numberOf(given, knob)])) as Record<NumericKnob, number>;
  if (given.earlyStoppingRounds === undefined && !hasValidation) numbers.earlyStoppingRounds = 0;
  if (numbers.earlyStoppingRounds > 0 && !hasValidation) refuse("earlyStoppingRounds", "early stopping needs a validation set");
  return { ...numbers, objective: given.objective, outputs: outputsOf(given), metric: metricOf(given, numbers.ndcgAt) };
}

function numberOf(given: GradientBoostingParameters, knob: NumericKnob): number {
  const range: Range = RANGES[knob];
  const value = given[knob] ?? range.fallback;
  const fits = typeof value === "number" && value >= range.min && value <= range.max && !(range.aboveMin && value === range.min);
  if (!fits) return refuse(knob, `${String(value)} is not ${range.aboveMin ? "above" : "at least"} ${range.min} and at most ${range.max}`);
  return range.whole && !Number.isInteger(value) ? refuse(knob, `${value} is not a whole number`) : value;
}

function outputsOf({ objective, classes }: GradientBoostingParameters): number {
  if (objective !== "multiclass") return classes === undefined ? 1 : refuse("classes", `objective ${objective} has no classes`);
  if (classes === undefined) return refuse("classes", "objective multiclass needs the number of classes");
  return Number.isInteger(classes) && classes >= 2 && classes <= 1000 ? classes : refuse("classes", `${classes} is not a whole number from 2 to 1000`);
}

function metricOf({ objective, metric }: GradientBoostingParameters, ndcgAt: number): TrainingMetric {
  const allowed = {
    binary: ["logloss", "auc"], regression: ["rmse"], multiclass: ["multi_logloss"], lambdarank: [`ndcg@${ndcgAt}`],
  } as const satisfies Record<GradientBoostingOptions["objective"], readonly TrainingMetric[]>;
  const choices: readonly TrainingMetric[] | undefined = allowed[objective];
  if (!choices) return refuse("objective", `"${objective}" is not one of ${Object.keys(allowed).join(", ")}`);
  if (metric === undefined) return choices[0]!;
  const isNdcg = objective === "lambdarank" && /^ndcg@[1-9]\d{0,3}$/.test(metric);
  return isNdcg || choices.includes(metric) ? metric : refuse("metric", `"${metric}" does not judge objective ${objective}; use ${choices.join(" or ")}`);
}

function refuse(parameter: string, reason: string): never {
  throw new StrataError("TRAINING_PARAMETER_INVALID", { parameter, reason });
}
