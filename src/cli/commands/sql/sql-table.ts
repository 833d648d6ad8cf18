/** An answer as a table: each column under its name and type, numbers to the right. */
import type { SqlSummary } from "../../../platform/api.ts";
import { formatBytes, formatCount, formatElapsed } from "../../terminal/format.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import type { SqlColumn } from "./sql-answer.ts";

const SHORT_TYPES: Readonly<Record<string, string>> = { "TIMESTAMP WITH TIME ZONE": "timestamptz", VARCHAR: "text", BIGINT: "bigint", DOUBLE: "double", BOOLEAN: "boolean" };
const NUMERIC = /INT|DOUBLE|FLOAT|DECIMAL/;

export function showAnswer(terminal: Terminal, columns: readonly SqlColumn[], rows: readonly (readonly unknown[])[]): void {
  terminal.table<readonly unknown[]>(columns.map(({ name, type }, index) => ({
    title: `${name} ${SHORT_TYPES[type] ?? type.toLowerCase()}`, value: (row: readonly unknown[]) => cellOf(row[index]), ...(NUMERIC.test(type) ? { align: "right" as const } : {}),
  })), rows, { empty: "no rows" });
}

/** Numbers as they are: a result is not a report, and 1,234 could not be pasted anywhere. */
function cellOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function noteSummary(terminal: Terminal, { rows, truncated, files, skippedFiles, fetchedBytes, elapsedMs }: SqlSummary): void {
  const skipped = skippedFiles === 0 ? "" : `, ${skippedFiles} skipped`;
  const fetched = fetchedBytes === 0 ? "" : `, ${formatBytes(fetchedBytes)} fetched`;
  terminal.note(`${formatCount(rows, "row")} in ${formatElapsed(elapsedMs)}, ${formatCount(files, "file")}${skipped}${fetched}`);
  if (truncated) terminal.warn(`these are the first ${formatCount(rows, "row")}; --limit allows more`);
}
