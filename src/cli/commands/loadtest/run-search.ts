/** Runs a search for the breaking point and writes its picture. */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { StrataError, reasonOf } from "../../../kernel/errors.ts";
import { capacityOf, drawCurve, measureLoad, openLoadGenerator, searchRate, throughputOf } from "../../../platform/load-test.ts";
import type { LoadBounds, LoadPlan, MeasuredStep } from "../../../platform/load-test.ts";
import { formatElapsed, formatNumber } from "../../terminal/format.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { arrivalsOf } from "./load-options.ts";
import type { LoadTarget } from "./load-target.ts";
import type { LoadTestContext } from "./load-test-context.ts";
import { milliseconds } from "./milliseconds.ts";
import { planOf, serverPidsOf, warmUpServer } from "./run-load.ts";
import type { SearchReport } from "./search-report.ts";

const FIRST_PER_SECOND = 50;
const FIRST_STREAMS_PER_SECOND = 1;
const CONFIRMATION_FACTOR = 3;
/** Twenty doublings and bisections reach a million from fifty; the rest are confirmations. */
const MAX_STEPS = 40;
/** Enough for every rate a process can send; fewer are opened while answers come soon. */
const CONNECTIONS = 4_096;

export async function runSearch(target: LoadTarget, context: LoadTestContext): Promise<SearchReport> {
  const { options, terminal, signal } = context;
  const base = planOf(target, { ...options, rate: 1, connections: options.connections ?? CONNECTIONS });
  await using generator = openLoadGenerator({ processes: options.processes });
  const serverPids = await serverPidsOf(target.address, options.pid);
  await warmUpServer(base, options.warmup, { generator, signal });
  const bounds: LoadBounds = { p99Ms: options.p99, maxFailedShare: options.maxFailed, ...(options.firstToken === undefined ? {} : { firstTokenP99Ms: options.firstToken }) };
  let attempts = 0; // each draws its arrivals anew
  const search = await searchRate({
    bounds, signal, repeats: options.repeats, onStep: (step) => showStep(step, terminal),
    onRepeat: ({ perSecond }, reasons) => terminal.note(`? ${rateText(perSecond)}: ${reasons.join("; ")}; once more`),
    rules: { firstPerSecond: options.from ?? firstRateOf(base), maxPerSecond: options.upTo, resolution: 1 + options.precision, maxSteps: MAX_STEPS },
    measure: async ({ perSecond, isConfirmation }) => {
      const durationMs = options.step * (isConfirmation ? CONFIRMATION_FACTOR : 1);
      using bar = terminal.progress({ label: `${isConfirmation ? "confirming " : ""}${rateText(perSecond)}`, total: Math.round((perSecond * durationMs) / 1000) });
      return measureLoad({ ...base, arrivals: arrivalsOf({ ...options, seed: options.seed + attempts++ }, perSecond), durationMs }, { generator, serverPids, signal, onProgress: ({ answered }) => bar.update(answered) });
    },
  });
  const capacity = capacityOf(search, { headroom: options.headroom, wantedPerSecond: options.wanted });
  const report: SearchReport = { kind: "search", target: target.title, notes: target.notes, bounds, capacity, headroom: options.headroom, isStopped: signal.aborted, ...search };
  return options.svg === undefined ? report : { ...report, svg: await writePicture(report, options.svg, context) };
}

const firstRateOf = ({ exchange }: LoadPlan): number => (exchange.kind === "stream" ? FIRST_STREAMS_PER_SECOND : FIRST_PER_SECOND);
const rateText = (perSecond: number): string => `${formatNumber(perSecond, perSecond < 100 ? 1 : 0)}/s`;

function showStep({ perSecond, outcome, isHeld, isConfirmation, reasons }: MeasuredStep, terminal: Terminal): void {
  const figures = `${rateText(perSecond)}: p50 ${milliseconds(outcome.latency.p50Ms)}, p99 ${milliseconds(outcome.latency.p99Ms)}`;
  if (isHeld) terminal.success(`${figures}${isConfirmation ? `, confirmed over ${formatElapsed(outcome.elapsedMs)}` : ""}`);
  else terminal.note(`✗ ${figures}: ${reasons.join("; ")}`);
}

async function writePicture(report: SearchReport, file: string, { workingDirectory }: LoadTestContext): Promise<string> {
  const path = resolve(workingDirectory, file);
  const picture = drawCurve({
    title: report.target, boundMs: report.bounds.p99Ms, heldPerSecond: report.heldPerSecond, curve: report.capacity.p99Curve,
    subtitle: `open loop, Poisson; ${report.notes.length === 0 ? "" : `${report.notes[0]}; `}${cpus().length} cores, Node ${process.versions.node}`,
    points: report.steps.filter((step) => step.outcome.answered > 0).map((step) => ({ perSecond: throughputOf(step.outcome), p50Ms: step.outcome.latency.p50Ms, p99Ms: step.outcome.latency.p99Ms, isHeld: step.isHeld })),
  });
  try {
    await writeFile(path, picture);
  } catch (thrown) {
    throw new StrataError("FILE_UNWRITABLE", { path, reason: reasonOf(thrown) }, { cause: thrown });
  }
  return path;
}
