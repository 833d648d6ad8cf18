/** One model server's turn: start, agreement with scikit-learn, a rate that all carry, the highest rate. */
import type { LoadGenerator } from "strata/testing";
import type { Sheet } from "../../report/result.ts";
import { closedLoop, failureText, highestRate, openLoop } from "../load-steps.ts";
import type { HighestRate, Step } from "../load-steps.ts";
import { freePort, startPeer } from "../peer-server.ts";
import type { PeerServer } from "../peer-server.ts";
import { labelOf } from "./contender.ts";
import type { ServingContender } from "./contender.ts";
import type { TrainedModel } from "./contenders.ts";

export interface ServingTurn {
  readonly contender: ServingContender;
  readonly model: TrainedModel;
  readonly sheet: Sheet;
  readonly generator: LoadGenerator;
  readonly seconds: number;
  readonly say: (text: string) => void;
}

export const HIGHEST = "requests/s at p99 < 100 ms";
/** A rate that every server carries: where CPU per request and latency are compared at equal load. */
export const EQUAL_RATE = 100;
const WARM_SECONDS = 3;
/** FP32 sums of a hundred leaves differ in the last digits, by the order of the additions. */
const AGREEMENT = 1e-3;
const AGREEMENT_ROWS = 64;

export async function takeServingTurn(turn: ServingTurn): Promise<void> {
  const { contender, model } = turn;
  const port = await freePort();
  await using server = await startPeer(contender.command(port), { name: labelOf(contender), port, isReady: async () => !Number.isNaN(await predict(contender, port, model.rows[0]!)) });
  await measure(turn, server);
}

async function measure(turn: ServingTurn, server: PeerServer): Promise<void> {
  const { contender, model, sheet, generator, seconds, say } = turn;
  const difference = await largestDifference(contender, server.port, model);
  if (!(difference <= AGREEMENT)) throw new Error(`its predictions differ from scikit-learn's by ${difference}`);
  const idle = server.usage();
  const target = { server, generator, path: contender.path, bodies: model.rows.map((row) => contender.bodyOf(row)) };
  const warm = await closedLoop(target, 32, WARM_SECONDS);
  if (warm.outcome.answered === 0) throw new Error(`it answered nothing under load${failureText(warm.outcome)}`);
  say(`  ready in ${server.coldStartMs.toFixed(0)} ms, ${(idle.pssBytes / 2 ** 20).toFixed(0)} MiB in ${idle.processes} processes; closed loop ${warm.perSecond.toFixed(0)}/s, ${warm.cpuUs.toFixed(0)} µs CPU${failureText(warm.outcome)}`);
  const equal = await openLoop(target, EQUAL_RATE, Math.min(4, seconds));
  const earlier = sheet.runs(labelOf(contender), HIGHEST);
  const best = await highestRate(target, { guess: Math.max(...earlier, warm.perSecond * 0.8), seconds, maxSteps: 3, say });
  record(turn, { warm, equal, best });
  sheet.add(labelOf(contender), "memory idle", "MiB", idle.pssBytes / 2 ** 20);
  sheet.add(labelOf(contender), "memory loaded", "MiB", Math.max(...best.steps.map(({ pssBytes }) => pssBytes)) / 2 ** 20);
  sheet.add(labelOf(contender), "cold start to first prediction", "ms", server.coldStartMs);
  sheet.add(labelOf(contender), "largest difference of a prediction", "millionths", difference * 1e6);
}

function record({ contender, sheet }: ServingTurn, { warm, equal, best }: { readonly warm: Step; readonly equal: Step; readonly best: HighestRate }): void {
  const add = (metric: string, unit: string, value: number): void => sheet.add(labelOf(contender), metric, unit, value);
  add(HIGHEST, "", best.perSecond);
  add("CPU at that rate", "µs/request", best.step.cpuUs);
  add("p50 at that rate", "ms", best.step.outcome.latency.p50Ms);
  add("p99 at that rate", "ms", best.step.outcome.latency.p99Ms);
  add("closed loop of 32", "requests/s", warm.perSecond);
  add("client CPU", "µs/request", best.step.outcome.generator.cpuUsPerRequest);
  add(`CPU at ${EQUAL_RATE}/s`, "µs/request", equal.cpuUs);
  add(`p50 at ${EQUAL_RATE}/s`, "ms", equal.outcome.latency.p50Ms);
  add(`p99 at ${EQUAL_RATE}/s`, "ms", equal.outcome.latency.p99Ms);
}

async function largestDifference(contender: ServingContender, port: number, { rows, predictions }: TrainedModel): Promise<number> {
  const differences = await Promise.all(rows.slice(0, AGREEMENT_ROWS).map(async (row, index) => Math.abs(await predict(contender, port, row) - predictions[index]!)));
  return Math.max(...differences.map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)));
}

async function predict(contender: ServingContender, port: number, row: readonly number[]): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${contender.path}`, { method: "POST", headers: { "content-type": "application/json", connection: "close" }, body: contender.bodyOf(row), signal: AbortSignal.timeout(5_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`status ${answer.status}: ${text.slice(0, 300)}`);
  return contender.predictionOf(JSON.parse(text));
}
