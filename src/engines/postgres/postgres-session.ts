/**
 * One user of the database: a connection that is taken when it is needed, and a transaction on it. A commit whose answer
 * was lost is not guessed: the server is asked by the transaction's number what became of it, so that a commit is never
 * reported as lost when it was kept, nor the other way round.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { PoolClient, QueryArrayResult, QueryResult } from "pg";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import { isConnectionLost, postgresError } from "./postgres-errors.ts";
import type { PostgresPool } from "./postgres-pool.ts";
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

export function createPostgresSession(pool: PostgresPool): PostgresSession {
  let client: PoolClient | undefined;
  let transaction: { readonly number: string | undefined; conflict: StrataError | undefined } | undefined;

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

  /** What became of a transaction whose commit was not answered. */
  const outcomeOf = async (number: string): Promise<"committed" | "aborted"> => {
    const deadline = performance.now() + pool.timeoutMs;
    for (;;) {
      try {
        const { rows } = await run("SELECT txid_status($1::bigint) AS status", [number]);
        const status: unknown = (rows[0] as { readonly status: unknown }).status;
        if (status === "committed" || status === "aborted") return status;
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
      transaction = { number: (last?.rows[0] as { readonly number?: string } | undefined)?.number, conflict: undefined };
    },
    commit: async () => {
      const { number, conflict } = transaction!; // the dialect and the ledger begin before they commit
      try {
        const { command } = await query("COMMIT");
        if (command === "COMMIT") return;
        throw conflict ?? new StrataError("SQL_FAILED", { reason: "a statement of the transaction failed, so it was undone although its work went on" });
      } catch (thrown) {
        if (!isStrataError(thrown) || thrown.code !== "SQL_UNREACHABLE" || number === undefined) throw thrown;
        if (await outcomeOf(number) === "aborted") throw thrown;
      } finally {
        transaction = undefined;
      }
    },
    rollback: async () => {
      transaction = undefined;
      if (client === undefined) return;
      await run("ROLLBACK", []).catch(drop);
    },
    release,
  };
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
