/**
 * What batching costs and what it brings, in process and without HTTP: the latency it adds when requests are rare, the
 * share of the ideal throughput that is left when they are many, and the CPU of a request that does next to nothing.
 *
 *   node --conditions=source bench/batching.ts [--requests 60] [--seconds 9]
 *
 * The model computes for about 2 ms and 0.05 ms a row: a fixed number of steps, because spinning until a time would
 * count other programs' turns as its own. "Ideal" is the same function called directly with full batches, in the same
 * run, turn by turn with the server, so that a noisy minute hits both. Everything is warm before it counts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defineApplication, defineServedModel, functionModel, tensor } from "strata";
import { loadConfig, openPlatform } from "strata/testing";
import type { Platform } from "strata/testing";

const { values: flags } = parseArgs({ options: { requests: { type: "string", default: "60" }, seconds: { type: "string", default: "9" } } });
const requests = Number(flags.requests), seconds = Number(flags.seconds);

const MAX_ROWS = 32;
/** About 1 ns each. */
const CALL_STEPS = 2_000_000, ROW_STEPS = 50_000;
/** Requests in flight at saturation: enough that the next batch is always full. */
const CALLERS = 4 * MAX_ROWS;
/** Pairs of served and direct stretches; the median of their ratios counts. */
const TURNS = 9;
const RARE_PAUSE_MS = 100; // served and direct calls take turns, so each comes five times a second

function compute(steps: number): number {
  let value = 1;
  for (let i = 0; i < steps; i++) value = value * 0.999_999 + 1e-6;
  return value;
}

const row = tensor("FP32", [-1, 16]), answer = tensor("FP32", [-1]);
const answerOf = (rows: number) => ({ y: { shape: [rows], data: new Float32Array(rows) } });
const slow = functionModel({ inputs: { x: row }, outputs: { y: answer }, infer: ({ x }) => {
  compute(CALL_STEPS + ROW_STEPS * x.shape[0]!);
  return answerOf(x.shape[0]!);
} });
const trivial = functionModel({ inputs: { x: row }, outputs: { y: answer }, infer: ({ x }) => answerOf(x.shape[0]!) });

const input = (rows: number) => ({ shape: [rows, 16], data: new Float32Array(16 * rows) });
const one = [{ name: "x", datatype: "FP32" as const, ...input(1) }];
const print = (name: string, figures: Readonly<Record<string, number>>): void => console.log(JSON.stringify({ case: name, ...Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Number(value.toPrecision(5))])) }));
const percentile = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

async function timed(work: () => unknown): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function rare({ modelServer }: Platform): Promise<void> {
  const served: number[] = [], direct: number[] = [];
  for (let i = 0; i < requests; i++) {
    await pause(RARE_PAUSE_MS);
    served.push(await timed(() => modelServer.infer({ model: "slow", inputs: one })));
    await pause(RARE_PAUSE_MS);
    direct.push(await timed(() => slow.infer({ x: input(1) })));
  }
  print("5 requests/s", { servedP50Ms: percentile(served, 0.5), directP50Ms: percentile(direct, 0.5), addedP50Ms: percentile(served, 0.5) - percentile(direct, 0.5), addedP99Ms: percentile(served, 0.99) - percentile(direct, 0.99) });
}

/** Rows per second of callers that ask again at once. */
async function saturated({ modelServer }: Platform, model: string, forMs: number): Promise<{ readonly rate: number; readonly meanRows: number; readonly cpuUs: number }> {
  const untilMs = performance.now() + forMs;
  let answered = 0, rows = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const { note } = await modelServer.infer({ model, inputs: one });
      answered++;
      rows += note.rows;
    }
  };
  const cpu = process.cpuUsage(), startedMs = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const { user, system } = process.cpuUsage(cpu);
  return { rate: (1_000 * answered) / (performance.now() - startedMs), meanRows: rows / answered, cpuUs: (user + system) / answered };
}

async function ideal(forMs: number): Promise<{ readonly rate: number; readonly cpuUs: number }> {
  const untilMs = performance.now() + forMs, startedMs = performance.now(), cpu = process.cpuUsage();
  let rows = 0;
  while (performance.now() < untilMs) {
    await slow.infer({ x: input(MAX_ROWS) });
    rows += MAX_ROWS;
  }
  const { user, system } = process.cpuUsage(cpu);
  return { rate: (1_000 * rows) / (performance.now() - startedMs), cpuUs: (user + system) / rows };
}

async function many(platform: Platform): Promise<void> {
  const turnMs = (1_000 * seconds) / (2 * TURNS);
  const rates: number[] = [], ideals: number[] = [], shares: number[] = [], cpuShares: number[] = [];
  let meanRows = 0;
  await saturated(platform, "slow", turnMs);
  for (let turn = 0; turn < TURNS; turn++) {
    const measured = await saturated(platform, "slow", turnMs);
    const best = await ideal(turnMs);
    meanRows = measured.meanRows;
    rates.push(measured.rate);
    ideals.push(best.rate);
    shares.push(measured.rate / best.rate);
    cpuShares.push(best.cpuUs / measured.cpuUs);
  }
  print("saturated", { rowsPerSecond: percentile(rates, 0.5), idealRowsPerSecond: percentile(ideals, 0.5), shareOfIdeal: percentile(shares, 0.5), shareOfIdealByCpu: percentile(cpuShares, 0.5), meanBatchRows: meanRows });
}

async function cost(platform: Platform): Promise<void> {
  await saturated(platform, "trivial", 1_000); // compile first
  const { rate, meanRows, cpuUs } = await saturated(platform, "trivial", 2_000);
  print("trivial model", { cpuPerRequestUs: cpuUs, requestsPerSecond: rate, meanBatchRows: meanRows });
}

const folder = mkdtempSync(join(tmpdir(), "strata-bench-"));
try {
  const application = defineApplication("bench", [
    defineServedModel("slow", { source: slow, batching: { maxRows: MAX_ROWS } }), defineServedModel("trivial", { source: trivial, batching: { maxRows: MAX_ROWS } }),
  ]);
  const { config } = loadConfig({ environment: {}, flags: { dataDir: folder, port: 0, grpcPort: 0, logLevel: "error" } });
  await using platform = await openPlatform({ definition: application, config, runsControlLoop: false });
  await cost(platform);
  await many(platform);
  await rare(platform);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
