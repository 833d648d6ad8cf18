/** Shows the result of a load test to people. */
import { failuresOf, requestsOf } from "../../../platform/load-test.ts";
import type { LatencySummary, LoadOutcome, ServerCost, StreamOutcome } from "../../../platform/load-test.ts";
import type { Cell } from "../../terminal/table.ts";
import { formatBytes, formatNumber, formatPercent, formatRate } from "../../terminal/format.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import type { LoadReport } from "./load-report.ts";
import { milliseconds } from "./milliseconds.ts";

type Pair = readonly [name: string, value: Cell];

export function renderReport(report: LoadReport, terminal: Terminal): void {
  const { outcome, server } = report;
  terminal.print(terminal.palette.bold(report.target));
  terminal.print([report.load, ...report.notes].join("; "));
  terminal.print();
  terminal.pairs([...requestPairs(report), ...streamPairs(outcome.streams), ...serverPairs(server), ...generatorPairs(outcome)]);
  terminal.print();
  terminal.table<LatencyRow>([
    { title: "latency", value: ({ name }) => name },
    ...(["p50Ms", "p90Ms", "p99Ms", "p999Ms", "maxMs", "meanMs"] as const).map((field) => ({
      title: TITLES[field], value: ({ summary }: LatencyRow) => milliseconds(summary[field]), align: "right" as const,
    })),
  ], latencyRows(outcome));
  if (outcome.firstFailure !== undefined && outcome.firstFailure !== "") terminal.note(`the first failure said: ${outcome.firstFailure.slice(0, 500)}`);
  for (const warning of outcome.generator.warnings) terminal.warn(warning);
  if (report.isStopped) terminal.warn("stopped early: the figures are of what was measured until then");
}

interface LatencyRow { readonly name: string; readonly summary: LatencySummary }

const TITLES = { p50Ms: "p50", p90Ms: "p90", p99Ms: "p99", p999Ms: "p99.9", maxMs: "max", meanMs: "mean" } as const;

function requestPairs({ outcome, perSecond, markName }: LoadReport): readonly Pair[] {
  const total = requestsOf(outcome);
  const failed = Object.entries(outcome.failed).toSorted((a, b) => b[1] - a[1]).map(([kind, count]) => `${kind} ${formatNumber(count, 0)}`).join(", ");
  return [
    ["throughput", `${formatNumber(perSecond, perSecond < 100 ? 2 : 0)} answers/s`],
    ["answered", `${formatNumber(outcome.answered, 0)} of ${formatNumber(total, 0)} (${formatPercent(outcome.answered / Math.max(1, total), 2)})`],
    ...(markName === undefined ? [] : [[markName, formatNumber(outcome.marked, 0)] as const]),
    ["failed", failuresOf(outcome) === 0 ? "0" : failed],
    ["unfinished", formatNumber(outcome.unfinished, 0)],
    ["transferred", `${formatBytes(outcome.bytesSent)} sent, ${formatBytes(outcome.bytesReceived)} received`],
  ];
}

function streamPairs(streams: StreamOutcome | undefined): readonly Pair[] {
  if (streams === undefined) return [];
  return [
    ["tokens", `${formatNumber(streams.tokens, 0)} (${formatRate(streams.tokensPerSecond)}), ${formatNumber(streams.frames, 0)} frames`],
    ["streams at once", `${formatNumber(streams.mostAtOnce, 0)} at most`],
    ...(streams.numberedFrames === 0 ? [] : [["lost frames", `${formatNumber(streams.lostFrames, 0)} of ${formatNumber(streams.numberedFrames + streams.lostFrames, 0)} numbered`] as const]),
  ];
}

function serverPairs(server: ServerCost | undefined): readonly Pair[] {
  if (server === undefined) return [];
  return [
    ["server CPU", `${formatNumber(server.cpuUsPerRequest, 0)} µs/request, ${formatNumber(server.cpuShare)} cores (process ${server.pids.slice(0, 4).join(", ")}${server.pids.length > 4 ? ", …" : ""})`],
    ["server memory", `${formatBytes(server.rssBeforeBytes)} before, ${formatBytes(server.rssAfterBytes)} after`],
  ];
}

function generatorPairs({ generator }: LoadOutcome): readonly Pair[] {
  const late = generator.lateness.count === 0 ? "" : `, late by ${milliseconds(generator.lateness.p50Ms)} (p50), ${milliseconds(generator.lateness.p99Ms)} (p99)`;
  return [["generator", `${formatNumber(generator.cpuUsPerRequest, 0)} µs/request, ${formatNumber(generator.busiestCpuShare)} cores${generator.processes === 1 ? "" : ` in the busiest of ${generator.processes} processes`}${late}`]];
}

function latencyRows({ latency, fromSending, streams, generator }: LoadOutcome): readonly LatencyRow[] {
  const isOpen = generator.lateness.count > 0;
  return [
    ...(streams === undefined ? [] : [{ name: "first token", summary: streams.firstToken }, { name: "between frames", summary: streams.gap }]),
    { name: streams === undefined ? (isOpen ? "from when it was to come" : "request") : "whole stream", summary: latency },
    ...(isOpen ? [{ name: "from sending", summary: fromSending }] : []),
  ];
}
