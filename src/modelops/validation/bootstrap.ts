/**
 * Confidence intervals by resampling (Efron 1979), for means and for differences of paired values.
 * The bias-corrected and accelerated interval (BCa, Efron 1987) is the default: it keeps its confidence where
 * per-query metrics are skewed. Chance is a seeded Random, so an interval can be computed again.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import { normalCdf, normalQuantile } from "../../observe/index.ts";
import type { Numbers } from "./metrics.ts";

export interface BootstrapOptions {
  readonly random: Random;
  /** 2000 unless given: the ends then vary by about 2 % of the width from seed to seed. */
  readonly resamples?: number;
  /** 0.95 unless given. */
  readonly level?: number;
  /** "bca" unless given. */
  readonly method?: "bca" | "percentile";
}

export interface BootstrapInterval {
  /** Mean of the values. */
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
  /** `normal` where resampling could not change the answer: see LARGEST_WORK. */
  readonly method: "bca" | "percentile" | "normal";
}

export interface PairedDifference {
  /** Mean of a − b. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Whether zero is outside the interval. */
  readonly excludesZero: boolean;
  readonly level: number;
  readonly method: BootstrapInterval["method"];
}

/** Draws, about half a second. With more values than this allows, the mean is normal to within the interval's own noise. */
const LARGEST_WORK = 50_000_000;

/** Interval of the mean. STATISTICS_INPUT_INVALID below two values or when one is not finite. */
export function bootstrapInterval(values: Numbers, options: BootstrapOptions): BootstrapInterval {
  const { random, resamples = 2000, level = 0.95, method = "bca" } = options;
  checkValues(values);
  const { mean, deviation } = momentsOf(values);
  if (deviation === 0) return { estimate: mean, low: mean, high: mean, level, method };
  if (values.length * resamples > LARGEST_WORK) {
    const half = (normalQuantile(0.5 + level / 2) * deviation) / Math.sqrt(values.length);
    return { estimate: mean, low: mean - half, high: mean + half, level, method: "normal" };
  }
  const means = resampledMeans(values, resamples, random);
  const [lowShare, highShare] = method === "bca" ? correctedShares(values, means, level) : [(1 - level) / 2, (1 + level) / 2];
  return { estimate: mean, low: quantileOf(means, lowShare), high: quantileOf(means, highShare), level, method };
}

/** Interval of the mean of a − b over pairs, e.g. one metric of two models on the same queries. */
export function pairedBootstrap(a: Numbers, b: Numbers, options: BootstrapOptions): PairedDifference {
  if (a.length !== b.length) throw invalid(`there are ${a.length} and ${b.length} values, which cannot be paired`);
  const differences = Float64Array.from({ length: a.length }, (_, i) => a[i]! - b[i]!);
  const { estimate, low, high, level, method } = bootstrapInterval(differences, options);
  return { difference: estimate, low, high, excludesZero: low > 0 || high < 0, level, method };
}

function resampledMeans(values: Numbers, resamples: number, random: Random): Float64Array {
  const means = new Float64Array(resamples);
  for (let round = 0; round < resamples; round++) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.integer(values.length)]!;
    means[round] = sum / values.length;
  }
  return means.toSorted();
}

/** The percentiles that BCa takes instead of α/2 and 1 − α/2. */
function correctedShares(values: Numbers, sortedMeans: Float64Array, level: number): readonly [number, number] {
  const { mean } = momentsOf(values);
  const below = sortedMeans.reduce((count, resampled) => count + (resampled < mean ? 1 : resampled === mean ? 0.5 : 0), 0) / sortedMeans.length;
  const bias = normalQuantile(below);
  const acceleration = accelerationOf(values, mean);
  const corrected = (z: number): number => normalCdf(bias + (bias + z) / (1 - acceleration * (bias + z)));
  const z = normalQuantile((1 + level) / 2);
  return Number.isFinite(bias) ? [corrected(-z), corrected(z)] : [(1 - level) / 2, (1 + level) / 2];
}

/** For a mean the jackknife values are linear in the data: Σ(x − x̄)³ / (6 · (Σ(x − x̄)²)^1.5). */
function accelerationOf(values: Numbers, mean: number): number {
  let squares = 0, cubes = 0;
  for (let i = 0; i < values.length; i++) {
    const deviation = values[i]! - mean;
    squares += deviation * deviation;
    cubes += deviation ** 3;
  }
  return cubes / (6 * squares ** 1.5);
}

/** Type-7 quantile of ascending values. */
function quantileOf(sorted: Float64Array, share: number): number {
  const position = Math.min(1, Math.max(0, share)) * (sorted.length - 1);
  const low = sorted[Math.floor(position)]!;
  return low + (sorted[Math.ceil(position)]! - low) * (position - Math.floor(position));
}

function momentsOf(values: Numbers): { readonly mean: number; readonly deviation: number } {
  let sum = 0, squares = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const mean = sum / values.length;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  const first = values[0];
  const constant = squares === 0 || Array.prototype.every.call(values, (value) => value === first);
  return { mean: constant ? first! : mean, deviation: constant ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

function checkValues(values: Numbers): void {
  if (values.length < 2) throw invalid(`${values.length} values are too few; at least 2 are needed`);
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) throw invalid(`value ${i} is ${values[i]}`);
}

function invalid(reason: string): StrataError {
  return new StrataError("STATISTICS_INPUT_INVALID", { what: "The bootstrap interval", reason });
}
