/** `strata quality profile`: what a stream holds, column by column, drawn with bars. */
import type { ColumnSummary, StreamProfile } from "../../../platform/api.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import { SERVER_OPTIONS } from "../../server-options.ts";
import { sparkline } from "../../terminal/chart.ts";
import { formatCount, formatElapsed, formatNumber, formatPercent, formatTime } from "../../terminal/format.ts";
import { followWork } from "./followed-work.ts";

export const profile = defineCommand({
  name: "profile",
  summary: "Profile a stream in the lake: missing, distinct, distribution",
  description: "Counts, missing shares, distinct values (estimated within 1.6 %), quantiles, most frequent values and histograms of every column. Files that were profiled before are not read again. With --compare, each column's distribution is tested against an earlier snapshot.",
  options: {
    ...SERVER_OPTIONS,
    timeout: { type: "duration", default: "10m", description: "How long to wait for an answer" },
    snapshot: { type: "string", placeholder: "id", description: "A snapshot of the lake, or the beginning of its id (default: what it has now)" },
    compare: { type: "string", placeholder: "id", description: "Compare with this earlier snapshot" },
    top: { type: "number", integer: true, minimum: 0, maximum: 10, default: 5, description: "Most frequent values to show per column" },
  },
  positionals: { stream: { description: "Name of the stream" } },
  examples: [
    { command: "strata quality profile purchases", note: "what is in the stream" },
    { command: "strata quality profile purchases --compare 3f9a1c", note: "and how it changed since a snapshot" },
  ],
  run: (context): Promise<StreamProfile> => {
    const { positionals: { stream }, options: { snapshot, compare } } = context;
    return followWork<StreamProfile>(context, { path: "/v1/profiles", body: { stream, snapshot, compare }, label: `profiling ${stream}` });
  },
  render: (found, { terminal, options }) => {
    const span = found.minTimeMs === null || found.maxTimeMs === null ? "" : ` from ${formatTime(found.minTimeMs)} to ${formatTime(found.maxTimeMs)}`;
    terminal.print(`${terminal.palette.bold(found.stream)}  ${formatCount(found.rows, "event")}${span}`);
    terminal.print(terminal.palette.dim(`${formatCount(found.filesRead, "file")} of ${found.files} read in ${formatElapsed(found.elapsedMs)}, snapshot ${found.snapshot.slice(0, 12)}`));
    for (const column of found.columns) printColumn(column, terminal, options.top);
    if (found.comparison === undefined) return;
    terminal.print();
    terminal.print(`Compared with snapshot ${found.comparison.snapshot.slice(0, 12)} (${formatCount(found.comparison.rows, "event")}):`);
    for (const { status, reason } of found.comparison.columns) terminal.print(`${status === "drifted" ? terminal.palette.red("✗") : status === "stable" ? terminal.palette.green("✓") : "·"} ${reason}`);
  },
});

function printColumn(column: ColumnSummary, terminal: CommandContext["terminal"], top: number): void {
  const { palette } = terminal;
  terminal.print();
  const missing = column.missing === 0 ? "none missing" : `${formatPercent(column.missingShare)} missing`;
  terminal.print(`${palette.bold(column.name)}  ${palette.dim(`${column.kind}, ${missing}, ${column.distinct === 0 ? "no value" : `about ${formatCount(column.distinct, "distinct value")}`}`)}`);
  if (column.numbers) {
    const { min, max, mean, standardDeviation, quantiles, histogram } = column.numbers;
    terminal.print(`  ${palette.cyan(sparkline(histogram.map(({ count }) => count), { minimum: 0 }))}  ${palette.dim(`p01 ${short(quantiles.p01)} to p99 ${short(quantiles.p99)}`)}`);
    terminal.print(`  min ${short(min)}  p05 ${short(quantiles.p05)}  p25 ${short(quantiles.p25)}  median ${short(quantiles.p50)}  p75 ${short(quantiles.p75)}  p95 ${short(quantiles.p95)}  max ${short(max)}  mean ${short(mean)} ± ${short(standardDeviation)}`);
  }
  if (column.texts) terminal.print(`  ${palette.dim(`${column.texts.shortest} to ${column.texts.longest} characters, ${formatNumber(column.texts.meanLength, 1)} in the mean`)}`);
  const values = column.topValues?.slice(0, top) ?? [];
  if (values.length > 0 && column.distinct <= column.count / 2) terminal.bars(values.map(({ value, count, share }) => ({ label: `  ${value}`, value: count, text: `${formatNumber(count, 0)} (${formatPercent(share)})` })));
}

function short(value: number): string {
  return formatNumber(Number(value.toPrecision(4)), 4);
}
