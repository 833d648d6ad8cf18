/** `strata usage`: calls, tokens and cost of language models. */
import type { UsageReport, UsageReportRow } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatCompact, formatNumber } from "../terminal/format.ts";

const GROUPS = ["key", "model", "upstream", "operation", "outcome", "day", "hour"] as const;

/** Longer charts are a table's work. */
const MOST_BARS = 20;

export const command = defineCommand({
  name: "usage",
  summary: "Show calls, tokens and cost of language models",
  description: "Sums over the chosen groups, from the ledger: what every server on it has booked. Usage is kept by the hour (UTC). Answers from the cache cost nothing and are there with the outcome \"cached\".",
  options: {
    ...SERVER_OPTIONS,
    by: { type: "enum", values: GROUPS, multiple: true, description: "What to group by; may be repeated (default: model)" },
    since: { type: "duration", description: "Only the last such time, e.g. 7d (default: everything)" },
    key: { type: "string", description: "Only this key, by id or name; \"local\" is the calls without one" },
    model: { type: "string", description: "Only this language model" },
  },
  examples: [
    { command: "strata usage --by key --since 1d", note: "who spent what today" },
    { command: "strata usage --by day --model fast", note: "a model over time" },
  ],
  run: async (context) => {
    const { by, since, key, model } = context.options;
    const query = { groupBy: (by.length === 0 ? ["model"] : by).join(","), from: since === undefined ? undefined : Math.floor(context.clock.now() - since), key, model };
    await using client = openApiClient(context);
    return await client.get<UsageReport>("/v1/usage", { query, signal: context.signal });
  },
  render: ({ rows, total }, { terminal }) => {
    const groups = Object.keys(rows[0]?.group ?? {});
    terminal.table<UsageReportRow>([
      ...groups.map((group) => ({ title: group, value: (row: UsageReportRow) => labelOf(row, group), align: "left" as const })),
      { title: "calls", value: ({ calls }) => formatNumber(calls, 0), align: "right" },
      { title: "input", value: ({ inputTokens }) => formatCompact(inputTokens), align: "right" },
      { title: "output", value: ({ outputTokens }) => formatCompact(outputTokens), align: "right" },
      { title: "cost", value: ({ costUsd }) => usd(costUsd), align: "right" },
    ], rows, { empty: "no calls of language models were booked" });
    if (rows.length === 0) return;
    if (rows.length > 1 && rows.length <= MOST_BARS && total.costUsd > 0) {
      terminal.print();
      terminal.bars(rows.map((row) => ({ label: groups.map((group) => labelOf(row, group)).join(" · "), value: row.costUsd, text: usd(row.costUsd) })));
    }
    terminal.print();
    terminal.print(`${formatNumber(total.calls, 0)} calls, ${formatCompact(total.inputTokens)} tokens in, ${formatCompact(total.outputTokens)} out, ${usd(total.costUsd)}`);
    if (total.estimatedCalls > 0) terminal.note(`the tokens of ${formatNumber(total.estimatedCalls, 0)} calls were counted here, because the upstream did not say`);
  },
});

const usd = (amount: number): string => `$${formatNumber(amount, 6)}`;

function labelOf({ group, keyName }: UsageReportRow, name: string): string {
  const value = group[name] ?? "";
  return name === "key" ? keyName ?? value : value || "none";
}
