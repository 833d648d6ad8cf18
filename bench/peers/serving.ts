/**
 * Model servers side by side: the same model, the same client, taking turns on the same machine.
 *
 *   node --conditions=source bench/peers/serving.ts [--workers 1|2|both] [--rounds 3] [--seconds 8] [--only strata,mlserver]
 */
import { mkdir } from "node:fs/promises";
import { openLoadGenerator } from "strata/testing";
import { loadNow } from "../report/machine.ts";
import { createSheet, spreadOf } from "../report/result.ts";
import type { Sheet } from "../report/result.ts";
import { OPTIONS_TEXT, readOptions } from "./options.ts";
import { createPeerCache } from "./peer-cache.ts";
import type { PeerCache } from "./peer-cache.ts";
import { keepResult } from "./peer-results.ts";
import { createProgress } from "./progress.ts";
import { servingContenders, trainModel } from "./serving/contenders.ts";
import type { TrainedModel } from "./serving/contenders.ts";
import { labelOf, processesText } from "./serving/contender.ts";
import type { ServingContender } from "./serving/contender.ts";
import { EQUAL_RATE, HIGHEST, takeServingTurn } from "./serving/turn.ts";

const USAGE = `usage: node --conditions=source bench/peers/serving.ts [options]

  --workers <1|2|both> one serving process each, or two, what these guides recommend for two cores (both)${OPTIONS_TEXT}`;

const { say, skip, skipped } = createProgress();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // servers end at exit

const words = process.argv.slice(2);
const flag = words.indexOf("--workers");
const wanted = flag < 0 ? "both" : words.splice(flag, 2)[1] ?? "";
const options = readOptions(words);
if (options.isHelp || !["1", "2", "both"].includes(wanted)) process.stdout.write(USAGE);
else await compare();

async function compare(): Promise<void> {
  await mkdir(options.cache, { recursive: true });
  const cache = createPeerCache(options.cache, say);
  const [loadBefore, begunMs, sheet] = [loadNow(), performance.now(), createSheet()];
  const model = await trainModel(cache, say);
  const contenders = await install(cache, model);
  const installedMs = performance.now() - begunMs;
  await using generator = openLoadGenerator();
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of contenders) {
      say(`round ${round + 1}: ${labelOf(contender)}`);
      await takeServingTurn({ contender, model, sheet, generator, seconds: options.seconds, say }).catch((thrown: unknown) => skip(`a turn of ${labelOf(contender)}`, thrown));
    }
  }
  for (const workers of [1, 2] as const) recordRatios(sheet, contenders.filter((contender) => contender.workers === workers));
  await keepResult({
    name: "peers-serving", title: "Model servers", options, loadBefore, seconds: (performance.now() - begunMs) / 1000, sheet, configuration: configuration(model, contenders),
    command: ["node --conditions=source bench/peers/serving.ts", ...process.argv.slice(2)].join(" "),
    notes: [...skipped(), `Client and server share the machine's cores: rates are what a server reaches beside its client, CPU per request is what it costs. Installing and training took ${Math.round(installedMs / 1000)} s of the run.`],
  }, say);
}

function configuration(model: TrainedModel, contenders: readonly ServingContender[]): string[] {
  return [
    model.remarks,
    `${options.rounds} rounds; in each every server starts, is warmed by a closed loop of 32 connections, answers ${EQUAL_RATE} requests/s, and is then driven by an open loop (Poisson arrivals, ${options.seconds} s a step, up to 256 connections) to find the most requests/s that it holds: p99 below 100 ms and at least 99.9 % answered. Latency counts from when a request came.`,
    "One row of 28 numbers per request, 512 different rows, HTTP/1.1 and JSON; no server writes a log line per request. Predictions are compared with scikit-learn's before anything is measured. CPU is user and system time of all processes of the server, from /proc, per answered request; memory is their proportional set size.",
    ...contenders.map((contender) => `${labelOf(contender)}: ${contender.remarks}.`),
  ];
}

async function install(cache: PeerCache, model: TrainedModel): Promise<readonly ServingContender[]> {
  const contenders: ServingContender[] = [];
  for (const workers of wanted === "both" ? [1, 2] as const : [Number(wanted) as 1 | 2]) {
    for (const [name, create] of Object.entries(servingContenders(options.strata, say))) {
      if (options.only.length > 0 && !options.only.some((part) => name.toLowerCase().includes(part))) continue;
      await create(cache, model, workers).then((contender) => contenders.push(contender), (thrown: unknown) => skip(`${name}, ${processesText(workers)}`, thrown));
    }
  }
  return contenders;
}

/** Strata against the best peer, round by round, so that a noisy round hits both sides. */
function recordRatios(sheet: Sheet, contenders: readonly ServingContender[]): void {
  const strata = contenders.find(({ isStrata }) => isStrata);
  const peers = contenders.filter(({ isStrata }) => !isStrata);
  if (strata === undefined || peers.length === 0) return;
  const name = `Strata against the best peer, ${processesText(strata.workers)}`;
  for (const [round, rate] of sheet.runs(labelOf(strata), HIGHEST).entries()) {
    const best = Math.max(...peers.map((peer) => sheet.runs(labelOf(peer), HIGHEST)[round] ?? 0));
    const leanest = Math.min(...peers.map((peer) => sheet.runs(labelOf(peer), "CPU at that rate")[round] ?? Number.POSITIVE_INFINITY));
    if (best > 0) sheet.add(name, "requests/s", "×", rate / best);
    if (Number.isFinite(leanest)) sheet.add(name, "CPU per request", "×", sheet.runs(labelOf(strata), "CPU at that rate")[round]! / leanest);
  }
  const ratios = sheet.runs(name, "requests/s");
  if (ratios.length > 0) say(`${name}: ${spreadOf(ratios).median.toFixed(2)} × its requests/s`);
}
