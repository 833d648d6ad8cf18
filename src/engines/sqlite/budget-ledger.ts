/**
 * The budget ledger in one SQLite file that several processes write. Calls that arrive in one turn of the event loop
 * share a transaction (BEGIN IMMEDIATE, write-ahead log), so the cost of a call falls under load. A commit goes to the
 * operating system and survives kill -9; the disk is synced soon after, off the event loop (decision 14). Another process's
 * transaction is waited for without holding the event loop. The file must lie on a local disk: a
 * write-ahead log needs shared memory.
 */
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { BudgetLedger } from "../../ports/budget-ledger.ts";
import { checkRateTakes, checkReservation, checkSettlement } from "../../ports/ledger-check.ts";
import { createLedgerKeys } from "./budget-ledger-keys.ts";
import { LEDGER_TABLES } from "./budget-ledger-tables.ts";
import { createLedgerTransactions, type LedgerTransactions } from "./budget-ledger-transactions.ts";
import { readUsage } from "./budget-ledger-usage.ts";
import { openWriteAheadSync } from "./write-ahead-sync.ts";

export interface SqliteBudgetLedgerOptions {
  /** Path of the ledger; its folder is made when missing. */
  readonly file: string;
  /** How long a call waits for other processes before it fails. Default 5,000 ms. */
  readonly busyTimeoutMs?: number;
  /** Power loss may take what was settled in this time. Default 100 ms. */
  readonly syncDelayMs?: number;
}

/** Rather than 1,000 pages of 4 KiB: a checkpoint syncs on the event loop, so it should be rare. */
const CHECKPOINT_PAGES = 8_000;

export async function openSqliteBudgetLedger(options: SqliteBudgetLedgerOptions): Promise<BudgetLedger> {
  const { file, busyTimeoutMs = 5_000, syncDelayMs = 100 } = options;
  await mkdir(dirname(resolve(file)), { recursive: true });
  const database = await openFile(file, busyTimeoutMs);
  let failure: unknown;
  try {
    const sync = await openWriteAheadSync({ databaseFile: file, delayMs: syncDelayMs, onFailure: (thrown) => { failure = thrown; } });
    const transactions = createLedgerTransactions({ database, file, busyTimeoutMs, committed: sync.committed, failure: () => failure });
    const close = async (): Promise<void> => {
      await transactions.drain();
      await sync[Symbol.asyncDispose]();
      database.close();
    };
    return createLedger(database, transactions, { file, close });
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

async function openFile(file: string, busyTimeoutMs: number): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: busyTimeoutMs });
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    database.exec(`BEGIN IMMEDIATE; ${LEDGER_TABLES} COMMIT; PRAGMA busy_timeout = 0`); // from here on waiting is done without holding the event loop
    return database;
  } catch (thrown) {
    database?.close();
    throw new StrataError("LEDGER_FAILED", { reason: `${file} cannot be opened: ${reasonOf(thrown)}` }, { cause: thrown });
  }
}

interface LedgerLife {
  readonly file: string;
  readonly close: () => Promise<void>;
}

function createLedger(database: DatabaseSync, transactions: LedgerTransactions, { file, close }: LedgerLife): BudgetLedger {
  const keys = createLedgerKeys(database);
  let closing: Promise<void> | undefined;
  const read = async <T>(work: () => T): Promise<T> => {
    if (closing !== undefined) throw new StrataError("CLOSED", { what: `The budget ledger ${file}` });
    try {
      return work();
    } catch (thrown) {
      throw new StrataError("LEDGER_FAILED", { reason: reasonOf(thrown) }, { cause: thrown });
    }
  };
  return {
    putKey: (key) => transactions.add(() => keys.put(key)),
    keys: () => read(() => keys.all()),
    keyByHash: (secretHash) => read(() => keys.byHash(secretHash)),
    reserve: async (reservations) => {
      reservations.forEach(checkReservation);
      return transactions.add((book) => reservations.map((reservation) => book.reserve(reservation)));
    },
    settle: async (settlements) => {
      settlements.forEach(checkSettlement);
      return transactions.add((book) => settlements.forEach((settlement) => book.settle(settlement)));
    },
    take: async (takes) => {
      checkRateTakes(takes);
      return transactions.add((book) => book.take(takes));
    },
    expire: (nowMs) => transactions.add((book) => book.expire(nowMs)),
    balance: (key, nowMs) => read(() => keys.balance(key, nowMs)),
    usage: (query) => read(() => readUsage(database, query)),
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}
