/**
 * Columns into temporary DuckDB tables: numbers and codes by the chunk, each dictionary as one JSON parameter
 * that DuckDB parses off this thread, and a SELECT that joins the codes back to their text in row order.
 * Measured for 100,000 rows with 8 text columns: 40 ms on this thread, of 370 ms in all; one string per call took 700 ms on it.
 */
import { DOUBLE, DuckDBDataChunk, INTEGER, TINYINT } from "@duckdb/node-api";
import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError } from "../../kernel/errors.ts";
import { quoteName } from "../../ports/analytics.ts";
import type { Column, ColumnTable } from "../../ports/analytics.ts";
import type { Session } from "./session.ts";
import { fillItems } from "./vector-items.ts";

const CHUNK_ROWS = 2_048; // DuckDB's vector size
const CHUNKS_PER_TURN = 4; // about 1 ms of this thread

/** Loads the columns and returns the SELECT that yields them, in row order. */
export async function loadTable(session: Session, table: ColumnTable): Promise<string> {
  checkTable(table);
  const columns = Object.entries(table.columns);
  for (const [index, [, column]] of columns.entries()) {
    if (column.kind === "text") await loadDictionary(session, index, column.dictionary);
  }
  await session.execute(`CREATE TEMP TABLE loaded (${columns.map(([, column], index) => `c${index} ${LOADED_TYPE[column.kind]}`).join(", ")})`);
  await appendRows(session, table);
  const selected = columns.map(([name, column], index) => `${decodedColumn(column.kind, index)} AS ${quoteName(name)}`);
  const joins = columns.flatMap(([, column], index) => (column.kind === "text" ? [`LEFT JOIN dictionary${index} ON dictionary${index}.code = loaded.c${index}`] : []));
  return `SELECT ${selected.join(", ")} FROM loaded ${joins.join(" ")} ORDER BY loaded.rowid`;
}

const LOADED_TYPE = { number: "DOUBLE", text: "INTEGER", boolean: "TINYINT" } as const;
const VECTOR_TYPE = { number: DOUBLE, text: INTEGER, boolean: TINYINT } as const;

function decodedColumn(kind: Column["kind"], index: number): string {
  if (kind === "number") return `nullif(loaded.c${index}, 'nan'::DOUBLE)`;
  return kind === "text" ? `dictionary${index}.value` : `CASE loaded.c${index} WHEN 1 THEN true WHEN 0 THEN false END`;
}

async function loadDictionary(session: Session, index: number, dictionary: readonly string[]): Promise<void> {
  const json = JSON.stringify(dictionary.map((value) => value.toWellFormed()));
  await session.execute(
    `CREATE TEMP TABLE dictionary${index} AS SELECT unnest(list) AS value, generate_subscripts(list, 1) - 1 AS code FROM (SELECT from_json($1, '["VARCHAR"]') AS list)`,
    [json],
  );
}

async function appendRows(session: Session, table: ColumnTable): Promise<void> {
  const columns = Object.values(table.columns);
  const appender = await session.appenderTo("loaded");
  const chunk = DuckDBDataChunk.create(columns.map((column) => VECTOR_TYPE[column.kind]), CHUNK_ROWS);
  for (let from = 0, turn = 1; from < table.rows; from += CHUNK_ROWS, turn++) {
    const to = Math.min(table.rows, from + CHUNK_ROWS);
    chunk.reset();
    chunk.rowCount = to - from;
    for (const [index, column] of columns.entries()) fillItems(chunk.getColumnVector(index), numbersOf(column).subarray(from, to));
    appender.appendDataChunk(chunk);
    if (turn % CHUNKS_PER_TURN === 0) await nextTurn();
  }
  appender.closeSync();
}

function numbersOf(column: Column): Float64Array | Int32Array | Int8Array {
  return column.kind === "text" ? column.codes : column.values;
}

function checkTable({ rows, columns }: ColumnTable): void {
  const names = Object.keys(columns);
  const lower = names.map((name) => name.toLowerCase());
  const clash = names.find((_, index) => lower.indexOf(lower[index]!) !== index);
  if (names.length === 0) refuse("a table needs a column");
  if (clash !== undefined) refuse(`two columns are named "${clash}" but for the case of letters`);
  for (const [name, column] of Object.entries(columns)) {
    const length = numbersOf(column).length;
    if (length !== rows) refuse(`column "${name}" has ${length} values for ${rows} rows`);
    if (column.kind === "text" && column.codes.some((code) => code < -1 || code >= column.dictionary.length)) refuse(`column "${name}" has a code outside its dictionary`);
  }
}

function refuse(reason: string): never {
  throw new StrataError("LAKE_QUERY_FAILED", { reason });
}
