/**
 * Analytics over Parquet files: SQL in, columns out; columns or SQL in, a Parquet file out.
 *
 * Contract, judged by test/conformance/analytics.ts on every engine:
 * - Work runs off the event loop; what the caller's thread does per row is a copy of numbers.
 * - Rows come back, and are written, in the order of the query or of the given columns.
 * - A written file appears whole or not at all: it survives power loss when the call resolves, and a failed or
 *   cancelled write leaves an existing file of that name as it was. A crash may leave a temporary file behind,
 *   listed by `list` with another name.
 * - Opening is cheap: the engine itself starts with the first use.
 * - An AbortSignal ends the work soon with ABORTED. Anything the SQL engine refuses is LAKE_QUERY_FAILED.
 * - After `close`, which cancels what runs, every call rejects with CLOSED.
 */

/** One column of values. */
export type Column =
  /** NaN = missing. */
  | { readonly kind: "number"; readonly values: Float64Array }
  /** Dictionary-encoded; code -1 = missing. A dictionary that was read is sorted by the UTF-8 bytes of its values and has no duplicates. */
  | { readonly kind: "text"; readonly codes: Int32Array; readonly dictionary: readonly string[] }
  /** 1, 0, or -1 = missing. */
  | { readonly kind: "boolean"; readonly values: Int8Array };

export type ColumnKind = Column["kind"];

/** Columns of equal length by name. Names that differ only by the case of a letter are refused: SQL cannot tell them apart. */
export interface ColumnTable {
  readonly rows: number;
  readonly columns: Readonly<Record<string, Column>>;
}

export interface AnalyticsQuery {
  /**
   * One deterministic SELECT over the names of `tables`. It may run once per text column of its result and once more,
   * so it should filter and project rather than join large inputs.
   */
  readonly sql: string;
  /**
   * The Parquet files behind each table name, at least one each, in order; their rows follow one another in this order.
   * Columns are matched by name, and a column that a file lacks is NULL there. Paths are taken literally.
   */
  readonly tables: Readonly<Record<string, readonly TableFile[]>>;
}

/** A Parquet file, whole, or only its rows whose number column lies in a range. */
export type TableFile = string | FileRange;

export interface FileRange {
  readonly path: string;
  readonly column: string;
  readonly from: number;
  /** One past the last value. */
  readonly to: number;
}

export interface AnalyticsOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface WriteOptions extends AnalyticsOptions {
  /** Zstandard level, 1 to 22: higher is smaller and slower. Default: the engine's, about 3. */
  readonly compressionLevel?: number | undefined;
}

export interface WrittenFile {
  readonly rows: number;
  readonly sizeBytes: number;
}

export interface FileStamp {
  readonly sizeBytes: number;
  /** Of the last change, ms since the epoch. */
  readonly modifiedMs: number;
}

export interface Analytics extends AsyncDisposable {
  /** Numeric results become numbers (integers beyond 2^53 lose precision), BOOLEAN becomes boolean, everything else its text form. */
  query(query: AnalyticsQuery, options?: AnalyticsOptions): Promise<ColumnTable>;
  /** Writes the columns as DOUBLE, VARCHAR and BOOLEAN; the folder must exist. Text that is not well-formed Unicode is made so. */
  writeTable(path: string, table: ColumnTable, options?: AnalyticsOptions): Promise<WrittenFile>;
  /** Writes the result of a query without passing the rows through this process's heap. */
  writeQuery(path: string, query: AnalyticsQuery, options?: WriteOptions): Promise<WrittenFile>;
  /** Makes a folder and its parents, durably. */
  makeFolder(folder: string): Promise<void>;
  /** Names of the files in a folder, sorted; empty when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** A file's size and last change, at the cost of one system call; undefined when there is no such file. */
  stamp(path: string): Promise<FileStamp | undefined>;
  /** SHA-256 of a file's bytes, lower-case hex, read piece by piece; undefined when there is no such file. */
  digest(path: string, options?: AnalyticsOptions): Promise<string | undefined>;
  /** Removes a file; no error when there is none. */
  remove(path: string): Promise<void>;
  close(): Promise<void>;
}

/** A name as a quoted SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll("\"", "\"\"")}"`;
}

/** A text as an SQL literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
