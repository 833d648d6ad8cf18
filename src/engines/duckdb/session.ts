/**
 * One DuckDB connection for one piece of work: temporary tables and types of the work live and die with it,
 * and an AbortSignal interrupts only this work.
 */
import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from "@duckdb/node-api";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { rowsOfChunk } from "./json-values.ts";

export interface Session {
  /** Runs statements for their effect. Parameters are $1, $2, ... */
  execute(sql: string, parameters?: readonly string[]): Promise<void>;
  /** The result of a query, chunk by chunk, at most 2,048 rows each. */
  chunks(sql: string): AsyncIterable<DuckDBDataChunk>;
  /** A query's columns, then its rows as JSON values, for as long as they are wanted. */
  result(sql: string, listener: ResultListener): Promise<void>;
  appenderTo(temporaryTable: string): Promise<DuckDBAppender>;
}

export interface ResultListener {
  columns(columns: readonly { readonly name: string; readonly type: string }[]): void;
  rows(piece: readonly (readonly unknown[])[]): Promise<boolean>;
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
    result: async (sql, listener) => {
      throwIfAborted(signal);
      const result = await connection.stream(sql);
      const types = result.columnTypes();
      listener.columns(result.deduplicatedColumnNames().map((name, index) => ({ name, type: String(types[index]) })));
      for (;;) {
        const chunk = await result.fetchChunk();
        throwIfAborted(signal);
        if (chunk === null || chunk.rowCount === 0) return;
        const taken = listener.rows(rowsOfChunk(chunk, types));
        if (!await untilAborted(taken, signal)) return;
      }
    },
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

/** A reader that takes nothing more must not outlive the time limit. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new StrataError("ABORTED", { what: "The lake query" }, { cause: signal.reason }));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StrataError("ABORTED", { what: "The lake query" }, { cause: signal.reason });
}
