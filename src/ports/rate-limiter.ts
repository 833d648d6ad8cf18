/**
 * Limits per minute that several processes may share: the quotas of producers and callers.
 *
 * Contract, judged by test/conformance/rate-limiter.ts on every engine: `take` is atomic over all processes and takes from
 * all buckets or from none. Buckets are those of ports/token-bucket.ts: one minute's worth, refilling evenly, in whole
 * numbers, so every engine gives the same answers. Levels may be forgotten by a restart (then full). After `close`: CLOSED.
 */
export interface RateTake {
  readonly bucket: string;
  readonly amount: number;
  readonly perMinute: number;
}

export interface RateRefusal {
  /** The emptiest of the buckets that refused. */
  readonly bucket: string;
  /** When it would be let through if nobody else asked; Infinity for more than the bucket ever holds. */
  readonly retryAfterMs: number;
}

export interface RateLimiter extends AsyncDisposable {
  take(takes: readonly RateTake[], nowMs: number): Promise<RateRefusal | undefined>;
  close(): Promise<void>;
}
