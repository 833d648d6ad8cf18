/**
 * One DuckDB connection for one piece of work: temporary tables and types of the work live and die with it,
 * and an AbortSignal interrupts only this work.
 */
import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from "@duckdb/node-api";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";

export interface Session {
  /** Runs statements for their effect. Parameters are $1, $2, ... */
  execute(sql: string, parameters?: readonly string[]): Promise<void>;
  /** The result of a query, chunk by chunk, at most 2,048 rows each. */
  chunks(sql: string): AsyncIterable<DuckDBDataChunk>;
  appenderTo(temporaryTable: string): Promise<DuckDBAppender>;
}

/**
 * An interrupt that arrives between two statements has no effect in DuckDB, so it is repeated until the work ends.
 */
const INTERRUPT_EVERY_MS = 10;

/** Runs `work` with a connection of its own; ABORTED when the signal fires, LAKE_QUERY_FAILED when DuckDB refuses. */
export async function withSession<T>(instance: DuckDBInstance, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
  throwIfAborted(signal);
  const connection = await instance.connect();
  let repeat: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    connection.interrupt();
    repeat ??= setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
  };
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    return await work(sessionOver(connection, signal));
  } catch (thrown) {
    throwIfAborted(signal);
    throw isStrataError(thrown) ? thrown : new StrataError("LAKE_QUERY_FAILED", { reason: reasonOf(thrown) }, { cause: thrown });
  } finally {
    signal.removeEventListener("abort", interrupt);
    clearInterval(repeat);
    connection.closeSync();
  }
}

function sessionOver(connection: DuckDBConnection, signal: AbortSignal): Session {
  return {
    execute: async (sql, parameters) => {
      throwIfAborted(signal);
      await connection.run(sql, parameters ? [...parameters] : undefined);
    },
    chunks: (sql) => readChunks(connection, sql, signal),
    appenderTo: (temporaryTable) => connection.createAppender(temporaryTable, null, "temp"),
  };
}

async function* readChunks(connection: DuckDBConnection, sql: string, signal: AbortSignal): AsyncGenerator<DuckDBDataChunk> {
  throwIfAborted(signal);
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    throwIfAborted(signal);
    if (chunk === null || chunk.rowCount === 0) return;
    yield chunk;
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StrataError("ABORTED", { what: "The lake query" }, { cause: signal.reason });
}
