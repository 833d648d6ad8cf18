/** Keys, balances and usage of the ledger as PostgreSQL's rows. */
import type { KeyBalance, UsageGroup, UsageQuery, UsageRow, VirtualKeyRecord } from "../../ports/budget-ledger.ts";
import { startPeriod } from "../../ports/ledger-book.ts";
import { usageHourOf } from "../../ports/ledger-usage.ts";
import type { PostgresSession } from "./postgres-session.ts";

interface KeyRow {
  readonly id: string; readonly name: string; readonly tenant: string; readonly secret_hash: string;
  readonly budget: number | null; readonly period_ms: number | null; readonly requests_per_minute: number | null; readonly tokens_per_minute: number | null;
  readonly models: string; readonly created_at: number; readonly expires_at: number | null; readonly is_revoked: number;
}

export async function writeKey(session: PostgresSession, key: VirtualKeyRecord): Promise<void> {
  await session.query(`INSERT INTO ledger_key VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, tenant = excluded.tenant, secret_hash = excluded.secret_hash, budget = excluded.budget, period_ms = excluded.period_ms,
    requests_per_minute = excluded.requests_per_minute, tokens_per_minute = excluded.tokens_per_minute, models = excluded.models,
    created_at = excluded.created_at, expires_at = excluded.expires_at, is_revoked = excluded.is_revoked`, [
    key.id, key.name, key.tenant, key.secretHash, key.budgetNanoUsd ?? null, key.periodMs ?? null, key.requestsPerMinute ?? null, key.tokensPerMinute ?? null,
    JSON.stringify(key.models), key.createdAtMs, key.expiresAtMs ?? null, key.isRevoked,
  ]);
}

export async function readKeys(session: PostgresSession, secretHash?: string): Promise<readonly VirtualKeyRecord[]> {
  const { rows } = secretHash === undefined ? await session.query("SELECT * FROM ledger_key ORDER BY created_at, id") : await session.query("SELECT * FROM ledger_key WHERE secret_hash = $1", [secretHash]);
  return (rows as KeyRow[]).map((row) => ({
    id: row.id, name: row.name, tenant: row.tenant, secretHash: row.secret_hash, budgetNanoUsd: row.budget ?? undefined, periodMs: row.period_ms ?? undefined,
    requestsPerMinute: row.requests_per_minute ?? undefined, tokensPerMinute: row.tokens_per_minute ?? undefined,
    models: JSON.parse(row.models) as readonly string[], createdAtMs: row.created_at, expiresAtMs: row.expires_at ?? undefined, isRevoked: row.is_revoked === 1, // written by writeKey
  }));
}

export async function readBalance(session: PostgresSession, key: string, nowMs: number): Promise<KeyBalance> {
  const { rows: [row] } = await session.query(`SELECT b.spent, b.reserved, b.period_start, k.period_ms FROM (SELECT $1::text AS key) AS asked
    LEFT JOIN ledger_key AS k ON k.id = asked.key LEFT JOIN ledger_balance AS b ON b.key = asked.key`, [key]);
  const found = row as { readonly spent: number | null; readonly reserved: number | null; readonly period_start: number | null; readonly period_ms: number | null }; // always one
  const now = { periodMs: found.period_ms ?? undefined, spent: found.spent ?? 0, periodStart: found.period_start ?? 0 };
  startPeriod(now, nowMs);
  return { key, spentNanoUsd: now.spent, reservedNanoUsd: found.reserved ?? 0, periodStartMs: now.periodStart };
}

const inUtc = (format: string): string => `to_char(to_timestamp(hour * 3600) AT TIME ZONE 'UTC', '${format}')`;

const GROUPS: Readonly<Record<UsageGroup, string>> = {
  key: "key", model: "model", upstream: "upstream", operation: "operation", outcome: "outcome", day: inUtc("YYYY-MM-DD"), hour: inUtc('YYYY-MM-DD"T"HH24'),
};

const SUMS = { calls: "calls", estimatedCalls: "estimated_calls", inputTokens: "input_tokens", cachedInputTokens: "cached_input_tokens", outputTokens: "output_tokens", reasoningTokens: "reasoning_tokens", costNanoUsd: "cost" };

export async function readUsage(session: PostgresSession, { key, model, fromMs, toMs, groupBy }: UsageQuery): Promise<readonly UsageRow[]> {
  const groups = [...new Set(groupBy)];
  const conditions: readonly (readonly [sql: string, value: string | number | undefined])[] = [
    ["key =", key], ["model =", model], ["hour >=", fromMs === undefined ? undefined : usageHourOf(fromMs)], ["hour * 3600000 <", toMs],
  ];
  const asked = conditions.filter((condition): condition is readonly [string, string | number] => condition[1] !== undefined);
  const positions = groups.map((_, i) => i + 1).join(", ");
  const { rows } = await session.query(`SELECT ${groups.map((group, i) => `${GROUPS[group]} AS group${i}, `).join("")}
    ${Object.entries(SUMS).map(([name, column]) => `coalesce(sum(${column}), 0) AS "${name}"`).join(", ")}
    FROM ledger_usage WHERE ${["calls <> 0", ...asked.map(([sql], i) => `${sql} $${i + 1}`)].join(" AND ")}
    ${groups.length === 0 ? "HAVING count(*) > 0" : `GROUP BY ${positions} ORDER BY ${positions}`}`, asked.map(([, value]) => value));
  return (rows as Record<string, number>[]).map((row) => ({
    group: Object.fromEntries(groups.map((group, i) => [group, String(row[`group${i}`])])),
    ...Object.fromEntries(Object.keys(SUMS).map((name) => [name, row[name]!])) as unknown as Omit<UsageRow, "group">, // SUMS names them all
  }));
}
