/** One load, or the search for the breaking point. */
import type { LoadReport } from "./load-report.ts";
import type { LoadTarget } from "./load-target.ts";
import type { LoadTestContext } from "./load-test-context.ts";
import { runLoad } from "./run-load.ts";
import { runSearch } from "./run-search.ts";
import type { SearchReport } from "./search-report.ts";

export type LoadTestResult = LoadReport | SearchReport;

export function runOrSearch(target: LoadTarget, context: LoadTestContext): Promise<LoadTestResult> {
  const { options, usageError } = context;
  if (!options.search && (options.svg !== undefined || options.wanted !== undefined)) throw usageError("--svg and --wanted need --search.");
  if (options.search && options.rate !== undefined) throw usageError("--search finds the rate; give --from and --up-to instead of --rate.");
  return options.search ? runSearch(target, context) : runLoad(target, context);
}
