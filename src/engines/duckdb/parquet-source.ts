/** Parquet files as a DuckDB table expression, with paths taken literally. */
import { StrataError } from "../../kernel/errors.ts";
import { quoteName, quoteText } from "../../ports/analytics.ts";
import type { FileRange, TableFile } from "../../ports/analytics.ts";

/**
 * A SELECT of all rows, in the order of the files. union_by_name: a column that a file lacks is NULL.
 * hive_partitioning off: a folder named `a=b` must not add a column.
 */
export function parquetSource(table: string, files: readonly TableFile[]): string {
  if (files.length === 0) throw new StrataError("LAKE_QUERY_FAILED", { reason: `table "${table}" has no files` });
  return partsOf(files).map((part) => (Array.isArray(part) ? selectWhole(part as readonly string[]) : selectRange(part as FileRange))).join(" UNION ALL BY NAME ");
}

/** Neighbouring whole files are one part, so that the usual table is one scan. */
function partsOf(files: readonly TableFile[]): readonly (readonly string[] | FileRange)[] {
  const parts: (string[] | FileRange)[] = [];
  for (const file of files) {
    const last = parts.at(-1);
    if (typeof file !== "string") parts.push(file);
    else if (Array.isArray(last)) last.push(file);
    else parts.push([file]);
  }
  return parts;
}

function selectWhole(files: readonly string[]): string {
  return `SELECT * FROM read_parquet([${files.map((file) => quoteText(literalGlob(file))).join(", ")}], union_by_name = true, hive_partitioning = false)`;
}

function selectRange({ path, column, from, to }: FileRange): string {
  return `(${selectWhole([path])} WHERE ${quoteName(column)} >= ${from} AND ${quoteName(column)} < ${to})`;
}

/** DuckDB reads paths as patterns; a special character inside brackets stands for itself. */
export function literalGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, "[$&]");
}
