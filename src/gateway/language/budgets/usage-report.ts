/** Usage and cost as people ask for them: in dollars, with the names of keys, and summed up. */
import type { BudgetLedger, UsageGroup, UsageQuery, UsageRow } from "../../../ports/budget-ledger.ts";
import { LOCAL_KEY } from "../keys/virtual-key.ts";
import { usdOf } from "./money.ts";

export const USAGE_GROUPS = ["key", "model", "upstream", "operation", "outcome", "day", "hour"] as const satisfies readonly UsageGroup[];

export interface UsageFigures {
  readonly calls: number;
  /** Of these, calls whose tokens were counted here because the upstream did not say. */
  readonly estimatedCalls: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costUsd: number;
}

export interface UsageReportRow extends UsageFigures {
  readonly group: Readonly<Record<string, string>>;
  /** Of the key, where it is a group. */
  readonly keyName?: string;
}

export interface UsageReport {
  readonly rows: readonly UsageReportRow[];
  readonly total: UsageFigures;
}

export async function reportUsage(ledger: Pick<BudgetLedger, "usage" | "keys">, query: UsageQuery): Promise<UsageReport> {
  const [rows, [total], keys] = await Promise.all([ledger.usage(query), ledger.usage({ ...query, groupBy: [] }), ledger.keys()]);
  const names = new Map([LOCAL_KEY, ...keys].map(({ id, name }) => [id, name]));
  return {
    rows: rows.map((row) => ({ group: row.group, ...nameOf(row, names), ...figuresOf(row) })),
    total: total === undefined ? NOTHING : figuresOf(total),
  };
}

const NOTHING: UsageFigures = { calls: 0, estimatedCalls: 0, inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };

function nameOf({ group }: UsageRow, names: ReadonlyMap<string, string>): { readonly keyName?: string } {
  const keyName = names.get(group["key"] ?? "");
  return keyName === undefined ? {} : { keyName };
}

function figuresOf({ calls, estimatedCalls, inputTokens, cachedInputTokens, outputTokens, reasoningTokens, costNanoUsd }: UsageRow): UsageFigures {
  return { calls, estimatedCalls, inputTokens, cachedInputTokens, outputTokens, reasoningTokens, costUsd: usdOf(costNanoUsd) };
}
