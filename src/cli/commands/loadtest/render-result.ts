/** Shows what a load test found, of either kind. */
import type { CommandContext } from "../../command.ts";
import { renderReport } from "./render-report.ts";
import { renderSearch } from "./render-search.ts";
import type { LoadTestResult } from "./run-or-search.ts";

export function renderResult(result: LoadTestResult, { terminal }: Pick<CommandContext, "terminal">): void {
  if (result.kind === "run") renderReport(result, terminal);
  else renderSearch(result, terminal);
}
