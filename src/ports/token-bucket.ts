/**
 * The token bucket of a limit per minute, as whole numbers: no rounding, so that any engine and any order of the
 * processes give the same answer. A bucket holds one minute's worth and refills evenly; the same as GCRA
 * (ITU-T I.371) with a burst of one minute.
 *
 * The level is kept as what is used, in sixty-thousandths of a token: one millisecond gives back `perMinute` of these.
 */
export interface BucketLevel {
  /** 0: full. May exceed the capacity after a correction. */
  readonly used: number;
  readonly atMs: number;
}

export interface BucketTake {
  readonly amount: number;
  readonly perMinute: number;
  readonly atMs: number;
}

export type BucketAnswer =
  | { readonly taken: true; readonly level: BucketLevel }
  /** Infinity: more than the bucket ever holds. */
  | { readonly taken: false; readonly retryAfterMs: number };

const PARTS = 60_000;
/** A level beyond this would not be exact; it takes hours to refill as it is. */
const MOST_USED = 9e15;
export const FULL_BUCKET: BucketLevel = { used: 0, atMs: 0 };

/** Takes if there is enough; a negative amount gives back and is always taken. */
export function takeFromBucket(level: BucketLevel, take: BucketTake): BucketAnswer {
  const now = refilled(level, take);
  const used = now.used + take.amount * PARTS;
  const excess = used - take.perMinute * PARTS;
  if (take.amount <= 0 || excess <= 0) return { taken: true, level: { ...now, used: Math.max(0, used) } };
  return { taken: false, retryAfterMs: take.amount > take.perMinute ? Infinity : Math.ceil(excess / take.perMinute) };
}

/** Takes without asking: what was used is used. */
export function correctBucket(level: BucketLevel, take: BucketTake): BucketLevel {
  const now = refilled(level, take);
  return { ...now, used: Math.min(MOST_USED, Math.max(0, now.used + take.amount * PARTS)) };
}

function refilled({ used, atMs }: BucketLevel, { perMinute, atMs: nowMs }: BucketTake): BucketLevel {
  const elapsedMs = Math.max(0, nowMs - atMs); // another process's clock may be ahead
  return { used: Math.max(0, used - elapsedMs * perMinute), atMs: Math.max(atMs, nowMs) };
}
