/**
 * Group commit for the ledger: what arrives in one turn of the event loop shares a transaction. Waiting for the lock
 * of another process leaves the event loop free; between BEGIN and COMMIT nothing waits.
 */
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { LedgerBook } from "../../ports/ledger-book.ts";
import { createBookInFile } from "./budget-ledger-book.ts";
import { sqlError } from "./sqlite-errors.ts";

export interface LedgerTransactions {
  /** Runs the work in the next transaction; resolves when that is committed. A constraint rejects this work alone. */
  add<T>(work: (book: LedgerBook) => T): Promise<T>;
  /** Refuses what comes with CLOSED, and waits for what is there. */
  drain(): Promise<void>;
}

export interface LedgerTransactionOptions {
  readonly database: DatabaseSync;
  readonly file: string;
  readonly busyTimeoutMs: number;
  readonly committed: () => void;
  /** Not undefined: nothing is accepted any more. */
  readonly failure: () => unknown;
}

interface Waiting {
  readonly work: (book: LedgerBook) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (thrown: unknown) => void;
}

/** More calls in one transaction do not get cheaper, and hold the lock and the event loop for longer. */
const MOST_CALLS = 256;

/** Other processes hold the lock for well under a millisecond: some quick looks before sleeping. */
const QUICK_TRIES = 8;

export function createLedgerTransactions({ database, file, busyTimeoutMs, committed, failure }: LedgerTransactionOptions): LedgerTransactions {
  const book = createBookInFile(database);
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  let waiting: Waiting[] = [];
  let running: Promise<void> | undefined;
  let isClosed = false;

  const beginWhenFree = async (): Promise<void> => {
    for (let tries = 0; ; tries++) {
      try {
        begin.run();
        return;
      } catch (thrown) {
        const error = sqlError(thrown, file);
        if (error.code !== "SQL_BUSY" || tries >= QUICK_TRIES + busyTimeoutMs) throw error;
      }
      await (tries < QUICK_TRIES ? new Promise((resolve) => setImmediate(resolve)) : sleep(1));
    }
  };
  const attempt = ({ work }: Waiting): Outcome => {
    try {
      return { value: work(book) };
    } catch (thrown) {
      const error = sqlError(thrown, file);
      if (error.code !== "SQL_CONSTRAINT") throw error; // the whole transaction is in doubt
      return { error };
    }
  };
  const runGroup = async (group: readonly Waiting[]): Promise<void> => {
    try {
      if (failure() !== undefined) throw failure();
      await beginWhenFree();
      const outcomes = group.map(attempt);
      book.write();
      commit.run();
      book.kept();
      committed();
      for (const [i, { resolve, reject }] of group.entries()) tell(outcomes[i]!, resolve, reject);
    } catch (thrown) {
      book.forget();
      if (database.isTransaction) database.exec("ROLLBACK");
      const error = isStrataError(thrown) && thrown.code === "INTERNAL" ? thrown : new StrataError("LEDGER_FAILED", { reason: reasonOf(thrown) }, { cause: thrown });
      for (const { reject } of group) reject(error);
    }
  };
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      await new Promise((resolve) => setImmediate(resolve)); // what this turn of the loop still brings shares the transaction
      const group = waiting.slice(0, MOST_CALLS);
      waiting = waiting.slice(MOST_CALLS);
      await runGroup(group);
    }
    running = undefined;
  };
  return {
    add: <T>(work: (book: LedgerBook) => T) => new Promise<T>((resolve, reject) => {
      if (isClosed) return reject(new StrataError("CLOSED", { what: `The budget ledger ${file}` }));
      waiting.push({ work, resolve: resolve as (value: unknown) => void, reject }); // called with what this work returned
      running ??= run();
    }),
    drain: async () => {
      isClosed = true;
      await running;
    },
  };
}

type Outcome = { readonly value: unknown } | { readonly error: StrataError };

function tell(outcome: Outcome, resolve: (value: unknown) => void, reject: (thrown: unknown) => void): void {
  if ("error" in outcome) reject(outcome.error);
  else resolve(outcome.value);
}
