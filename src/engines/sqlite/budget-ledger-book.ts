/**
 * The ledger's decisions inside one transaction: grant, refuse, book, expire. Nothing here opens or ends the
 * transaction; budget-ledger.ts does, and shares one among the calls that wait.
 */
import type { DatabaseSync } from "node:sqlite";
import type { LedgerGrant, LedgerRateTake, LedgerRefusal, LedgerReservation, LedgerSettlement, LedgerTake } from "../../ports/budget-ledger.ts";
import { correctBucket, takeFromBucket, type BucketLevel } from "../../ports/token-bucket.ts";
import { createLedgerAccounts, type Account } from "./budget-ledger-accounts.ts";
import { MOST_NANO_USD, createUsageBook } from "./budget-ledger-usage.ts";

export interface LedgerBook {
  reserve(reservation: LedgerReservation): LedgerGrant;
  settle(settlement: LedgerSettlement): void;
  /** All or nothing. */
  take(takes: readonly LedgerRateTake[]): LedgerRefusal | undefined;
  expire(nowMs: number): number;
  /** Before the transaction ends: what was decided goes to the file. */
  write(): void;
  /** The transaction was undone. */
  forget(): void;
}

interface ReservationRow {
  readonly key: string;
  readonly granted: number;
  readonly model: string;
  readonly operation: string;
  readonly expired_at: number | null;
  readonly expired_in_period: number | null;
}

/** A process that was held up (a suspended laptop) may still settle what expired; after a day it is not coming back. */
const EXPIRED_KEPT_MS = 86_400_000;

/** Ids without a reservation that were settled lately: a repetition can only come from this process, and soon. */
const REMEMBERED_IDS = 10_000;

export function createLedgerBook(database: DatabaseSync): LedgerBook {
  const accounts = createLedgerAccounts(database);
  const usage = createUsageBook(database);
  const insert = database.prepare(`INSERT INTO reservation (id, key, granted, available, expires_at, model, operation) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`);
  const find = database.prepare("SELECT granted, available FROM reservation WHERE id = ?");
  const close = database.prepare("DELETE FROM reservation WHERE id = ? RETURNING key, granted, model, operation, expired_at, expired_in_period");
  const overdue = database.prepare("SELECT id, key, granted, model, operation FROM reservation WHERE expired_at IS NULL AND expires_at <= ?");
  const markExpired = database.prepare("UPDATE reservation SET expired_at = ?, expired_in_period = ? WHERE id = ?");
  const dropExpired = database.prepare("DELETE FROM reservation WHERE expired_at <= ?");
  const settledUnreserved = new Set<string>();
  let settledNow: string[] = [];

  const firstAnswer = (id: string): LedgerGrant | undefined => {
    const row = find.get(id) as { readonly granted: number; readonly available: number | null } | undefined;
    return row && { id, grantedNanoUsd: row.granted, availableNanoUsd: row.available ?? Infinity };
  };
  /** All takes against the levels as they would be one after another; nothing is kept yet. */
  const plan = (key: string, atMs: number, takes: readonly LedgerTake[]): readonly BucketLevel[] | LedgerRefusal => {
    const levels: BucketLevel[] = [];
    for (const [i, { kind, amount, perMinute }] of takes.entries()) {
      const before = takes.findLastIndex((other, j) => j < i && other.kind === kind);
      const answer = takeFromBucket(levels[before] ?? accounts.bucket(key, kind), { amount, perMinute, atMs });
      if (!answer.taken) return { reason: kind, retryAfterMs: answer.retryAfterMs };
      levels.push(answer.level);
    }
    return levels;
  };
  const keep = (key: string, takes: readonly LedgerTake[], levels: readonly BucketLevel[]): void => {
    for (const [i, { kind }] of takes.entries()) accounts.setBucket(key, kind, levels[i]!);
  };
  const correct = ({ key, takes = [], atMs }: LedgerSettlement): void => {
    for (const { kind, amount, perMinute } of takes) accounts.setBucket(key, kind, correctBucket(accounts.bucket(key, kind), { amount, perMinute, atMs }));
  };
  const remember = (id: string): boolean => {
    if (settledUnreserved.has(id)) return false;
    settledUnreserved.add(id);
    settledNow.push(id);
    if (settledUnreserved.size > REMEMBERED_IDS) settledUnreserved.delete(settledUnreserved.values().next().value!);
    return true;
  };

  return {
    reserve: (reservation) => {
      const { id, key, wantedNanoUsd, atMs, expiresAtMs, takes = [], model = "", operation = "" } = reservation;
      const account = accounts.account(key, atMs);
      const { granted, available, refusal } = grantOf(account, reservation);
      const levels = refusal ?? plan(key, atMs, takes);
      if ("reason" in levels) return firstAnswer(id) ?? { id, grantedNanoUsd: 0, availableNanoUsd: available, refusal: levels };
      const { changes } = insert.run(id, key, granted, Number.isFinite(available) ? available : null, expiresAtMs, model, operation);
      if (changes === 0) return firstAnswer(id)!; // the conflict's row
      if (wantedNanoUsd > 0) account.reserved += granted;
      keep(key, takes, levels);
      return { id, grantedNanoUsd: granted, availableNanoUsd: available };
    },
    settle: (settlement) => {
      const { id, key, isReserved = true, costNanoUsd, atMs } = settlement;
      if (!isReserved) {
        if (!remember(id)) return;
        spend(accounts.account(key, atMs), costNanoUsd);
      } else {
        const row = close.get(id) as ReservationRow | undefined;
        if (row === undefined) return;
        const account = accounts.account(row.key, atMs);
        if (row.expired_at === null) {
          account.reserved -= row.granted;
          spend(account, costNanoUsd);
        } else {
          if (row.expired_in_period === account.periodStart) spend(account, costNanoUsd - row.granted);
          usage.addExpired({ ...row, atMs: row.expired_at, calls: -1 });
        }
      }
      correct(settlement);
      usage.add(settlement);
    },
    take: (takes) => {
      const planned: (readonly [key: string, takes: readonly LedgerTake[], levels: readonly BucketLevel[]])[] = [];
      for (const [key, ofKey] of Map.groupBy(takes, (take) => take.key)) {
        const levels = plan(key, ofKey[0]!.atMs, ofKey);
        if ("reason" in levels) return levels;
        planned.push([key, ofKey, levels]);
      }
      for (const [key, ofKey, levels] of planned) keep(key, ofKey, levels);
      return undefined;
    },
    expire: (nowMs) => {
      const rows = overdue.all(nowMs) as unknown as readonly (ReservationRow & { readonly id: string })[];
      for (const row of rows) {
        const account = accounts.account(row.key, nowMs);
        account.reserved -= row.granted;
        spend(account, row.granted);
        markExpired.run(nowMs, account.periodStart, row.id);
        usage.addExpired({ ...row, atMs: nowMs, calls: 1 });
      }
      dropExpired.run(nowMs - EXPIRED_KEPT_MS);
      return rows.length;
    },
    write: () => {
      accounts.write();
      usage.write();
      settledNow = [];
    },
    forget: () => {
      accounts.forget();
      usage.forget();
      for (const id of settledNow) settledUnreserved.delete(id);
      settledNow = [];
    },
  };
}

function spend(account: Account, nanoUsd: number): void {
  account.spent = Math.min(MOST_NANO_USD, account.spent + nanoUsd);
}

interface Decision { readonly granted: number; readonly available: number; readonly refusal?: LedgerRefusal }

/** How much of what is wanted a key may have. */
function grantOf({ budget, periodMs, periodStart, spent, reserved }: Account, { wantedNanoUsd, leastNanoUsd, atMs }: LedgerReservation): Decision {
  if (budget === undefined) return { granted: wantedNanoUsd, available: Infinity };
  const available = Math.max(0, budget - spent - reserved);
  const granted = Math.min(wantedNanoUsd, available);
  if (wantedNanoUsd === 0 || granted >= Math.max(1, leastNanoUsd)) return { granted, available };
  return { granted: 0, available, refusal: { reason: "budget", retryAfterMs: periodMs === undefined ? Infinity : Math.max(0, periodStart + periodMs - atMs) } };
}
