/**
 * Curves through the points of a search, by least squares on logarithms (a relative error counts the same everywhere):
 *
 * - latency over throughput, R(X) = base + wait · ρ^m / (1 − ρ) with ρ = X / capacity. One server has m = 1 (M/G/1,
 *   Pollaczek–Khinchine); k servers have m = √(2(k+1)) − 1 (M/G/k, Sakasegawa 1977).
 * - throughput over concurrency, the Universal Scalability Law (Gunther 1993): X(N) = λN / (1 + σ(N−1) + κN(N−1)).
 */
import { leastSquares } from "./least-squares.ts";

export interface LoadPoint {
  /** Answers per second. */
  readonly perSecond: number;
  /** Mean latency, or a quantile. */
  readonly latencyMs: number;
}

export interface QueueCurve {
  /** Latency without load. */
  readonly baseMs: number;
  /** Answers per second at which waiting would never end. */
  readonly capacityPerSecond: number;
  readonly waitMs: number;
  readonly exponent: number;
  /** How many servers of an M/G/k queue have this exponent. */
  readonly servers: number;
  /** Typical relative difference to the points: 0.1 is 10 %. */
  readonly error: number;
  /** Good enough to be believed beyond the points. */
  readonly isGood: boolean;
  readonly points: number;
}

export interface ScalabilityLaw {
  /** Throughput of one request at a time. */
  readonly onePerSecond: number;
  /** Contention: the share that cannot be shared out. */
  readonly contention: number;
  /** Coherency: what each needs from each other one. */
  readonly coherency: number;
  /** The highest throughput it tells, and the concurrency there; infinite concurrency when nothing makes it fall. */
  readonly peakPerSecond: number;
  readonly peakConcurrency: number;
  readonly error: number;
  readonly isGood: boolean;
  readonly points: number;
}

/** A relative error beyond this is a curve of another shape. */
const GOOD_ERROR = 0.2;
const FEWEST_POINTS = 4;
/** An exponent is told apart from 1 only with points to spare. */
const POINTS_FOR_EXPONENT = 6;

/** Undefined with fewer than four points. Points must be of steps whose throughput followed the rate. */
export function fitQueueCurve(points: readonly LoadPoint[]): QueueCurve | undefined {
  const usable = points.filter(({ perSecond, latencyMs }) => perSecond > 0 && latencyMs > 0);
  if (usable.length < FEWEST_POINTS) return undefined;
  const fastest = Math.max(...usable.map(({ perSecond }) => perSecond));
  const lowest = Math.min(...usable.map(({ latencyMs }) => latencyMs));
  const hasExponent = usable.length >= POINTS_FOR_EXPONENT;
  const curveOf = ([base = 0, headroom = 0, wait = 0, exponent = 0]: readonly number[]): CurveShape => ({
    baseMs: Math.exp(base), capacityPerSecond: fastest * (1 + Math.exp(headroom)), waitMs: Math.exp(wait), exponent: hasExponent ? 1 + Math.exp(exponent) : 1,
  });
  const starts = [-4, -2, 0].flatMap((headroom) => [-2, 0.5].map((exponent) => [Math.log(lowest), headroom, Math.log(lowest), ...(hasExponent ? [exponent] : [])]));
  const fit = leastSquares(starts, (parameters) => usable.map(({ perSecond, latencyMs }) => Math.log(latencyAt(curveOf(parameters), perSecond) / latencyMs)));
  const curve = curveOf(fit.parameters);
  const error = Math.expm1(fit.error);
  return { ...curve, servers: Math.max(1, (curve.exponent + 1) ** 2 / 2 - 1), error, isGood: error <= GOOD_ERROR, points: usable.length };
}

type CurveShape = Pick<QueueCurve, "baseMs" | "capacityPerSecond" | "waitMs" | "exponent">;

/** Infinite at and beyond the capacity. */
export function latencyAt({ baseMs, capacityPerSecond, waitMs, exponent }: CurveShape, perSecond: number): number {
  const load = perSecond / capacityPerSecond;
  return load >= 1 ? Number.POSITIVE_INFINITY : baseMs + (waitMs * load ** exponent) / (1 - load);
}

export interface ConcurrencyPoint {
  readonly concurrency: number;
  readonly perSecond: number;
}

/** Undefined with fewer than four points. */
export function fitScalabilityLaw(points: readonly ConcurrencyPoint[]): ScalabilityLaw | undefined {
  const usable = points.filter(({ concurrency, perSecond }) => concurrency > 0 && perSecond > 0);
  if (usable.length < FEWEST_POINTS) return undefined;
  const one = Math.max(...usable.map(({ concurrency, perSecond }) => perSecond / Math.max(1, concurrency)));
  const lawOf = ([rate = 0, contention = 0, coherency = 0]: readonly number[]): LawShape => ({ onePerSecond: Math.exp(rate), contention: 1 / (1 + Math.exp(-contention)), coherency: Math.exp(coherency) });
  const starts = [-4, -1, 0].flatMap((contention) => [-16, -8].map((coherency) => [Math.log(one), contention, coherency]));
  const fit = leastSquares(starts, (parameters) => usable.map(({ concurrency, perSecond }) => Math.log(throughputAt(lawOf(parameters), concurrency) / perSecond)));
  const law = lawOf(fit.parameters);
  const error = Math.expm1(fit.error);
  const peakConcurrency = Math.sqrt((1 - law.contention) / law.coherency);
  return { ...law, ...peakOf(law, peakConcurrency), error, isGood: error <= GOOD_ERROR, points: usable.length };
}

type LawShape = Pick<ScalabilityLaw, "onePerSecond" | "contention" | "coherency">;

export function throughputAt({ onePerSecond, contention, coherency }: LawShape, concurrency: number): number {
  return (onePerSecond * concurrency) / (1 + contention * (concurrency - 1) + coherency * concurrency * (concurrency - 1));
}

/** Coherency so small that the peak lies beyond a million requests at once is none. */
function peakOf(law: LawShape, concurrency: number): Pick<ScalabilityLaw, "peakConcurrency" | "peakPerSecond"> {
  if (concurrency > 1e6) return { peakConcurrency: Number.POSITIVE_INFINITY, peakPerSecond: law.onePerSecond / law.contention };
  return { peakConcurrency: Math.max(1, concurrency), peakPerSecond: throughputAt(law, Math.max(1, concurrency)) };
}
