/**
 * Connections to one PostgreSQL database, through the optional package pg. Taking one waits for a server that is starting
 * again, up to the time given; a wrong password or a missing database is told at once.
 */
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
  /** Waits until every connection was given back. */
  close(): Promise<void>;
}

type Driver = typeof import("pg");

const RETRY_MS = 50;

/** RUNTIME_MISSING without pg; ENGINE_UNREACHABLE or ENGINE_REFUSED when the database cannot be used. */
export async function openPostgresPool(options: PostgresOptions): Promise<PostgresPool> {
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
    await requireUtf8(client).finally(() => client.release());
  } catch (thrown) {
    await pool.end().catch(() => undefined);
    throw new StrataError(isConnectionLost(thrown) ? "ENGINE_UNREACHABLE" : "ENGINE_REFUSED", { engine: "PostgreSQL", place, reason: reasonOf(thrown) }, { cause: thrown });
  }
  return { place, timeoutMs, acquire: () => acquire(pool, { place, timeoutMs }), close: () => pool.end() };
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
