/**
 * Hedging (Dean & Barroso, "The tail at scale", 2013): a call that takes longer than most is asked of a second replica
 * too, and the first answer counts. Waiting for the p95 keeps the extra load at about 5 %.
 */
export interface HedgeOptions {
  /** Of the latest latencies; 0.95 unless given. */
  readonly quantile: number;
  /** Never sooner than this. */
  readonly minimumMs: number;
}

export const HEDGE: HedgeOptions = { quantile: 0.95, minimumMs: 1 };

/** The latest latencies, and the quantile of them that hedging waits for. */
export interface RecentLatencies {
  add(latencyMs: number): void;
  /** How long to wait before the second call; undefined while too few are known. */
  hedgeAfterMs(options: HedgeOptions): number | undefined;
}

const KEPT = 512;
const MINIMUM = 64;
/** Sorting 512 numbers takes some 20 µs, so the quantile is worked out anew only this often. */
const EVERY = 64;

export function createRecentLatencies(): RecentLatencies {
  const ring = new Float64Array(KEPT);
  let count = 0;
  let workedOutAt = -1;
  let delayMs = 0;
  return {
    add: (latencyMs) => { ring[count++ % KEPT] = latencyMs; },
    hedgeAfterMs: ({ quantile, minimumMs }) => {
      if (count < MINIMUM) return undefined;
      if (workedOutAt < 0 || count - workedOutAt >= EVERY) {
        const sorted = ring.slice(0, Math.min(count, KEPT)).toSorted();
        delayMs = Math.max(minimumMs, sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))]!);
        workedOutAt = count;
      }
      return delayMs;
    },
  };
}
