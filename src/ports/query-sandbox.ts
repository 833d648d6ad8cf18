/**
 * SQL that people write, over Parquet files and nothing else.
 *
 * Contract, judged by test/conformance/query-sandbox.ts on every engine:
 * - One SELECT (or EXPLAIN of one) over the given tables. Anything else is QUERY_REFUSED; what does not parse or bind is
 *   QUERY_INVALID with the engine's own sentence. Tables and columns are found whatever the case of letters.
 * - The statement can reach no file, network, setting or extension, and changes nothing.
 * - `inspect` tells which tables a statement reads, and for each the times outside of which no row can matter to the
 *   answer. It runs nothing of the statement but constants, and when in doubt it says "all times".
 * - A run ends with QUERY_TOO_LARGE beyond its memory, DEADLINE_EXCEEDED beyond its time, ABORTED when the signal fires.
 * - Runs do not see each other. After `close`, which cancels what runs, every call rejects with CLOSED.
 */
import type { TableFile } from "./analytics.ts";

export type QueryColumnType = "timestamp" | "integer" | "number" | "text" | "boolean";

export interface QueryColumn {
  readonly name: string;
  readonly type: QueryColumnType;
  /** Columns of the files, the first that has a value counts; a timestamp is stored as ms since the epoch. Empty: NULL. */
  readonly sources: readonly { readonly column: string; readonly kind: "number" | "text" | "boolean" }[];
}

/** From `from` (inclusive) to `to` (exclusive), ms since the epoch or any other number. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

export interface QueryTable {
  readonly name: string;
  /** Rows follow one another in this order; none makes an empty table. */
  readonly files: readonly TableFile[];
  readonly columns: readonly QueryColumn[];
  /** Only rows whose file column lies in the range. */
  readonly only?: readonly (NumberRange & { readonly column: string })[];
}

/** A table of a statement, and the times that can matter. */
export interface TableUse {
  /** As the caller named it. */
  readonly name: string;
  /** Several where the table is read several times; one of all times when in doubt. */
  readonly times: readonly NumberRange[];
}

export interface QueryLimits {
  readonly maxRows: number;
  readonly timeoutMs: number;
}

export interface QueryResultColumn {
  readonly name: string;
  /** The engine's name of the SQL type, such as BIGINT. */
  readonly type: string;
}

export interface QueryRun {
  readonly columns: readonly QueryResultColumn[];
  /**
   * The rows in pieces; values are JSON: numbers (integers beyond 2^53 as text), text, booleans, null, times as ISO 8601,
   * lists and structures as such. NaN and infinities are text. Leaving the loop ends the run.
   */
  readonly pieces: AsyncIterable<readonly (readonly unknown[])[]>;
  /** Whether rows were left out because of the limit; known when the pieces have ended. */
  isTruncated(): boolean;
}

export interface QueryOptions extends QueryLimits {
  readonly tables: readonly QueryTable[];
  readonly signal?: AbortSignal | undefined;
}

export interface QuerySandbox extends AsyncDisposable {
  /** `timeColumns`: the table names that exist, each with its column of event time. */
  inspect(sql: string, timeColumns: ReadonlyMap<string, string>, options?: { readonly signal?: AbortSignal | undefined }): Promise<readonly TableUse[]>;
  /** Dispose the run when done with it. */
  run(sql: string, options: QueryOptions): Promise<QueryRun & AsyncDisposable>;
  /** The result as a Parquet file, whole or not at all. */
  write(sql: string, path: string, options: QueryOptions): Promise<{ readonly rows: number; readonly sizeBytes: number }>;
  close(): Promise<void>;
}
