/** The tables of a statement as views over Parquet files: fields by their names and kinds, only the rows that may be seen. */
import { quoteName } from "../../ports/analytics.ts";
import type { QueryColumn, QueryColumnType, QueryTable } from "../../ports/query-sandbox.ts";
import { parquetSource } from "./parquet-source.ts";

export function viewOf({ name, files, columns, only = [] }: QueryTable): string {
  const view = `CREATE VIEW ${quoteName(name)} AS`;
  if (files.length === 0) return `${view} SELECT ${columns.map((column) => `CAST(NULL AS ${SQL_TYPES[column.type]}) AS ${quoteName(column.name)}`).join(", ")} WHERE false`;
  const conditions = only.flatMap(({ column, from, to }) => [
    ...(from > -Infinity ? [`${quoteName(column)} >= ${from}`] : []), ...(to < Infinity ? [`${quoteName(column)} < ${to}`] : []),
  ]);
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return `${view} SELECT ${columns.map(selected).join(", ")} FROM (${parquetSource(name, files)})${where}`;
}

const SQL_TYPES: Readonly<Record<QueryColumnType, string>> = { timestamp: "TIMESTAMP WITH TIME ZONE", integer: "BIGINT", number: "DOUBLE", text: "VARCHAR", boolean: "BOOLEAN" };

function selected({ name, type, sources }: QueryColumn): string {
  const values = sources.map(({ column, kind }) => valueOf(quoteName(column), kind, type));
  const value = values.length === 0 ? `CAST(NULL AS ${SQL_TYPES[type]})` : values.length === 1 ? values[0]! : `coalesce(${values.join(", ")})`;
  return `${value} AS ${quoteName(name)}`;
}

function valueOf(column: string, kind: QueryColumn["sources"][number]["kind"], type: QueryColumnType): string {
  if (type === "timestamp") return `make_timestamptz(CAST(round(${column} * 1000) AS BIGINT))`;
  if (type === "integer") return `CAST(${column} AS BIGINT)`;
  // A number that was stored before the field became text reads as JavaScript would write it: 3, not 3.0.
  if (type === "text" && kind === "number") return `CASE WHEN ${column} = trunc(${column}) AND abs(${column}) < 1e15 THEN CAST(CAST(${column} AS BIGINT) AS VARCHAR) ELSE CAST(${column} AS VARCHAR) END`;
  return kind === type ? column : `CAST(${column} AS ${SQL_TYPES[type]})`;
}
