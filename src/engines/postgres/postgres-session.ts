/**
 * One user of the database: a connection that is taken when it is needed, and a transaction on it. A commit whose answer
 * was lost is not guessed: each transaction leaves a mark together with its data, and the mark is looked up, so that a
 * commit is never reported as lost when it was kept, nor the other way round.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { PoolClient, QueryArrayResult, QueryResult } from "pg";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import { isConnectionLost, postgresError } from "./postgres-errors.ts";
import type { CommitMark, PostgresPool } from "./postgres-pool.ts";
import { bindable } from "./postgres-values.ts";

export type Isolation = "READ COMMITTED" | "SERIALIZABLE";

export interface BeginOptions {
  readonly isolation: Isolation;
  readonly readOnly?: boolean;
  /** Transactions with the same number run one after another, in all processes. */
  readonly lock?: number;
}

export interface PostgresSession {
  readonly inTransaction: () => boolean;
  query(sql: string, parameters?: readonly unknown[]): Promise<QueryResult>;
  /** As query, with arrays as parameters. */
  queryLists(sql: string, lists: readonly unknown[]): Promise<QueryResult>;
  begin(options: BeginOptions): Promise<void>;
  /** SQL_CONFLICT or SQL_UNREACHABLE: undone. SQL_COMMIT_UNKNOWN: nobody answered in time. */
  commit(): Promise<void>;
  /** Never fails: what breaks a rollback has undone the transaction too. */
  rollback(): Promise<void>;
  /** Gives the connection back. */
  release(): void;
}

const ASK_AGAIN_MS = 50;

/** A number that the server has not given out yet was lost with it in a crash. */
const LOOK_UP = `SELECT (SELECT number FROM strata_commit WHERE id = $1) AS mark,
  CASE WHEN $2::bigint >= txid_snapshot_xmax(txid_current_snapshot()) THEN 'aborted' ELSE txid_status($2::bigint) END AS status`;

export function createPostgresSession(pool: PostgresPool): PostgresSession {
  let client: PoolClient | undefined;
  let transaction: { readonly number: string | undefined; readonly mark: CommitMark | undefined; conflict: StrataError | undefined } | undefined;

  const drop = (): void => {
    client?.release(true); // a broken connection is closed, not reused
    client = undefined;
  };
  const release = (): void => {
    client?.release();
    client = undefined;
  };
  const run = async (sql: string, parameters: readonly unknown[]): Promise<QueryResult> => {
    client ??= await pool.acquire();
    try {
      return await client.query(sql, parameters.length === 0 ? undefined : [...parameters]);
    } catch (thrown) {
      if (isConnectionLost(thrown)) drop();
      const error = postgresError(thrown, pool.place);
      if (transaction && error.code === "SQL_CONFLICT") transaction.conflict = error;
      throw error;
    }
  };
  const query = async (sql: string, parameters: readonly unknown[] = []): Promise<QueryResult> => {
    if (transaction && client === undefined) throw new StrataError("SQL_UNREACHABLE", { place: pool.place, reason: "the connection broke earlier in this transaction" });
    return run(sql, bound(parameters));
  };

  const endTransaction = (): void => {
    if (transaction?.mark) pool.giveMark(transaction.mark);
    transaction = undefined;
  };

  /** What became of a transaction whose commit was not answered: its mark is there, or it cannot come any more. */
  const outcomeOf = async (mark: CommitMark, number: string): Promise<"committed" | "aborted"> => {
    const deadline = performance.now() + pool.timeoutMs;
    for (let isAskedAgain = false; ;) {
      try {
        const { rows } = await run(LOOK_UP, [mark.id, number]);
        const { mark: found, status } = rows[0] as { readonly mark: number | null; readonly status: string | null };
        if (found === mark.number) return "committed";
        // "committed" without the mark: it ended between the two looks, or after a crash the number is another transaction's.
        if (status === "aborted" || (status !== "in progress" && isAskedAgain)) return "aborted";
        isAskedAgain = status !== "in progress";
      } catch (thrown) {
        if (!isStrataError(thrown) || thrown.code !== "SQL_UNREACHABLE") throw thrown;
      }
      if (performance.now() > deadline) throw new StrataError("SQL_COMMIT_UNKNOWN", { reason: `${pool.place} did not answer for ${pool.timeoutMs} ms` });
      await sleep(ASK_AGAIN_MS); // its connection may still be finishing
    }
  };

  return {
    inTransaction: () => transaction !== undefined,
    query,
    queryLists: (sql, lists) => run(sql, lists),
    begin: async ({ isolation, readOnly = false, lock }) => {
      const asked = [...(readOnly ? [] : ["txid_current()::text AS number"]), ...(lock === undefined ? [] : [`pg_advisory_xact_lock(${lock})`])];
      const words = `BEGIN ISOLATION LEVEL ${isolation}${readOnly ? " READ ONLY" : ""}`;
      const answer = await beginOnLiveConnection(() => run([words, ...(asked.length === 0 ? [] : [`SELECT ${asked.join(", ")}`])].join("; "), []), pool.timeoutMs);
      const last = ([answer].flat() as readonly QueryArrayResult[]).at(-1); // several statements give several results
      transaction = { number: (last?.rows[0] as { readonly number?: string } | undefined)?.number, mark: readOnly ? undefined : pool.takeMark(), conflict: undefined };
    },
    commit: async () => {
      const { number, mark, conflict } = transaction!; // the dialect and the ledger begin before they commit
      try {
        const answer = await query(mark === undefined ? "COMMIT" : `${markSql(mark)}; COMMIT`).catch((thrown: unknown) => {
          throw isAborted(thrown) ? undone(conflict) : thrown;
        });
        if (([answer].flat() as readonly QueryResult[]).at(-1)?.command !== "COMMIT") throw undone(conflict);
      } catch (thrown) {
        if (!isStrataError(thrown) || thrown.code !== "SQL_UNREACHABLE" || number === undefined || mark === undefined) throw thrown;
        if (await outcomeOf(mark, number) === "aborted") throw thrown;
      } finally {
        endTransaction();
      }
    },
    rollback: async () => {
      endTransaction();
      if (client === undefined) return;
      await run("ROLLBACK", []).catch(drop);
    },
    release,
  };
}

/** The mark's next number; sent together with COMMIT, so it costs no journey of its own. */
function markSql(mark: CommitMark): string {
  mark.number += 1;
  return `INSERT INTO strata_commit (id, number) VALUES ('${mark.id}', ${mark.number}) ON CONFLICT (id) DO UPDATE SET number = excluded.number, at = now()`;
}

/** in_failed_sql_transaction: an earlier statement failed, and whoever saw that went on. */
function isAborted(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.cause instanceof Error && "code" in thrown.cause && thrown.cause.code === "25P02";
}

function undone(conflict: StrataError | undefined): StrataError {
  return conflict ?? new StrataError("SQL_FAILED", { reason: "a statement of the transaction failed, so it was undone although its work went on" });
}

/** A pool may hand out a connection whose end was not noticed yet: nothing was begun on it, so another one is taken. */
async function beginOnLiveConnection<T>(begin: () => Promise<T>, timeoutMs: number): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await begin();
    } catch (thrown) {
      if (!isStrataError(thrown) || thrown.code !== "SQL_UNREACHABLE" || performance.now() > deadline) throw thrown;
    }
  }
}

function bound(parameters: readonly unknown[]): readonly unknown[] {
  try {
    return parameters.map(bindable);
  } catch (thrown) {
    throw postgresError(thrown, "");
  }
}
