/**
 * Slow start: a replica that is new or comes back gets its share of calls little by little, because its caches are
 * cold and its code is not compiled yet.
 */
export interface SlowStartOptions {
  readonly rampMs: number;
  /** Where the ramp begins. */
  readonly lowest: number;
}

export const SLOW_START: SlowStartOptions = { rampMs: 10_000, lowest: 0.1 };

/** The share of its weight that a replica gets `ageMs` after it came, from `lowest` to 1 in a straight line. */
export function slowStartShare(ageMs: number, { rampMs, lowest }: SlowStartOptions): number {
  if (ageMs >= rampMs) return 1;
  return Math.max(lowest, ageMs / rampMs);
}
