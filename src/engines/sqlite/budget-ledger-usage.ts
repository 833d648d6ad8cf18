/** The ledger's usage as rows: sums are added to, and read in any grouping. */
import type { DatabaseSync } from "node:sqlite";
import type { UsageGroup, UsageQuery, UsageRow } from "../../ports/budget-ledger.ts";
import { MOST_NANO_USD, createUsageSums, usageHourOf, type UsageSums } from "../../ports/ledger-usage.ts";

export interface UsageBook extends UsageSums {
  write(): void;
}

export function createUsageBook(database: DatabaseSync): UsageBook {
  const write = database.prepare(`INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    calls = calls + excluded.calls, estimated_calls = estimated_calls + excluded.estimated_calls,
    input_tokens = input_tokens + excluded.input_tokens, cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
    output_tokens = output_tokens + excluded.output_tokens, reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, cost = min(${MOST_NANO_USD}, cost + excluded.cost)`);
  const collected = createUsageSums();
  return {
    ...collected,
    write: () => {
      for (const { place, calls, estimatedCalls, inputTokens, cachedInputTokens, outputTokens, reasoningTokens, cost } of collected.sums()) {
        write.run(...place, calls, estimatedCalls, inputTokens, cachedInputTokens, outputTokens, reasoningTokens, cost);
      }
      collected.clear();
    },
  };
}

/** Each group as an expression over the table. */
const GROUPS: Readonly<Record<UsageGroup, string>> = {
  key: "key", model: "model", upstream: "upstream", operation: "operation", outcome: "outcome",
  day: "strftime('%Y-%m-%d', hour * 3600, 'unixepoch')", hour: "strftime('%Y-%m-%dT%H', hour * 3600, 'unixepoch')",
};

export function readUsage(database: DatabaseSync, { key, model, fromMs, toMs, groupBy }: UsageQuery): readonly UsageRow[] {
  const groups = [...new Set(groupBy)];
  const conditions: readonly (readonly [sql: string, value: string | number | undefined])[] = [
    ["key = ?", key], ["model = ?", model], ["hour >= ?", fromMs === undefined ? undefined : usageHourOf(fromMs)], ["hour * 3600000 < ?", toMs],
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
