/** Usage by hour: sums per key, model, upstream, operation and outcome, so that its size follows hours, not calls. */
import type { DatabaseSync } from "node:sqlite";
import type { LedgerSettlement, UsageGroup, UsageQuery, UsageRow } from "../../ports/budget-ledger.ts";

/** 9 million dollars: sums of money stop here rather than lose their exactness. */
export const MOST_NANO_USD = 9e15;

export interface UsageBook {
  add(settlement: LedgerSettlement): void;
  /** `calls` 1 books an expired reservation at what it was granted, -1 takes that back. */
  addExpired(reservation: ExpiredReservation): void;
  write(): void;
  forget(): void;
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

interface Sums {
  readonly place: readonly [hour: number, key: string, model: string, upstream: string, operation: string, outcome: string];
  calls: number;
  estimatedCalls: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  cost: number;
}

export function createUsageBook(database: DatabaseSync): UsageBook {
  const write = database.prepare(`INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    calls = calls + excluded.calls, estimated_calls = estimated_calls + excluded.estimated_calls,
    input_tokens = input_tokens + excluded.input_tokens, cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
    output_tokens = output_tokens + excluded.output_tokens, reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, cost = min(${MOST_NANO_USD}, cost + excluded.cost)`);
  const sums = new Map<string, Sums>();
  const sumsOf = (...place: Sums["place"]): Sums => {
    const name = place.join("\n");
    let found = sums.get(name);
    if (found === undefined) sums.set(name, found = { place, calls: 0, estimatedCalls: 0, inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, cost: 0 });
    return found;
  };
  return {
    add: ({ atMs, key, model, upstream, operation, outcome, usage, costNanoUsd, isEstimated }) => {
      const sum = sumsOf(hourOf(atMs), key, model, upstream, operation, outcome);
      sum.calls += 1;
      sum.estimatedCalls += isEstimated ? 1 : 0;
      sum.inputTokens += usage.inputTokens;
      sum.cachedInputTokens += usage.cachedInputTokens;
      sum.outputTokens += usage.outputTokens;
      sum.reasoningTokens += usage.reasoningTokens;
      sum.cost += costNanoUsd;
    },
    addExpired: ({ atMs, key, model, operation, granted, calls }) => {
      const sum = sumsOf(hourOf(atMs), key, model, "", operation, "expired");
      sum.calls += calls;
      sum.estimatedCalls += calls;
      sum.cost += calls * granted;
    },
    write: () => {
      for (const { place, calls, estimatedCalls, inputTokens, cachedInputTokens, outputTokens, reasoningTokens, cost } of sums.values()) {
        write.run(...place, calls, estimatedCalls, inputTokens, cachedInputTokens, outputTokens, reasoningTokens, cost);
      }
      sums.clear();
    },
    forget: () => sums.clear(),
  };
}

const hourOf = (atMs: number): number => Math.floor(atMs / HOUR_MS);

/** Each group as an expression over the table. */
const GROUPS: Readonly<Record<UsageGroup, string>> = {
  key: "key", model: "model", upstream: "upstream", operation: "operation", outcome: "outcome",
  day: "strftime('%Y-%m-%d', hour * 3600, 'unixepoch')", hour: "strftime('%Y-%m-%dT%H', hour * 3600, 'unixepoch')",
};

export function readUsage(database: DatabaseSync, { key, model, fromMs, toMs, groupBy }: UsageQuery): readonly UsageRow[] {
  const groups = [...new Set(groupBy)];
  const conditions: readonly (readonly [sql: string, value: string | number | undefined])[] = [
    ["key = ?", key], ["model = ?", model], ["hour >= ?", fromMs === undefined ? undefined : hourOf(fromMs)], ["hour * 3600000 < ?", toMs],
  ];
  const asked = conditions.filter((condition): condition is readonly [string, string | number] => condition[1] !== undefined);
  const positions = groups.map((_, i) => i + 1).join(", ");
  const rows = database.prepare(`SELECT ${groups.map((group, i) => `${GROUPS[group]} AS group${i}, `).join("")}
    total(calls) AS calls, total(estimated_calls) AS estimatedCalls, total(input_tokens) AS inputTokens, total(cached_input_tokens) AS cachedInputTokens,
    total(output_tokens) AS outputTokens, total(reasoning_tokens) AS reasoningTokens, total(cost) AS costNanoUsd
    FROM usage WHERE ${["calls <> 0", ...asked.map(([sql]) => sql)].join(" AND ")}
    ${groups.length === 0 ? "HAVING count(*) > 0" : `GROUP BY ${positions} ORDER BY ${positions}`}`).all(...asked.map(([, value]) => value));
  return rows.map((row) => ({
    group: Object.fromEntries(groups.map((group, i) => [group, String(row[`group${i}`])])),
    calls: Number(row["calls"]), estimatedCalls: Number(row["estimatedCalls"]), inputTokens: Number(row["inputTokens"]), cachedInputTokens: Number(row["cachedInputTokens"]),
    outputTokens: Number(row["outputTokens"]), reasoningTokens: Number(row["reasoningTokens"]), costNanoUsd: Number(row["costNanoUsd"]),
  }));
}
