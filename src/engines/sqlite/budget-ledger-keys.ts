/** Virtual keys as rows. */
import type { DatabaseSync } from "node:sqlite";
import type { KeyBalance, VirtualKeyRecord } from "../../ports/budget-ledger.ts";
import { startPeriod } from "../../ports/ledger-book.ts";

export interface LedgerKeys {
  put(key: VirtualKeyRecord): void;
  all(): readonly VirtualKeyRecord[];
  byHash(secretHash: string): VirtualKeyRecord | undefined;
  balance(key: string, nowMs: number): KeyBalance;
}

interface KeyRow {
  readonly id: string; readonly name: string; readonly tenant: string; readonly secret_hash: string;
  readonly budget: number | null; readonly period_ms: number | null; readonly requests_per_minute: number | null; readonly tokens_per_minute: number | null;
  readonly models: string; readonly created_at: number; readonly expires_at: number | null; readonly is_revoked: number;
}

interface BalanceRow { readonly spent: number | null; readonly reserved: number | null; readonly period_start: number | null; readonly period_ms: number | null }

export function createLedgerKeys(database: DatabaseSync): LedgerKeys {
  const put = database.prepare(`INSERT INTO virtual_key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, tenant = excluded.tenant, secret_hash = excluded.secret_hash, budget = excluded.budget, period_ms = excluded.period_ms,
    requests_per_minute = excluded.requests_per_minute, tokens_per_minute = excluded.tokens_per_minute, models = excluded.models,
    created_at = excluded.created_at, expires_at = excluded.expires_at, is_revoked = excluded.is_revoked`);
  const all = database.prepare("SELECT * FROM virtual_key ORDER BY created_at, id");
  const byHash = database.prepare("SELECT * FROM virtual_key WHERE secret_hash = ?");
  const balance = database.prepare(`SELECT b.spent, b.reserved, b.period_start, k.period_ms
    FROM (SELECT ? AS key) AS asked LEFT JOIN virtual_key AS k ON k.id = asked.key LEFT JOIN balance AS b ON b.key = asked.key`);
  return {
    put: (key) => void put.run(
      key.id, key.name, key.tenant, key.secretHash, key.budgetNanoUsd ?? null, key.periodMs ?? null, key.requestsPerMinute ?? null, key.tokensPerMinute ?? null,
      JSON.stringify(key.models), key.createdAtMs, key.expiresAtMs ?? null, key.isRevoked ? 1 : 0,
    ),
    all: () => (all.all() as unknown as readonly KeyRow[]).map(keyOf),
    byHash: (secretHash) => {
      const row = byHash.get(secretHash) as unknown as KeyRow | undefined;
      return row && keyOf(row);
    },
    balance: (key, nowMs) => {
      const row = balance.get(key) as unknown as BalanceRow; // always one row
      const now = { periodMs: row.period_ms ?? undefined, spent: row.spent ?? 0, periodStart: row.period_start ?? 0 };
      startPeriod(now, nowMs);
      return { key, spentNanoUsd: now.spent, reservedNanoUsd: row.reserved ?? 0, periodStartMs: now.periodStart };
    },
  };
}

function keyOf(row: KeyRow): VirtualKeyRecord {
  return {
    id: row.id, name: row.name, tenant: row.tenant, secretHash: row.secret_hash, budgetNanoUsd: row.budget ?? undefined, periodMs: row.period_ms ?? undefined,
    requestsPerMinute: row.requests_per_minute ?? undefined, tokensPerMinute: row.tokens_per_minute ?? undefined,
    models: JSON.parse(row.models) as readonly string[], createdAtMs: row.created_at, expiresAtMs: row.expires_at ?? undefined, isRevoked: row.is_revoked === 1, // written by put
  };
}
