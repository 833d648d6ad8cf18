/** Parquet files as a DuckDB table expression, with paths taken literally. */
import { StrataError } from "../../kernel/errors.ts";
import { quoteText } from "../../ports/analytics.ts";

/**
 * union_by_name: a column that a file lacks is NULL. hive_partitioning off: a folder named `a=b` must not add a column.
 */
export function parquetSource(table: string, files: readonly string[]): string {
  if (files.length === 0) throw new StrataError("LAKE_QUERY_FAILED", { reason: `table "${table}" has no files` });
  return `read_parquet([${files.map((file) => quoteText(literalGlob(file))).join(", ")}], union_by_name = true, hive_partitioning = false)`;
}

/** DuckDB reads paths as patterns; a special character inside brackets stands for itself. */
function literalGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, "[$&]");
}
