/**
 * Query results as typed arrays. Text is encoded inside DuckDB: one pass collects the distinct values, which become
 * an ENUM type, and the result's pass delivers the enum's codes, so no JavaScript string is made per row.
 */
import { StrataError } from "../../kernel/errors.ts";
import { quoteName } from "../../ports/analytics.ts";
import type { AnalyticsQuery, Column, ColumnKind, ColumnTable } from "../../ports/analytics.ts";
import { GrowingArray } from "./growing-array.ts";
import { parquetSource } from "./parquet-source.ts";
import type { Session } from "./session.ts";
import { copyItems } from "./vector-items.ts";

interface ResultColumn {
  readonly name: string;
  readonly kind: ColumnKind;
}

/** Runs the query and returns its columns. */
export async function readTable(session: Session, query: AnalyticsQuery): Promise<ColumnTable> {
  await createViews(session, query);
  const described = await describe(session, query.sql);
  const dictionaries = new Map<string, readonly string[]>();
  for (const [index, { name, kind }] of described.entries()) {
    if (kind === "text") dictionaries.set(name, await createDictionary(session, query.sql, { name, index }));
  }
  const selected = described.map(({ name, kind }, index) => encodedColumn(name, kind, kind === "text" && dictionaries.get(name)!.length > 0 ? `dictionary${index}` : undefined));
  const arrays = described.map(({ kind }) => new GrowingArray(kind));
  let rows = 0;
  for await (const chunk of session.chunks(`SELECT ${selected.join(", ")} FROM (${query.sql})`)) {
    for (const [index, array] of arrays.entries()) copyItems(chunk.getColumnVector(index), array.reserve(rows + chunk.rowCount), rows);
    rows += chunk.rowCount;
  }
  return { rows, columns: Object.fromEntries(described.map(({ name }, index) => [name, columnOf(arrays[index]!, rows, dictionaries.get(name))])) };
}

/** Makes the query's table names known to the session. */
export async function createViews(session: Session, query: AnalyticsQuery): Promise<void> {
  for (const [table, files] of Object.entries(query.tables)) {
    await session.execute(`CREATE TEMP VIEW ${quoteName(table)} AS ${parquetSource(table, files)}`);
  }
}

const NUMERIC_TYPE = /^(?:U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*)$/;

async function describe(session: Session, sql: string): Promise<readonly ResultColumn[]> {
  const columns: ResultColumn[] = [];
  for await (const chunk of session.chunks(`DESCRIBE ${sql}`)) {
    for (const [name, type] of chunk.getRows()) columns.push({ name: String(name), kind: kindOf(String(type)) });
  }
  const repeated = columns.find(({ name }, index) => columns.findIndex((other) => other.name === name) !== index);
  if (repeated) throw new StrataError("LAKE_QUERY_FAILED", { reason: `the result has two columns named "${repeated.name}"; name them apart with AS` });
  return columns;
}

function kindOf(type: string): ColumnKind {
  if (type === "BOOLEAN") return "boolean";
  return NUMERIC_TYPE.test(type) ? "number" : "text";
}

async function createDictionary(session: Session, sql: string, column: { readonly name: string; readonly index: number }): Promise<readonly string[]> {
  const table = `distinct${column.index}`;
  const value = `CAST(${quoteName(column.name)} AS VARCHAR)`;
  await session.execute(`CREATE TEMP TABLE ${table} AS SELECT DISTINCT ${value} AS value FROM (${sql}) WHERE ${quoteName(column.name)} IS NOT NULL ORDER BY value`);
  const dictionary: string[] = [];
  for await (const chunk of session.chunks(`SELECT value FROM ${table} ORDER BY rowid`)) {
    for (const item of chunk.getColumnValues(0)) dictionary.push(String(item));
  }
  if (dictionary.length > 0) await session.execute(`CREATE TEMP TYPE dictionary${column.index} AS ENUM (SELECT value FROM ${table} ORDER BY rowid)`);
  return dictionary;
}

/** No NULL reaches JavaScript: each kind has its own mark for a missing value. */
function encodedColumn(name: string, kind: ColumnKind, dictionary: string | undefined): string {
  const value = quoteName(name);
  if (kind === "number") return `coalesce(CAST(${value} AS DOUBLE), 'nan'::DOUBLE)`;
  if (kind === "boolean") return `coalesce(CAST(${value} AS TINYINT), -1::TINYINT)`;
  return dictionary === undefined ? "-1::INTEGER" : `coalesce(CAST(enum_code(CAST(CAST(${value} AS VARCHAR) AS ${dictionary})) AS INTEGER), -1)`;
}

function columnOf(array: GrowingArray, rows: number, dictionary: readonly string[] | undefined): Column {
  const values = array.take(rows);
  if (values instanceof Float64Array) return { kind: "number", values };
  if (values instanceof Int8Array) return { kind: "boolean", values };
  return { kind: "text", codes: values, dictionary: dictionary ?? [] };
}
