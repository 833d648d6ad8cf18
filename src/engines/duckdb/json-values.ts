/** Values of a result as JSON: what a person or a program can read without knowing DuckDB. */
import { DuckDBDateValue, DuckDBDecimalValue, DuckDBTimestampTZValue, DuckDBTypeId, JsonDuckDBValueConverter } from "@duckdb/node-api";
import type { DuckDBDataChunk, DuckDBType, DuckDBValue } from "@duckdb/node-api";

export function rowsOfChunk(chunk: DuckDBDataChunk, types: readonly DuckDBType[]): readonly (readonly unknown[])[] {
  const columns = types.map((type, index) => chunk.getColumnValues(index).map((value) => jsonOf(value, type)));
  return Array.from({ length: chunk.rowCount }, (_, row) => columns.map((column) => column[row]));
}

function jsonOf(value: DuckDBValue, type: DuckDBType): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof DuckDBTimestampTZValue && type.typeId === DuckDBTypeId.TIMESTAMP_TZ) return isoOf(value.micros);
  if (value instanceof DuckDBDecimalValue) return value.toDouble();
  if (value instanceof DuckDBDateValue) return String(value);
  return JsonDuckDBValueConverter(value, type, JsonDuckDBValueConverter) ?? null;
}

/** ISO 8601 in UTC; microseconds only where there are some, and text of the engine beyond what a date can say. */
function isoOf(micros: bigint): string {
  const date = new Date(Number(micros / 1_000n));
  if (Number.isNaN(date.getTime())) return String(new DuckDBTimestampTZValue(micros));
  const rest = micros % 1_000n;
  return rest === 0n ? date.toISOString() : date.toISOString().replace("Z", `${String(rest < 0n ? rest + 1_000n : rest).padStart(3, "0")}Z`);
}
