/** One gateway's turn: start, one connection, a rate that all carry, the highest rate, and streams. */
import type { Sheet } from "../../report/result.ts";
import { closedLoop, failureText, highestRate, openLoop } from "../load-steps.ts";
import type { LoadTarget } from "../load-steps.ts";
import type { PeerServer } from "../peer-server.ts";
import { freePort, startPeer } from "../peer-server.ts";
import { ANSWER_MARK, CALL_PATH, WHOLE_CALL } from "./chat-call.ts";
import { DIRECT } from "./contenders.ts";
import type { GatewayTurn } from "./gateway-turn.ts";
import { streamSteps } from "./stream-steps.ts";

/** Rates at which latency and CPU are compared at equal load: one that every gateway carries, one that most do. */
export const EQUAL_RATES = [20, 200] as const;
const WARM_SECONDS = 3;
/** A gateway is asked for an equal rate when its closed loop managed this many times as much. */
const HEADROOM = 1.4;

export async function takeGatewayTurn(turn: GatewayTurn): Promise<void> {
  const { contender, mock } = turn;
  if (contender.command === undefined) return measure(turn, mock, {});
  const port = await freePort();
  let headers: Readonly<Record<string, string>> | undefined;
  await using server = await startPeer(contender.command(port), {
    name: contender.name, port,
    isReady: async () => {
      headers ??= await contender.headers(port);
      return answersRightly(port, headers);
    },
  });
  await measure(turn, server, headers ?? {});
}

async function answersRightly(port: number, headers: Readonly<Record<string, string>>): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}${CALL_PATH}`, { method: "POST", headers: { "content-type": "application/json", connection: "close", ...headers }, body: WHOLE_CALL, signal: AbortSignal.timeout(5_000) });
  return answer.ok && (await answer.text()).includes(ANSWER_MARK);
}

export async function setDelay(mock: PeerServer, delayMs: number): Promise<void> {
  await fetch(`http://127.0.0.1:${mock.port}/control`, { method: "POST", headers: { connection: "close" }, body: String(delayMs) });
}

async function measure(turn: GatewayTurn, server: PeerServer, headers: Readonly<Record<string, string>>): Promise<void> {
  const { contender, mock, generator, sheet, say } = turn;
  const add = (metric: string, unit: string, value: number): void => sheet.add(contender.name, metric, unit, value);
  const idle = server.usage();
  const isDirect = contender.name === DIRECT;
  const target: LoadTarget = { server, generator, path: CALL_PATH, bodies: [WHOLE_CALL], headers, mark: ANSWER_MARK };
  if (!isDirect) say(`  ready in ${server.coldStartMs.toFixed(0)} ms, ${(idle.pssBytes / 2 ** 20).toFixed(0)} MiB in ${idle.processes} processes`);
  let loadedBytes = idle.pssBytes;
  await setDelay(mock, 0);
  if (contender.isForStreamsOnly === true) await closedLoop(target, 32, WARM_SECONDS);
  else loadedBytes = await measureWhole(turn, target, isDirect);
  await setDelay(mock, 0);
  const streams = await streamSteps({ ...turn, target });
  loadedBytes = Math.max(loadedBytes, streams.pssBytes);
  if (isDirect) return;
  add("memory idle", "MiB", idle.pssBytes / 2 ** 20);
  add("memory loaded", "MiB", loadedBytes / 2 ** 20);
  add("cold start to first answer", "ms", server.coldStartMs);
}

/** Whole answers; returns the memory under load. */
async function measureWhole({ contender, mock, sheet, round, seconds, say }: GatewayTurn, target: LoadTarget, isDirect: boolean): Promise<number> {
  const add = (metric: string, unit: string, value: number): void => sheet.add(contender.name, metric, unit, value);
  await setDelay(mock, 0);
  const warm = await closedLoop(target, 32, WARM_SECONDS);
  if (warm.outcome.answered === 0 || warm.outcome.marked < warm.outcome.answered) throw new Error(`it answered wrongly under load${failureText(warm.outcome)}`);
  const single = await closedLoop(target, 1, 2);
  say(`  closed loop ${warm.perSecond.toFixed(0)}/s, ${warm.cpuUs.toFixed(0)} µs CPU${failureText(warm.outcome)}; one connection p50 ${single.outcome.latency.p50Ms.toFixed(2)} ms, p99 ${single.outcome.latency.p99Ms.toFixed(2)} ms`);
  const added = (metric: string, value: number): void => addedTo(sheet, { name: contender.name, metric, value, round, isDirect });
  added("p50, one connection", single.outcome.latency.p50Ms);
  added("p99, one connection", single.outcome.latency.p99Ms);
  add("CPU, closed loop of 32", "µs/request", warm.cpuUs);
  add("closed loop of 32", "requests/s", warm.perSecond);
  await setDelay(mock, 20);
  for (const rate of EQUAL_RATES.filter((value) => value * HEADROOM < warm.perSecond)) {
    const equal = await openLoop(target, rate, Math.min(4, seconds));
    added(`p50 at ${rate}/s`, equal.outcome.latency.p50Ms);
    added(`p99 at ${rate}/s`, equal.outcome.latency.p99Ms);
    add(`CPU at ${rate}/s`, "µs/request", equal.cpuUs);
  }
  if (isDirect || contender.isFloor === true) return warm.pssBytes;
  const earlier = sheet.runs(contender.name, "requests/s at p99 < 100 ms");
  const best = await highestRate(target, { guess: Math.max(...earlier, warm.perSecond * 0.8), seconds, maxSteps: 3, say });
  add("requests/s at p99 < 100 ms", "", best.perSecond);
  add("CPU at that rate", "µs/request", best.step.cpuUs);
  return Math.max(...best.steps.map(({ pssBytes }) => pssBytes));
}

/** The latency itself, and what it is above the mock's own in the same round. */
export function addedTo(sheet: Sheet, { name, metric, value, round, isDirect }: { readonly name: string; readonly metric: string; readonly value: number; readonly round: number; readonly isDirect: boolean }): void {
  sheet.add(name, metric, "ms", value);
  const base = sheet.runs(DIRECT, metric)[round];
  if (!isDirect && base !== undefined) sheet.add(name, `added ${metric}`, "ms", value - base);
}
