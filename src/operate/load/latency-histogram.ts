/**
 * Latencies in buckets that grow by 1 % (an HDR-like log histogram): recording costs one logarithm and no memory,
 * quantiles are within 0.5 %, the maximum is exact. From 1 µs to 1,000 s; what lies outside counts at the edge.
 * Histograms of several processes add up without loss.
 */
const GROWTH = 1.01;
const SMALLEST_MS = 0.001;
const LARGEST_MS = 1_000_000;
const SCALE = 1 / Math.log(GROWTH);
const BUCKETS = Math.ceil(Math.log(LARGEST_MS / SMALLEST_MS) * SCALE) + 1;

export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** A histogram as plain data, to send to another process: only buckets that hold something. */
export interface LatencyCounts {
  /** Bucket, count, bucket, count … */
  readonly buckets: readonly number[];
  readonly totalMs: number;
  readonly maxMs: number;
}

export interface LatencyHistogram {
  record(latencyMs: number): void;
  /** Adds everything another histogram holds. */
  add(counts: LatencyCounts): void;
  count(): number;
  /** The smallest bucket's value that at least this share of the latencies does not exceed; 0 when there are none. */
  quantile(share: number): number;
  summary(): LatencySummary;
  counts(): LatencyCounts;
}

export function createLatencyHistogram(): LatencyHistogram {
  const counts = new Float64Array(BUCKETS);
  let count = 0, totalMs = 0, maxMs = 0;
  const quantile = (share: number): number => {
    const wanted = Math.max(1, Math.ceil(share * count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += counts[bucket]!;
      if (seen >= wanted) return Math.min(maxMs, SMALLEST_MS * GROWTH ** (bucket + 0.5));
    }
    return 0;
  };
  return {
    record: (latencyMs) => {
      const bucket = latencyMs <= SMALLEST_MS ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log(latencyMs / SMALLEST_MS) * SCALE));
      counts[bucket]! += 1;
      count += 1;
      totalMs += latencyMs;
      if (latencyMs > maxMs) maxMs = latencyMs;
    },
    add: (other) => {
      for (let at = 0; at < other.buckets.length; at += 2) {
        counts[other.buckets[at]!]! += other.buckets[at + 1]!;
        count += other.buckets[at + 1]!;
      }
      totalMs += other.totalMs;
      maxMs = Math.max(maxMs, other.maxMs);
    },
    count: () => count,
    quantile,
    summary: () => ({
      count, meanMs: count === 0 ? 0 : totalMs / count, p50Ms: quantile(0.5), p90Ms: quantile(0.9), p99Ms: quantile(0.99), p999Ms: quantile(0.999), maxMs,
    }),
    counts: () => ({ buckets: Array.from(counts).flatMap((number, bucket) => (number === 0 ? [] : [bucket, number])), totalMs, maxMs }),
  };
}

/** The summary of several histograms together. */
export function summarize(parts: readonly LatencyCounts[]): LatencySummary {
  const all = createLatencyHistogram();
  for (const part of parts) all.add(part);
  return all.summary();
}
