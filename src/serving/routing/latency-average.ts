/**
 * How long a replica takes, as two averages: a steady one that tells a slow replica from a noisy one, and a peak one
 * that rises at once and falls slowly (the cost of Twitter Finagle's "peak EWMA"). And what it means beside the fleet.
 */
export interface LatencyAverage {
  readonly meanMs: number;
  readonly peakMs: number;
  readonly count: number;
  /** When the last value came. */
  readonly atMs: number;
}

export const NO_LATENCY: LatencyAverage = { meanMs: 0, peakMs: 0, count: 0, atMs: 0 };

/** Of exponential latencies, 32 values leave a spread of 13 %: a limit of 1.5 is four spreads away. */
const STEADY_WEIGHT = 1 / 32;
/** After a pause the next value counts more: 3 s without one and it is nearly two thirds of the mean. */
const STEADY_MS = 3_000;
const PEAK_MS = 10_000;

/** Values before a replica is judged. */
const MINIMUM_COUNT = 16;
/** Below this a replica counts as like the others. */
const SLOW_FROM = 1.5;

export function addLatency(average: LatencyAverage, latencyMs: number, nowMs: number): LatencyAverage {
  const { meanMs, peakMs, count, atMs } = average;
  if (count === 0) return { meanMs: latencyMs, peakMs: latencyMs, count: 1, atMs: nowMs };
  const pauseMs = Math.max(0, nowMs - atMs);
  const recent = Math.max(1 / (count + 1), STEADY_WEIGHT, count < MINIMUM_COUNT ? 0 : 1 - Math.exp(-pauseMs / STEADY_MS));
  const kept = Math.exp(-pauseMs / PEAK_MS);
  return {
    meanMs: meanMs + recent * (latencyMs - meanMs),
    peakMs: latencyMs > peakMs ? latencyMs : peakMs * kept + latencyMs * (1 - kept),
    count: count + 1, atMs: nowMs,
  };
}

/** The middle of the fleet's means, of those that have enough values; 0 when fewer than two have. */
export function fleetLatency(averages: readonly LatencyAverage[]): number {
  const means = averages.filter(({ count }) => count >= MINIMUM_COUNT).map(({ meanMs }) => meanMs).toSorted((a, b) => a - b);
  return means.length < 2 ? 0 : means[Math.floor((means.length - 1) / 2)]!; // of an even number the lower: two of four may be slow
}

/** How many times slower than the fleet; 1 where that is within the noise. */
export function slownessOf({ meanMs, count }: LatencyAverage, fleetMs: number): number {
  if (fleetMs <= 0 || count < MINIMUM_COUNT) return 1;
  const ratio = meanMs / fleetMs;
  return ratio < SLOW_FROM ? 1 : ratio;
}
