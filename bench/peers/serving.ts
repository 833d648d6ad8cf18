/**
 * Model servers side by side: the same model, the same client, taking turns on the same machine.
 *
 *   node --conditions=source bench/peers/serving.ts [--workers 1|2|both] [--rounds 3] [--seconds 8] [--only strata,mlserver]
 */
import { mkdir } from "node:fs/promises";
import { openLoadGenerator } from "strata/testing";
import type { LoadGenerator } from "strata/testing";
import { loadNow } from "../report/machine.ts";
import { createSheet, spreadOf } from "../report/result.ts";
import type { Sheet } from "../report/result.ts";
import { closedLoop, failureText, highestRate, openLoop } from "./load-steps.ts";
import { OPTIONS_TEXT, readOptions } from "./options.ts";
import { createPeerCache } from "./peer-cache.ts";
import { freePort, startPeer } from "./peer-server.ts";
import type { PeerServer } from "./peer-server.ts";
import { keepResult } from "./peer-results.ts";
import { servingContenders, trainModel } from "./serving/contenders.ts";
import type { TrainedModel } from "./serving/contenders.ts";
import type { ServingContender } from "./serving/contender.ts";

const USAGE = `usage: node --conditions=source bench/peers/serving.ts [options]

  --workers <1|2|both> one serving process each, or two, what these guides recommend for two cores (both)${OPTIONS_TEXT}`;

const startedAtMs = performance.now();
const say = (text: string): void => { process.stderr.write(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(4)} s  ${text}\n`); };
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // servers end at exit

/** A rate that every contender carries: where CPU per request and latency are compared at equal load. */
const EQUAL_RATE = 200;
const AGREEMENT = 1e-3;

const workersText = (workers: 1 | 2): string => (workers === 1 ? "one process" : "two processes");
const labelOf = ({ name, workers }: ServingContender): string => `${name}, ${workersText(workers)}`;

const words = process.argv.slice(2);
const at = words.indexOf("--workers");
const wanted = at < 0 ? "both" : words.splice(at, 2)[1];
const options = readOptions(words);

async function main(): Promise<void> {
  const cache = createPeerCache(options.cache, say);
  await mkdir(options.cache, { recursive: true });
  const loadBefore = loadNow();
  const begunMs = performance.now();
  const model = await trainModel(cache, say);
  const skipped: string[] = [];
  const contenders = await install(cache, model, skipped);
  const sheet = createSheet();
  const installedMs = performance.now();
  await using generator = openLoadGenerator();
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of contenders) await takeTurn({ contender, model, sheet, generator, round, skipped });
  }
  recordRatios(sheet, contenders);
  await keepResult({
    name: "peers-serving", title: "Model servers", options, loadBefore, seconds: (performance.now() - begunMs) / 1000, sheet,
    command: `node --conditions=source bench/peers/serving.ts${process.argv.slice(2).map((word) => ` ${word}`).join("")}`,
    configuration: [
      model.remarks,
      `${options.rounds} rounds; in each every server starts, is warmed by a closed loop of 32 connections, answers ${EQUAL_RATE} requests/s, and is then driven by an open loop (Poisson arrivals, ${options.seconds} s a step, up to 256 connections) to find the most requests/s that it holds: p99 below 100 ms and at least 99.9 % answered. Latency counts from when a request came.`,
      "One row of 28 numbers per request, 512 different rows, HTTP/1.1 and JSON. CPU is user and system time of all processes of the server, from /proc, per answered request; memory is their proportional set size.",
      ...contenders.map((contender) => `${labelOf(contender)}: ${contender.remarks}.`),
    ],
    notes: [...skipped, `Client, generator and server share ${loadBefore < 0 ? "" : "these"} cores: rates are what a server reaches beside its client, CPU per request is what it costs. Installing took ${Math.round((installedMs - begunMs) / 1000)} s of the run.`],
  }, say);
}

async function install(cache: ReturnType<typeof createPeerCache>, model: TrainedModel, skipped: string[]): Promise<readonly ServingContender[]> {
  const counts = wanted === "both" ? [1, 2] as const : [Number(wanted) as 1 | 2];
  const contenders: ServingContender[] = [];
  for (const workers of counts) {
    for (const [name, create] of Object.entries(servingContenders(options.strata, say))) {
      if (options.only.length > 0 && !options.only.some((part) => name.toLowerCase().includes(part))) continue;
      try {
        const contender = await create(cache, model, workers);
        contender.command(1); // throws when it cannot run so many processes
        contenders.push(contender);
      } catch (thrown) {
        skip(skipped, `${name}, ${workersText(workers)}`, thrown);
      }
    }
  }
  return contenders;
}

function skip(skipped: string[], label: string, thrown: unknown): void {
  const text = `Skipped ${label}: ${(thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/\s+/g, " ").slice(0, 400)}`;
  say(text);
  if (!skipped.includes(text)) skipped.push(text);
}

interface Turn {
  readonly contender: ServingContender;
  readonly model: TrainedModel;
  readonly sheet: Sheet;
  readonly generator: LoadGenerator;
  readonly round: number;
  readonly skipped: string[];
}

async function takeTurn(turn: Turn): Promise<void> {
  const { contender, model, round, skipped } = turn;
  const label = labelOf(contender);
  say(`round ${round + 1}: ${label}`);
  try {
    const port = await freePort();
    await using server = await startPeer(contender.command(port), { name: label, port, isReady: async () => !Number.isNaN(await predict(contender, port, model.rows[0]!)) });
    await measure(turn, server);
  } catch (thrown) {
    skip(skipped, `a turn of ${label}`, thrown);
  }
}

async function measure({ contender, model, sheet, generator, round }: Turn, server: PeerServer): Promise<void> {
  const label = labelOf(contender);
  const add = (metric: string, unit: string, value: number): void => sheet.add(label, metric, unit, value);
  const difference = await largestDifference(contender, server.port, model);
  if (!(difference <= AGREEMENT)) throw new Error(`its predictions differ from scikit-learn's by ${difference}`);
  const idle = server.usage();
  const target = { server, generator, path: contender.path, bodies: model.rows.map((row) => contender.bodyOf(row)) };
  const warm = await closedLoop(target, 32, 3);
  if (warm.outcome.answered === 0) throw new Error(`it answered nothing under load${failureText(warm.outcome)}`);
  say(`  ready in ${server.coldStartMs.toFixed(0)} ms, ${(idle.pssBytes / 2 ** 20).toFixed(0)} MiB in ${idle.processes} processes; closed loop ${warm.perSecond.toFixed(0)}/s, ${warm.cpuUs.toFixed(0)} µs CPU${failureText(warm.outcome)}`);
  const equal = await openLoop(target, EQUAL_RATE, Math.min(5, options.seconds));
  const earlier = sheet.runs(label, "requests/s at p99 < 100 ms");
  const best = await highestRate(target, { guess: earlier.length === 0 ? warm.perSecond * 0.9 : Math.max(...earlier, 1), seconds: options.seconds, maxSteps: round === 0 ? 4 : 2, say });
  add("requests/s at p99 < 100 ms", "", best.perSecond);
  add("CPU at that rate", "µs/request", best.step.cpuUs);
  add("p50 at that rate", "ms", best.step.outcome.latency.p50Ms);
  add("p99 at that rate", "ms", best.step.outcome.latency.p99Ms);
  add(`CPU at ${EQUAL_RATE}/s`, "µs/request", equal.cpuUs);
  add(`p50 at ${EQUAL_RATE}/s`, "ms", equal.outcome.latency.p50Ms);
  add(`p99 at ${EQUAL_RATE}/s`, "ms", equal.outcome.latency.p99Ms);
  add("closed loop, 32 connections", "requests/s", warm.perSecond);
  add("memory idle", "MiB", idle.pssBytes / 2 ** 20);
  add("memory loaded", "MiB", Math.max(...best.steps.map(({ pssBytes }) => pssBytes)) / 2 ** 20);
  add("cold start to first prediction", "ms", server.coldStartMs);
  add("largest difference", "", difference);
  add("client CPU", "µs/request", best.step.outcome.generator.cpuUsPerRequest);
}

/** Strata against the best peer, round by round, so that a noisy round hits both sides. */
function recordRatios(sheet: Sheet, contenders: readonly ServingContender[]): void {
  for (const workers of [1, 2] as const) {
    const strata = contenders.find((contender) => contender.isStrata && contender.workers === workers);
    const peers = contenders.filter((contender) => !contender.isStrata && contender.workers === workers);
    if (strata === undefined || peers.length === 0) continue;
    const runsOf = (contender: ServingContender, metric: string): readonly number[] => sheet.runs(labelOf(contender), metric);
    const rates = runsOf(strata, "requests/s at p99 < 100 ms");
    for (const [round, rate] of rates.entries()) {
      const best = Math.max(...peers.map((peer) => runsOf(peer, "requests/s at p99 < 100 ms")[round] ?? 0));
      const leanest = Math.min(...peers.map((peer) => runsOf(peer, "CPU at that rate")[round] ?? Number.POSITIVE_INFINITY));
      if (best > 0) sheet.add(`Strata against the best peer, ${workersText(workers)}`, "requests/s", "×", rate / best);
      if (Number.isFinite(leanest)) sheet.add(`Strata against the best peer, ${workersText(workers)}`, "CPU per request", "×", (runsOf(strata, "CPU at that rate")[round] ?? Number.NaN) / leanest);
    }
    const ratios = sheet.runs(`Strata against the best peer, ${workersText(workers)}`, "requests/s");
    if (ratios.length > 0) say(`Strata, ${workersText(workers)}: ${spreadOf(ratios).median.toFixed(2)} × the best peer`);
  }
}

async function largestDifference(contender: ServingContender, port: number, { rows, predictions }: TrainedModel): Promise<number> {
  const differences = await Promise.all(rows.slice(0, 64).map(async (row, index) => Math.abs(await predict(contender, port, row) - predictions[index]!)));
  return Math.max(...differences.map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)));
}

async function predict(contender: ServingContender, port: number, row: readonly number[]): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${contender.path}`, { method: "POST", headers: { "content-type": "application/json", connection: "close" }, body: contender.bodyOf(row), signal: AbortSignal.timeout(5_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`status ${answer.status}: ${text.slice(0, 300)}`);
  return contender.predictionOf(JSON.parse(text));
}

if (options.isHelp || !["1", "2", "both"].includes(wanted ?? "")) process.stdout.write(USAGE);
else await main();
