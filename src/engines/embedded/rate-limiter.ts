/**
 * Limits per minute in this process's memory. Everything a take asks is decided between two turns of the event loop,
 * which is what makes it atomic; levels are forgotten by a restart. Buckets that have refilled are swept out, so memory
 * follows the number of callers of the last minute and not of all time.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { RateLimiter, RateRefusal, RateTake } from "../../ports/rate-limiter.ts";
import { FULL_BUCKET, takeFromBucket } from "../../ports/token-bucket.ts";
import type { BucketLevel } from "../../ports/token-bucket.ts";

interface Kept {
  readonly level: BucketLevel;
  /** At this time it is full again, and forgetting it changes nothing. */
  readonly fullAtMs: number;
}

/** A sweep looks at every bucket: once per doubling it costs a constant per take. */
const FIRST_SWEEP = 1_024;

export function createEmbeddedRateLimiter(): RateLimiter {
  let buckets = new Map<string, Kept>();
  let sweepAt = FIRST_SWEEP;
  let isClosed = false;

  const sweep = (nowMs: number): void => {
    buckets = new Map([...buckets].filter(([, { fullAtMs }]) => fullAtMs > nowMs));
    sweepAt = Math.max(FIRST_SWEEP, buckets.size * 2);
  };

  const take = (takes: readonly RateTake[], nowMs: number): RateRefusal | undefined => {
    const levels = new Map<string, Kept>();
    let refusal: RateRefusal | undefined;
    for (const { bucket, amount, perMinute } of takes) {
      const level = (levels.get(bucket) ?? buckets.get(bucket))?.level ?? FULL_BUCKET;
      const answer = takeFromBucket(level, { amount, perMinute, atMs: nowMs });
      if (answer.taken) levels.set(bucket, { level: answer.level, fullAtMs: answer.level.atMs + answer.level.used / perMinute });
      else if (answer.retryAfterMs > (refusal?.retryAfterMs ?? -1)) refusal = { bucket, retryAfterMs: answer.retryAfterMs };
    }
    if (refusal !== undefined) return refusal;
    for (const [bucket, kept] of levels) buckets.set(bucket, kept);
    if (buckets.size >= sweepAt) sweep(nowMs);
    return undefined;
  };

  const close = async (): Promise<void> => void (isClosed = true);
  return {
    take: async (takes, nowMs) => {
      if (isClosed) throw new StrataError("CLOSED", { what: "The rate limiter" });
      return take(takes, nowMs);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
