/**
 * The budget ledger in PostgreSQL, for gateways on any number of machines. Calls that arrive together share a transaction; one
 * transaction of the ledger runs at a time over all processes, under an advisory lock, so that no two can grant the same
 * money. What a call resolves survives power loss (synchronous_commit). A restart of the server is waited for.
 */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { createGroupCommit } from "../../kernel/group-commit.ts";
import { checkRateTakes, checkReservation, checkSettlement } from "../../ports/ledger-check.ts";
import type { BudgetLedger } from "../../ports/budget-ledger.ts";
import { createLedgerBook, type LedgerBook, type LedgerShelves } from "../../ports/ledger-book.ts";
import { readBalance, readKeys, readUsage, writeKey } from "./budget-ledger-rows.ts";
import { loadShelves, type LedgerNeeds } from "./budget-ledger-shelves.ts";
import { LEDGER_TABLES } from "./budget-ledger-tables.ts";
import { openPostgresPool, type PostgresOptions, type PostgresPool } from "./postgres-pool.ts";
import { createPostgresSession, type BeginOptions, type PostgresSession } from "./postgres-session.ts";
import { inTransaction, untilKept } from "./transaction.ts";

/** Any number that nobody else takes: "ledger" in ASCII. */
const LEDGER_LOCK = 0x6c6564676572;
const UNDER_LOCK: BeginOptions = { isolation: "READ COMMITTED", lock: LEDGER_LOCK };

/** More calls in one transaction do not get cheaper, and hold the lock for longer. */
const MOST_CALLS = 256;

interface Waiting {
  readonly needs: LedgerNeeds;
  readonly work: (book: LedgerBook) => unknown;
  result?: unknown;
}

/** RUNTIME_MISSING without pg; ENGINE_UNREACHABLE or ENGINE_REFUSED when the database cannot be used. */
export async function openPostgresBudgetLedger(options: PostgresOptions): Promise<BudgetLedger> {
  const pool = await openPostgresPool(options);
  try {
    await inTransaction(pool, UNDER_LOCK, async (session) => {
      for (const statement of LEDGER_TABLES) await session.query(statement);
    });
    return createLedger(pool);
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
}

function createLedger(pool: PostgresPool): BudgetLedger {
  let shelves: LedgerShelves | undefined;
  const book = createLedgerBook(() => shelves!); // set while a group runs
  let closing: Promise<void> | undefined;
  const inFlight = new Set<Promise<unknown>>();

  const runGroup = (group: readonly Waiting[]): Promise<void> => inTransaction(pool, UNDER_LOCK, async (session) => {
    book.forget(); // of an attempt that was undone
    const loaded = await loadShelves(session, group.map(({ needs }) => needs));
    shelves = loaded.shelves;
    for (const waiting of group) waiting.result = waiting.work(book);
    await loaded.write();
  }).then(book.kept, (thrown: unknown) => {
    book.forget();
    throw thrown;
  });
  const groups = createGroupCommit<Waiting>({ write: runGroup, weigh: () => 1, maxWeight: MOST_CALLS });

  /** CLOSED after closing; what fails is LEDGER_FAILED. */
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (closing !== undefined) throw new StrataError("CLOSED", { what: `The budget ledger ${pool.place}` });
    const running = work();
    inFlight.add(running);
    try {
      return await running;
    } catch (thrown) {
      if (isStrataError(thrown) && ["SQL_CONSTRAINT", "INTERNAL", "LEDGER_FAILED"].includes(thrown.code)) throw thrown;
      throw new StrataError("LEDGER_FAILED", { reason: reasonOf(thrown) }, { cause: thrown });
    } finally {
      inFlight.delete(running);
    }
  };
  const add = <T>(needs: LedgerNeeds, work: (book: LedgerBook) => T): Promise<T> => guarded(async () => {
    const waiting: Waiting = { needs, work };
    await groups.add(waiting);
    return waiting.result as T; // what `work` returned
  });
  const read = <T>(work: (session: PostgresSession) => Promise<T>): Promise<T> => guarded(() => untilKept(pool.timeoutMs, async () => {
    const session = createPostgresSession(pool);
    return work(session).finally(() => session.release());
  }));
  const close = async (): Promise<void> => {
    await Promise.allSettled(inFlight);
    await pool.close();
  };

  return {
    putKey: (key) => guarded(() => inTransaction(pool, UNDER_LOCK, (session) => writeKey(session, key))),
    keys: () => read((session) => readKeys(session)),
    keyByHash: (secretHash) => read(async (session) => (await readKeys(session, secretHash))[0]),
    reserve: async (reservations) => {
      reservations.forEach(checkReservation);
      return add({ keys: reservations.map(({ key }) => key), reservations: reservations.map(({ id }) => id) }, (book) => reservations.map((reservation) => book.reserve(reservation)));
    },
    settle: async (settlements) => {
      settlements.forEach(checkSettlement);
      return add({ keys: settlements.map(({ key }) => key), reservations: settlements.map(({ id }) => id) }, (book) => settlements.forEach((settlement) => book.settle(settlement)));
    },
    take: async (takes) => {
      checkRateTakes(takes);
      return add({ keys: takes.map(({ key }) => key), reservations: [] }, (book) => book.take(takes));
    },
    expire: (nowMs) => add({ keys: [], reservations: [], overdueMs: nowMs }, (book) => book.expire(nowMs)),
    balance: (key, nowMs) => read((session) => readBalance(session, key, nowMs)),
    usage: (query) => read((session) => readUsage(session, query)),
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}
