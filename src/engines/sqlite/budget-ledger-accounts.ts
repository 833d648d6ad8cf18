/**
 * What one transaction knows of keys: read from the file when first asked for, changed in memory, written once at
 * the end. So two hundred calls of one key that share a transaction cost one read and one write of its balance.
 */
import type { DatabaseSync } from "node:sqlite";
import { startPeriod, type Account, type LedgerAccounts } from "../../ports/ledger-book.ts";
import { FULL_BUCKET, type BucketLevel } from "../../ports/token-bucket.ts";

export interface AccountsInFile extends LedgerAccounts {
  /** Writes what was touched, and forgets everything. */
  write(): void;
  /** Forgets everything: the transaction was undone. */
  forget(): void;
}

interface AccountRow { readonly budget: number | null; readonly period_ms: number | null; readonly spent: number | null; readonly reserved: number | null; readonly period_start: number | null }

export function createLedgerAccounts(database: DatabaseSync): AccountsInFile {
  const readAccount = database.prepare(`SELECT k.budget, k.period_ms, b.spent, b.reserved, b.period_start
    FROM (SELECT ? AS key) AS asked LEFT JOIN virtual_key AS k ON k.id = asked.key LEFT JOIN balance AS b ON b.key = asked.key`);
  const writeAccount = database.prepare(`INSERT INTO balance (key, spent, reserved, period_start) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved, period_start = excluded.period_start`);
  const readBucket = database.prepare("SELECT used, at FROM bucket WHERE key = ? AND kind = ?");
  const writeBucket = database.prepare("INSERT INTO bucket (key, kind, used, at) VALUES (?, ?, ?, ?) ON CONFLICT (key, kind) DO UPDATE SET used = excluded.used, at = excluded.at");
  const accounts = new Map<string, { readonly account: Account; readonly before: Readonly<Account> }>();
  const buckets = new Map<string, { readonly key: string; readonly kind: string; level: BucketLevel; isChanged: boolean }>();

  const load = (key: string): Account => {
    const row = readAccount.get(key) as unknown as AccountRow; // always one row
    return {
      key, budget: row.budget ?? undefined, periodMs: row.period_ms ?? undefined,
      spent: row.spent ?? 0, reserved: row.reserved ?? 0, periodStart: row.period_start ?? 0,
    };
  };
  const loadBucket = (key: string, kind: string) => {
    const name = `${kind} ${key}`;
    let bucket = buckets.get(name);
    if (bucket === undefined) {
      const row = readBucket.get(key, kind) as { readonly used: number; readonly at: number } | undefined;
      bucket = { key, kind, level: row === undefined ? FULL_BUCKET : { used: row.used, atMs: row.at }, isChanged: false };
      buckets.set(name, bucket);
    }
    return bucket;
  };
  const forget = (): void => {
    accounts.clear();
    buckets.clear();
  };
  return {
    account: (key, atMs) => {
      let known = accounts.get(key);
      if (known === undefined) {
        const account = load(key);
        accounts.set(key, known = { account, before: { ...account } });
      }
      startPeriod(known.account, atMs);
      return known.account;
    },
    bucket: (key, kind) => loadBucket(key, kind).level,
    setBucket: (key, kind, level) => Object.assign(loadBucket(key, kind), { level, isChanged: true }),
    write: () => {
      for (const { account: { key, spent, reserved, periodStart }, before } of accounts.values()) {
        if (spent !== before.spent || reserved !== before.reserved) writeAccount.run(key, spent, reserved, periodStart);
      }
      for (const { key, kind, level, isChanged } of buckets.values()) if (isChanged) writeBucket.run(key, kind, level.used, level.atMs);
      forget();
    },
    forget,
  };
}
