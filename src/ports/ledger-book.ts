/**
 * The ledger's decisions inside one transaction: grant, refuse, book, expire. Every engine brings what it knows of
 * accounts and reservations; the rules are these, so that all engines decide alike. Nothing here opens or ends the
 * transaction.
 */
import type { LedgerGrant, LedgerRateTake, LedgerRefusal, LedgerReservation, LedgerSettlement, LedgerTake } from "./budget-ledger.ts";
import { MOST_NANO_USD, type UsageSums } from "./ledger-usage.ts";
import { correctBucket, takeFromBucket, type BucketLevel } from "./token-bucket.ts";

export interface Account {
  readonly key: string;
  /** Undefined: unlimited. */
  readonly budget: number | undefined;
  readonly periodMs: number | undefined;
  spent: number;
  reserved: number;
  periodStart: number;
}

/** What one transaction knows of keys; changed in memory, written once at the end. */
export interface LedgerAccounts {
  /** The account with its period brought up to the time. */
  account(key: string, atMs: number): Account;
  bucket(key: string, kind: string): BucketLevel;
  setBucket(key: string, kind: string, level: BucketLevel): void;
}

export interface StoredReservation {
  readonly id: string;
  readonly key: string;
  readonly granted: number;
  /** null without a budget. */
  readonly available: number | null;
  readonly expires_at: number;
  readonly model: string;
  readonly operation: string;
  readonly expired_at: number | null;
  readonly expired_in_period: number | null;
}

export interface LedgerReservations {
  /** False when the id is there already. */
  insert(reservation: StoredReservation): boolean;
  find(id: string): Pick<StoredReservation, "granted" | "available"> | undefined;
  /** Removes it. */
  close(id: string): StoredReservation | undefined;
  /** Not expired yet, and due. */
  overdue(nowMs: number): readonly StoredReservation[];
  markExpired(id: string, atMs: number, inPeriod: number): void;
  dropExpired(untilMs: number): void;
}

export interface LedgerShelves {
  readonly accounts: LedgerAccounts;
  readonly reservations: LedgerReservations;
  readonly usage: UsageSums;
}

export interface LedgerBook {
  reserve(reservation: LedgerReservation): LedgerGrant;
  settle(settlement: LedgerSettlement): void;
  /** All or nothing. */
  take(takes: readonly LedgerRateTake[]): LedgerRefusal | undefined;
  expire(nowMs: number): number;
  /** The transaction was kept: what it settled is settled. */
  kept(): void;
  /** The transaction was undone. */
  forget(): void;
}

/** A process that was held up (a suspended laptop) may still settle what expired; after a day it is not coming back. */
const EXPIRED_KEPT_MS = 86_400_000;

/** Ids without a reservation that were settled lately: a repetition can only come from this process, and soon. */
const REMEMBERED_IDS = 10_000;

/** `shelves` gives what the transaction of the moment knows. */
export function createLedgerBook(shelves: () => LedgerShelves): LedgerBook {
  const settledUnreserved = new Set<string>();
  let settledNow: string[] = [];

  const firstAnswer = (id: string): LedgerGrant | undefined => {
    const { reservations } = shelves();
    const row = reservations.find(id);
    return row && { id, grantedNanoUsd: row.granted, availableNanoUsd: row.available ?? Infinity };
  };
  /** All takes against the levels as they would be one after another; nothing is kept yet. */
  const plan = (key: string, atMs: number, takes: readonly LedgerTake[]): readonly BucketLevel[] | LedgerRefusal => {
    const { accounts } = shelves();
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
    for (const [i, { kind }] of takes.entries()) shelves().accounts.setBucket(key, kind, levels[i]!);
  };
  const correct = ({ key, takes = [], atMs }: LedgerSettlement): void => {
    const { accounts } = shelves();
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
      const { accounts, reservations } = shelves();
      const { id, key, wantedNanoUsd, atMs, expiresAtMs, takes = [], model = "", operation = "" } = reservation;
      const account = accounts.account(key, atMs);
      const { granted, available, refusal } = grantOf(account, reservation);
      const levels = refusal ?? plan(key, atMs, takes);
      if ("reason" in levels) return firstAnswer(id) ?? { id, grantedNanoUsd: 0, availableNanoUsd: available, refusal: levels };
      const row = { id, key, granted, available: Number.isFinite(available) ? available : null, expires_at: expiresAtMs, model, operation, expired_at: null, expired_in_period: null };
      if (!reservations.insert(row)) return firstAnswer(id)!; // the conflict's row
      if (wantedNanoUsd > 0) account.reserved += granted;
      keep(key, takes, levels);
      return { id, grantedNanoUsd: granted, availableNanoUsd: available };
    },
    settle: (settlement) => {
      const { accounts, reservations, usage } = shelves();
      const { id, key, isReserved = true, costNanoUsd, atMs } = settlement;
      if (!isReserved) {
        if (!remember(id)) return;
        spend(accounts.account(key, atMs), costNanoUsd);
      } else {
        const row = reservations.close(id);
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
      const { accounts, reservations, usage } = shelves();
      const rows = reservations.overdue(nowMs);
      for (const row of rows) {
        const account = accounts.account(row.key, nowMs);
        account.reserved -= row.granted;
        spend(account, row.granted);
        reservations.markExpired(row.id, nowMs, account.periodStart);
        usage.addExpired({ ...row, atMs: nowMs, calls: 1 });
      }
      reservations.dropExpired(nowMs - EXPIRED_KEPT_MS);
      return rows.length;
    },
    kept: () => { settledNow = []; },
    forget: () => {
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

/** Periods begin at whole multiples of their length; one that began is never left for an earlier one. */
export function startPeriod(account: Pick<Account, "periodMs" | "spent" | "periodStart">, atMs: number): void {
  if (account.periodMs === undefined) return;
  const start = Math.floor(atMs / account.periodMs) * account.periodMs;
  if (start <= account.periodStart) return;
  account.spent = 0;
  account.periodStart = start;
}
