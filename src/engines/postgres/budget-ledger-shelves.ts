/**
 * What one transaction knows of the ledger: read together at its beginning under the ledger's lock, changed in memory by
 * the book, written together at its end. So two hundred calls that share a transaction cost three reads and one write.
 */
import { startPeriod, type Account, type LedgerShelves, type StoredReservation } from "../../ports/ledger-book.ts";
import { MOST_NANO_USD, createUsageSums } from "../../ports/ledger-usage.ts";
import { FULL_BUCKET, type BucketLevel } from "../../ports/token-bucket.ts";
import type { PostgresSession } from "./postgres-session.ts";

/** What calls that share a transaction are about. */
export interface LedgerNeeds {
  readonly keys: readonly string[];
  readonly reservations: readonly string[];
  /** Reservations that are due by then. */
  readonly overdueMs?: number;
}

export interface LoadedShelves {
  readonly shelves: LedgerShelves;
  write(): Promise<void>;
}

interface AccountRow { readonly key: string; readonly budget: number | null; readonly period_ms: number | null; readonly spent: number | null; readonly reserved: number | null; readonly period_start: number | null }
interface BucketRow { readonly key: string; readonly kind: string; readonly used: number; readonly at: number }

export async function loadShelves(session: PostgresSession, needs: readonly LedgerNeeds[]): Promise<LoadedShelves> {
  const ids = [...new Set(needs.flatMap(({ reservations }) => reservations))];
  const overdueMs = Math.max(-1, ...needs.map((need) => need.overdueMs ?? -1));
  const stored = ids.length === 0 && overdueMs < 0 ? [] : (await session.queryLists("SELECT * FROM ledger_reservation WHERE id = ANY($1::text[]) OR (expired_at IS NULL AND expires_at <= $2)", [ids, overdueMs])).rows as StoredReservation[];
  const keys = [...new Set([...needs.flatMap((need) => need.keys), ...stored.map(({ key }) => key)])];
  const accountRows = (await session.queryLists(`SELECT asked.key, k.budget, k.period_ms, b.spent, b.reserved, b.period_start FROM unnest($1::text[]) AS asked (key)
    LEFT JOIN ledger_key AS k ON k.id = asked.key LEFT JOIN ledger_balance AS b ON b.key = asked.key`, [keys])).rows as AccountRow[];
  const bucketRows = (await session.queryLists("SELECT key, kind, used, at FROM ledger_bucket WHERE key = ANY($1::text[])", [keys])).rows as BucketRow[];

  const accounts = shelveAccounts(accountRows);
  const buckets = shelveBuckets(bucketRows);
  const reservations = shelveReservations(stored);
  const usage = createUsageSums();
  return {
    shelves: { accounts: { ...accounts.shelf, ...buckets.shelf }, reservations: reservations.shelf, usage },
    write: async () => {
      if (reservations.dropUntil() !== undefined) await session.queryLists("DELETE FROM ledger_reservation WHERE expired_at <= $1", [reservations.dropUntil()]);
      const sums = [...usage.sums()].map(({ place, ...sum }) => [...place, sum.calls, sum.estimatedCalls, sum.inputTokens, sum.cachedInputTokens, sum.outputTokens, sum.reasoningTokens, sum.cost]);
      const { gone, changed } = reservations.changes();
      const lists = [gone, ...columns(changed, 9), ...columns(accounts.changes(), 4), ...columns(buckets.changes(), 4), ...columns(sums, 13)];
      if (lists.some((list) => list.length > 0)) await session.queryLists(WRITE, lists);
    },
  };
}

/** Everything in one request: $1 ids that are gone, then the columns of reservations, balances, buckets and usage. */
const WRITE = `WITH
  gone AS (DELETE FROM ledger_reservation WHERE id = ANY($1::text[])),
  reservations AS (INSERT INTO ledger_reservation SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::bigint[])
    ON CONFLICT (id) DO UPDATE SET expired_at = excluded.expired_at, expired_in_period = excluded.expired_in_period, granted = excluded.granted, available = excluded.available,
      expires_at = excluded.expires_at, key = excluded.key, model = excluded.model, operation = excluded.operation),
  balances AS (INSERT INTO ledger_balance SELECT * FROM unnest($11::text[], $12::bigint[], $13::bigint[], $14::bigint[])
    ON CONFLICT (key) DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved, period_start = excluded.period_start),
  buckets AS (INSERT INTO ledger_bucket SELECT * FROM unnest($15::text[], $16::text[], $17::bigint[], $18::bigint[])
    ON CONFLICT (key, kind) DO UPDATE SET used = excluded.used, at = excluded.at),
  usage AS (INSERT INTO ledger_usage AS u SELECT * FROM unnest($19::bigint[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::bigint[], $26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[], $30::bigint[], $31::bigint[])
    ON CONFLICT (hour, key, model, upstream, operation, outcome) DO UPDATE SET calls = u.calls + excluded.calls, estimated_calls = u.estimated_calls + excluded.estimated_calls,
      input_tokens = u.input_tokens + excluded.input_tokens, cached_input_tokens = u.cached_input_tokens + excluded.cached_input_tokens, output_tokens = u.output_tokens + excluded.output_tokens,
      reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens, cost = least(${MOST_NANO_USD}, u.cost + excluded.cost))
  SELECT 1`;

type Row = readonly (string | number | null)[];

function columns(rows: readonly Row[], width: number): (string | number | null)[][] {
  return Array.from({ length: width }, (_, i) => rows.map((row) => row[i]!));
}

function shelveAccounts(rows: readonly AccountRow[]) {
  const known = new Map(rows.map((row) => {
    const account: Account = { key: row.key, budget: row.budget ?? undefined, periodMs: row.period_ms ?? undefined, spent: row.spent ?? 0, reserved: row.reserved ?? 0, periodStart: row.period_start ?? 0 };
    return [row.key, { account, before: { ...account } }] as const;
  }));
  return {
    shelf: {
      account: (key: string, atMs: number): Account => {
        const { account } = known.get(key)!; // loaded: every call names its keys
        startPeriod(account, atMs);
        return account;
      },
    },
    changes: (): readonly Row[] => [...known.values()].filter(({ account, before }) => account.spent !== before.spent || account.reserved !== before.reserved)
      .map(({ account: { key, spent, reserved, periodStart } }) => [key, spent, reserved, periodStart]),
  };
}

function shelveBuckets(rows: readonly BucketRow[]) {
  const nameOf = (key: string, kind: string): string => `${kind} ${key}`;
  const levels = new Map<string, BucketLevel>(rows.map(({ key, kind, used, at }) => [nameOf(key, kind), { used, atMs: at }]));
  const changed = new Map<string, readonly [key: string, kind: string, level: BucketLevel]>();
  return {
    shelf: {
      bucket: (key: string, kind: string): BucketLevel => levels.get(nameOf(key, kind)) ?? FULL_BUCKET,
      setBucket: (key: string, kind: string, level: BucketLevel): void => {
        levels.set(nameOf(key, kind), level);
        changed.set(nameOf(key, kind), [key, kind, level]);
      },
    },
    changes: (): readonly Row[] => Array.from(changed.values(), ([key, kind, { used, atMs }]) => [key, kind, used, atMs]),
  };
}

function shelveReservations(stored: readonly StoredReservation[]) {
  const before = new Map(stored.map((row) => [row.id, row]));
  const now = new Map(before);
  let dropUntilMs: number | undefined;
  return {
    shelf: {
      insert: (row: StoredReservation): boolean => {
        if (now.has(row.id)) return false;
        now.set(row.id, row);
        return true;
      },
      find: (id: string) => now.get(id),
      close: (id: string): StoredReservation | undefined => {
        const row = now.get(id);
        now.delete(id);
        return row;
      },
      overdue: (nowMs: number): readonly StoredReservation[] => [...now.values()].filter((row) => row.expired_at === null && row.expires_at <= nowMs),
      markExpired: (id: string, atMs: number, inPeriod: number): void => void now.set(id, { ...now.get(id)!, expired_at: atMs, expired_in_period: inPeriod }),
      dropExpired: (untilMs: number): void => { dropUntilMs = Math.max(dropUntilMs ?? untilMs, untilMs); },
    },
    dropUntil: () => dropUntilMs,
    changes: () => ({
      gone: [...before.keys()].filter((id) => !now.has(id)),
      changed: [...now.values()].filter((row) => before.get(row.id) !== row)
        .map((row): Row => [row.id, row.key, row.granted, row.available, row.expires_at, row.model, row.operation, row.expired_at, row.expired_in_period]),
    }),
  };
}
