/** Shows a search to people: steps, curve, breaking point, capacity. */
import { concurrencyOf, throughputOf } from "../../../platform/load-test.ts";
import type { MeasuredStep } from "../../../platform/load-test.ts";
import type { Cell } from "../../terminal/table.ts";
import { formatNumber, formatPercent } from "../../terminal/format.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { renderCurve } from "./curve-chart.ts";
import { milliseconds } from "./milliseconds.ts";
import type { SearchReport } from "./search-report.ts";

type Pair = readonly [name: string, value: Cell];

export function renderSearch(report: SearchReport, terminal: Terminal): void {
  const steps = report.steps.toSorted((a, b) => a.perSecond - b.perSecond);
  terminal.print(terminal.palette.bold(report.target));
  terminal.print([...report.notes, boundsText(report)].join("; "));
  terminal.print();
  terminal.table<MeasuredStep>(columnsOf(steps), steps, { empty: "no step was finished" });
  if (steps.length > 1) {
    terminal.print();
    terminal.print(renderCurve(steps.filter((step) => step.outcome.answered > 0).map((step) => ({
      perSecond: throughputOf(step.outcome), p50Ms: step.outcome.latency.p50Ms, p99Ms: step.outcome.latency.p99Ms, isHeld: step.isHeld,
    })), { palette: terminal.palette, width: Math.min(terminal.width ?? 80, 100), boundMs: report.bounds.p99Ms }));
  }
  terminal.print();
  terminal.pairs([...breakingPoint(report), ...curvePairs(report), ...advicePairs(report), ...(report.svg === undefined ? [] : [["picture", report.svg] as const])]);
  for (const warning of new Set(steps.flatMap((step) => step.outcome.generator.warnings))) terminal.warn(warning);
  if (report.isStopped) terminal.warn("stopped early: the search had not ended");
}

function boundsText({ bounds }: SearchReport): string {
  const first = bounds.firstTokenP99Ms === undefined ? "" : `, first token p99 ≤ ${milliseconds(bounds.firstTokenP99Ms)}`;
  return `holds while p99 ≤ ${milliseconds(bounds.p99Ms)}${first}, at most ${formatPercent(bounds.maxFailedShare, 2)} fail, and throughput follows`;
}

function columnsOf(steps: readonly MeasuredStep[]) {
  const rate = (value: number): string => formatNumber(value, value < 100 ? 1 : 0);
  return [
    { title: "rate/s", value: (step: MeasuredStep) => rate(step.perSecond), align: "right" as const },
    { title: "answers/s", value: (step: MeasuredStep) => rate(throughputOf(step.outcome)), align: "right" as const },
    { title: "p50", value: (step: MeasuredStep) => milliseconds(step.outcome.latency.p50Ms), align: "right" as const },
    { title: "p99", value: (step: MeasuredStep) => milliseconds(step.outcome.latency.p99Ms), align: "right" as const },
    { title: "at once", value: (step: MeasuredStep) => formatNumber(concurrencyOf(step), 1), align: "right" as const },
    ...(steps.some((step) => step.server !== undefined) ? [
      { title: "CPU µs", value: (step: MeasuredStep) => (step.server === undefined ? undefined : formatNumber(step.server.cpuUsPerRequest, 0)), align: "right" as const },
      { title: "cores", value: (step: MeasuredStep) => (step.server === undefined ? undefined : formatNumber(step.server.cpuShare)), align: "right" as const },
    ] : []),
    { title: "", value: (step: MeasuredStep) => (step.isHeld ? (step.isConfirmation ? "held, confirmed" : "held") : step.reasons.join("; ")) },
  ];
}

function breakingPoint({ heldPerSecond, brokenPerSecond, isConfirmed, isGeneratorLimit }: SearchReport): readonly Pair[] {
  if (heldPerSecond === undefined) return [["holds", "no rate that was tried"]];
  const next = isGeneratorLimit ? "; beyond it the generator was the limit: use --processes" : brokenPerSecond === undefined ? "; no higher rate was tried" : `; breaks at ${formatNumber(brokenPerSecond, 1)}/s`;
  return [["holds", `${formatNumber(heldPerSecond, 1)} requests/s${isConfirmed ? ", confirmed" : ", not confirmed"}${next}`]];
}

function curvePairs({ capacity: { latencyCurve, scalability } }: SearchReport): readonly Pair[] {
  return [
    ...(latencyCurve === undefined ? [] : [["capacity", latencyCurve.isGood
      ? `${formatNumber(latencyCurve.capacityPerSecond, 0)}/s by a queue like M/G/${formatNumber(latencyCurve.servers, 0)} (${milliseconds(latencyCurve.baseMs)} without load; fits within ${formatPercent(latencyCurve.error, 0)})`
      : `not told: a queue's curve misses the points by ${formatPercent(latencyCurve.error, 0)}`] as const]),
    ...(scalability === undefined ? [] : [["scalability", scalability.isGood
      ? `peak ${formatNumber(scalability.peakPerSecond, 0)}/s${Number.isFinite(scalability.peakConcurrency) ? ` at ${formatNumber(scalability.peakConcurrency, 0)} at once` : ""} by the Universal Scalability Law (contention ${formatPercent(scalability.contention)}, coherency ${scalability.coherency.toExponential(1)}; within ${formatPercent(scalability.error, 0)})`
      : `not told: the Universal Scalability Law misses the points by ${formatPercent(scalability.error, 0)}`] as const]),
  ];
}

function advicePairs({ capacity: { advice }, headroom }: SearchReport): readonly Pair[] {
  if (advice === undefined) return [];
  return [
    ["per replica", `${formatNumber(advice.perReplicaPerSecond, 0)} requests/s with ${formatPercent(headroom, 0)} headroom; concurrency target ${formatNumber(advice.concurrencyTarget, advice.concurrencyTarget < 10 ? 1 : 0)} (mean ${milliseconds(advice.meanLatencyMs)} from ${advice.meanFrom})`],
    ...(advice.replicas === undefined ? [] : [["replicas", `${formatNumber(advice.replicas, 0)} for ${formatNumber(advice.wantedPerSecond ?? 0, 0)} requests/s`] as const]),
  ];
}
