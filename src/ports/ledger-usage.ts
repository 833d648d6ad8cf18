/** The ledger's usage by hour: sums per key, model, upstream, operation and outcome, so that its size follows hours, not calls. */
import type { LedgerSettlement } from "./budget-ledger.ts";

/** 9 million dollars: sums of money stop here rather than lose their exactness. */
export const MOST_NANO_USD = 9e15;

export interface UsageSums {
  add(settlement: LedgerSettlement): void;
  /** `calls` 1 books an expired reservation at what it was granted, -1 takes that back. */
  addExpired(reservation: ExpiredReservation): void;
  /** What came together since it was last cleared, one per place. */
  sums(): Iterable<UsageSum>;
  clear(): void;
}

export interface ExpiredReservation {
  readonly key: string;
  readonly granted: number;
  readonly model: string;
  readonly operation: string;
  readonly atMs: number;
  readonly calls: 1 | -1;
}

const HOUR_MS = 3_600_000;

export interface UsageSum {
  readonly place: readonly [hour: number, key: string, model: string, upstream: string, operation: string, outcome: string];
  calls: number;
  estimatedCalls: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  cost: number;
}

export function createUsageSums(): UsageSums {
  const sums = new Map<string, UsageSum>();
  const sumOf = (...place: UsageSum["place"]): UsageSum => {
    const name = place.join("\n");
    let found = sums.get(name);
    if (found === undefined) sums.set(name, found = { place, calls: 0, estimatedCalls: 0, inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, cost: 0 });
    return found;
  };
  return {
    add: ({ atMs, key, model, upstream, operation, outcome, usage, costNanoUsd, isEstimated }) => {
      const sum = sumOf(usageHourOf(atMs), key, model, upstream, operation, outcome);
      sum.calls += 1;
      sum.estimatedCalls += isEstimated ? 1 : 0;
      sum.inputTokens += usage.inputTokens;
      sum.cachedInputTokens += usage.cachedInputTokens;
      sum.outputTokens += usage.outputTokens;
      sum.reasoningTokens += usage.reasoningTokens;
      sum.cost += costNanoUsd;
    },
    addExpired: ({ atMs, key, model, operation, granted, calls }) => {
      const sum = sumOf(usageHourOf(atMs), key, model, "", operation, "expired");
      sum.calls += calls;
      sum.estimatedCalls += calls;
      sum.cost += calls * granted;
    },
    sums: () => sums.values(),
    clear: () => sums.clear(),
  };
}

export const usageHourOf = (atMs: number): number => Math.floor(atMs / HOUR_MS);
