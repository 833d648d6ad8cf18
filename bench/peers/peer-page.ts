/** The tables of RESULTS.md: which metrics stand together, for which rows. */
import { formatRuns } from "../report/markdown.ts";
import type { BenchCase, BenchResult } from "../report/result.ts";

interface PeerTable {
  readonly title: string;
  readonly metrics: readonly string[];
}

const TABLES: Readonly<Record<string, readonly PeerTable[]>> = {
  "peers-serving": [
    { title: "Against the best peer", metrics: ["requests/s", "CPU per request"] },
    { title: "The highest rate held", metrics: ["requests/s at p99 < 100 ms", "CPU at that rate", "p50 at that rate", "p99 at that rate", "closed loop of 32"] },
    { title: "At an equal rate", metrics: ["CPU at 100/s", "p50 at 100/s", "p99 at 100/s"] },
    { title: "Memory, start, agreement", metrics: ["memory idle", "memory loaded", "cold start to first prediction", "largest difference of a prediction", "client CPU"] },
  ],
  "peers-gateway": [
    { title: "Against each peer", metrics: ["CPU, closed loop of 32", "CPU at that rate", "CPU at 20/s", "CPU at 200/s", "requests/s at p99 < 100 ms"] },
    { title: "Added latency", metrics: ["added p50, one connection", "added p99, one connection", "added p50 at 20/s", "added p99 at 20/s", "added p50 at 200/s", "added p99 at 200/s"] },
    { title: "The client's latency", metrics: ["p50, one connection", "p99, one connection", "p50 at 20/s", "p99 at 20/s", "p50 at 200/s", "p99 at 200/s"] },
    { title: "CPU and rate", metrics: ["CPU, closed loop of 32", "closed loop of 32", "requests/s at p99 < 100 ms", "CPU at that rate", "CPU at 20/s", "CPU at 200/s"] },
    { title: "Streams of 50 frames/s", metrics: ["streams held", "streams without a lost frame", "gap p99 then", "CPU per frame then", "cores of the gateway then", "cores of the mock then", "cores of the client then"] },
    { title: "Streams, step by step", metrics: ["gap p99", "added gap p99", "CPU per frame"] },
    { title: "Memory and start", metrics: ["memory idle", "memory loaded", "cold start to first answer"] },
  ],
  "peers-features": [
    { title: "Against the others of the same round", metrics: ["requests/s"] },
    { title: "50 features of one customer, 10 connections", metrics: ["requests/s", "server CPU", "p50", "p99", "failed"] },
  ],
};

export function renderPeerBench({ name, title, configuration, cases, notes, date, seconds, command, machine }: BenchResult): readonly string[] {
  const { processor, cores, memoryGib, system, node, loadBefore, loadAfter } = machine;
  const ratios = (TABLES[name] ?? []).slice(0, 1), others = (TABLES[name] ?? []).slice(1);
  const isRatio = (entry: BenchCase): boolean => entry.name.includes(" against ");
  return [
    `## ${title}`, "",
    ...ratios.flatMap((table) => renderTable(table, cases.filter(isRatio))),
    ...others.flatMap((table) => renderTable(table, cases.filter((entry) => !isRatio(entry)))),
    ...configuration.map((sentence) => `- ${sentence}`), ...notes.map((note) => `- ${note}`), "",
    `\`${command}\`, ${date}, ${Math.round(seconds)} s; ${processor}, ${cores} cores, ${memoryGib} GiB, ${system}, Node ${node}; load average ${loadBefore.toFixed(2)} before, ${loadAfter.toFixed(2)} after.`, "",
  ];
}

/** Rows that have one of the metrics; a metric that no row has is left out, and so is an empty table. */
function renderTable({ title, metrics }: PeerTable, cases: readonly BenchCase[]): readonly string[] {
  const rows = cases.filter((entry) => entry.metrics.some((metric) => metrics.includes(metric.name)));
  const columns = metrics.flatMap((name) => rows.flatMap((row) => row.metrics).find((metric) => metric.name === name) ?? []);
  if (rows.length === 0) return [];
  return [
    `### ${title}`, "",
    `| | ${columns.map(({ name, unit }) => `${name}${unit === "" ? "" : ` (${unit})`}`).join(" | ")} |`,
    `|---|${columns.map(() => "---:|").join("")}`,
    ...rows.map((row) => `| ${row.name} | ${columns.map(({ name }) => cellOf(row, name)).join(" | ")} |`), "",
  ];
}

function cellOf(row: BenchCase, name: string): string {
  const metric = row.metrics.find((candidate) => candidate.name === name);
  return metric === undefined ? "" : formatRuns(metric.runs);
}
