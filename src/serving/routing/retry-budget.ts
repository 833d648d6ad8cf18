/**
 * A retry budget: every call pays in a share of a retry, every retry takes a whole one. In a full outage the replicas
 * then see at most (1 + share) times the load, plus a floor that lets quiet traffic retry at all.
 */
export interface RetryBudgetOptions {
  /** Retries per call, over time. */
  readonly share: number;
  /** Retries per second that need no calls. */
  readonly floorPerSecond: number;
  /** Most that can be saved up. */
  readonly maximum: number;
}

export const RETRY_BUDGET: RetryBudgetOptions = { share: 0.2, floorPerSecond: 1, maximum: 20 };

export interface RetryBudget {
  readonly saved: number;
  readonly atMs: number;
}

export function startRetryBudget(nowMs: number, { maximum }: RetryBudgetOptions): RetryBudget {
  return { saved: maximum / 2, atMs: nowMs };
}

/** A call came (its first attempt). */
export function payIn(budget: RetryBudget, nowMs: number, options: RetryBudgetOptions): RetryBudget {
  return { saved: Math.min(options.maximum, saved(budget, nowMs, options) + options.share), atMs: nowMs };
}

/** The budget after one retry or hedge; undefined when it cannot pay for it. */
export function takeOut(budget: RetryBudget, nowMs: number, options: RetryBudgetOptions): RetryBudget | undefined {
  const available = saved(budget, nowMs, options);
  return available < 1 ? undefined : { saved: available - 1, atMs: nowMs };
}

function saved(budget: RetryBudget, nowMs: number, { floorPerSecond, maximum }: RetryBudgetOptions): number {
  return Math.min(maximum, budget.saved + (Math.max(0, nowMs - budget.atMs) / 1_000) * floorPerSecond);
}
