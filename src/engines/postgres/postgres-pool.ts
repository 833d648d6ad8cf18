/**
 * Connections to one PostgreSQL database, through the optional package pg. Taking one waits for a server that is starting
 * again, up to the time given; a wrong password or a missing database is told at once.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { isConnectionLost, postgresError } from "./postgres-errors.ts";
import { parserOf } from "./postgres-values.ts";

export interface PostgresOptions {
  /** postgres://user:password@host:5432/database?sslmode=require */
  readonly url: string;
  /** Most connections of this process. Default 10. */
  readonly connections?: number;
  /** How long work waits for a connection and for a server that is away. Default 10,000 ms. */
  readonly timeoutMs?: number;
  /** How to load pg; a test may fail here on purpose. */
  readonly importPackage?: () => Promise<unknown>;
}

export interface PostgresPool {
  /** The address without its password. */
  readonly place: string;
  readonly timeoutMs: number;
  /** SQL_UNREACHABLE when none was had in time. */
  acquire(): Promise<PoolClient>;
  /** Where transactions leave their mark; one user at a time. */
  takeMark(): CommitMark;
  giveMark(mark: CommitMark): void;
  /** Waits until every connection was given back. */
  close(): Promise<void>;
}

/**
 * A row that a transaction changes together with its data, so that after a commit without an answer the row tells what became of it.
 * The transaction's own number cannot: a server that crashed may give it to another transaction.
 */
export interface CommitMark {
  /** Of the row. */
  readonly id: string;
  /** What the latest transaction wrote there. */
  number: number;
}

type Driver = typeof import("pg");

const RETRY_MS = 50;

/** Any number that nobody else takes: "marks" in ASCII. */
const MARK_LOCK = 0x6d61726b73;

/** Rows of processes that ended long ago are swept out. */
const PREPARE = `BEGIN; SELECT pg_advisory_xact_lock(${MARK_LOCK});
  CREATE TABLE IF NOT EXISTS strata_commit (id text PRIMARY KEY, number bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
  DELETE FROM strata_commit WHERE at < now() - interval '30 days'; COMMIT`;

/** RUNTIME_MISSING without pg; ENGINE_UNREACHABLE or ENGINE_REFUSED when the database cannot be used. */
export async function openPostgresPool(options: PostgresOptions, { readsOnly = false }: { readonly readsOnly?: boolean } = {}): Promise<PostgresPool> {
  const { url, connections = 10, timeoutMs = 10_000 } = options;
  const { Pool } = await importDriver(options);
  const place = placeOf(url);
  const pool = new Pool({
    connectionString: url, max: connections, connectionTimeoutMillis: timeoutMs, keepAlive: true, application_name: "strata",
    types: { getTypeParser: parserOf as never }, // the driver's own overloads are by format; we ask for text only
  });
  pool.on("error", () => undefined); // an idle connection broke: the pool drops it, and who needs one gets another
  try {
    const client = await pool.connect();
    try {
      await requireUtf8(client);
      if (!readsOnly) await client.query(PREPARE);
    } finally {
      client.release();
    }
  } catch (thrown) {
    await pool.end().catch(() => undefined);
    throw new StrataError(isConnectionLost(thrown) ? "ENGINE_UNREACHABLE" : "ENGINE_REFUSED", { engine: "PostgreSQL", place, reason: reasonOf(thrown) }, { cause: thrown });
  }
  const marks: CommitMark[] = [];
  return {
    place, timeoutMs, acquire: () => acquire(pool, { place, timeoutMs }), close: () => pool.end(),
    takeMark: () => marks.pop() ?? { id: randomUUID(), number: 0 },
    giveMark: (mark) => void marks.push(mark),
  };
}

async function acquire(pool: Pool, { place, timeoutMs }: { readonly place: string; readonly timeoutMs: number }): Promise<PoolClient> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      const client = await pool.connect();
      if (client.listenerCount("error") === 0) client.on("error", () => undefined); // told through the query that fails
      return client;
    } catch (thrown) {
      if (!isConnectionLost(thrown) || performance.now() + RETRY_MS > deadline) throw postgresError(thrown, place);
    }
    await sleep(RETRY_MS);
  }
}

/** Anything else would store or order text otherwise. */
async function requireUtf8(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>("SHOW server_encoding");
  if (rows[0]?.server_encoding !== "UTF8") throw new Error(`its encoding is ${rows[0]?.server_encoding}; create the database with ENCODING 'UTF8'`);
}

async function importDriver({ importPackage = () => import("pg") }: PostgresOptions): Promise<Driver> {
  try {
    const loaded = (await importPackage()) as Driver & { readonly default?: Driver };
    return loaded.default ?? loaded;
  } catch (thrown) {
    throw new StrataError("RUNTIME_MISSING", { runtime: "PostgreSQL client", package: "pg" }, { cause: thrown });
  }
}

function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
