/**
 * Gateways side by side: the same mock upstream, the same client, taking turns on the same machine.
 *
 *   node --conditions=source bench/peers/gateway.ts [--rounds 3] [--seconds 8] [--only strata,portkey]
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openLoadGenerator } from "strata/testing";
import { loadNow } from "../report/machine.ts";
import { createSheet, spreadOf } from "../report/result.ts";
import type { Sheet } from "../report/result.ts";
import { OPTIONS_TEXT, readOptions } from "./options.ts";
import { createPeerCache } from "./peer-cache.ts";
import { keepResult } from "./peer-results.ts";
import { createProgress } from "./progress.ts";
import { freePort, startPeer } from "./peer-server.ts";
import { DIRECT, GATEWAYS } from "./gateway/contenders.ts";
import type { GatewayContender, GatewayOptions } from "./gateway/contenders.ts";
import { EQUAL_RATES, takeGatewayTurn } from "./gateway/turn.ts";

const { say, skip, skipped } = createProgress();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // servers end at exit

const options = readOptions(process.argv.slice(2));
if (options.isHelp) process.stdout.write(`usage: node --conditions=source bench/peers/gateway.ts [options]\n${OPTIONS_TEXT}`);
else await compare();

async function compare(): Promise<void> {
  await mkdir(options.cache, { recursive: true });
  const cache = createPeerCache(options.cache, say);
  const [loadBefore, begunMs, sheet] = [loadNow(), performance.now(), createSheet()];
  const mockPort = await freePort();
  await using mock = await startPeer(
    { command: process.execPath, args: [join(import.meta.dirname, "gateway", "mock-upstream.ts"), String(mockPort)], cwd: import.meta.dirname },
    { name: "the mock upstream", port: mockPort, isReady: async () => (await fetch(`http://127.0.0.1:${mockPort}/control`, { method: "POST", headers: { connection: "close" }, body: "0" })).ok },
  );
  const contenders = await install({ cache, mockUrl: `http://127.0.0.1:${mockPort}/v1`, strata: options.strata, profile: options.profile, say });
  const installedMs = performance.now() - begunMs;
  await using generator = openLoadGenerator();
  for (let round = 0; round < options.rounds; round++) {
    for (const contender of contenders) {
      say(`round ${round + 1}: ${contender.name}`);
      await takeGatewayTurn({ contender, mock, generator, sheet, round, seconds: options.seconds, say }).catch((thrown: unknown) => skip(`a turn of ${contender.name}`, thrown));
    }
  }
  recordRatios(sheet);
  await keepResult({
    name: "peers-gateway", title: "Gateways", options, loadBefore, seconds: (performance.now() - begunMs) / 1000, sheet, notes: [...skipped(), `Client, mock and gateway share the machine's cores. Installing took ${Math.round(installedMs / 1000)} s of the run.`],
    command: ["node --conditions=source bench/peers/gateway.ts", ...process.argv.slice(2)].join(" "), configuration: [...configuration(contenders)],
  }, say);
}

function configuration(contenders: readonly GatewayContender[]): readonly string[] {
  return [
    `${options.rounds} rounds; in each every gateway starts, is warmed by a closed loop of 32 connections, answers one connection (the mock answers at once), then ${EQUAL_RATES.join(" and ")} requests/s (where it can) and an open loop (Poisson arrivals, ${options.seconds} s a step, up to 256 connections) that looks for the most requests/s it holds: p99 below 100 ms and at least 99.9 % answered (the mock answers after 20 ms). Latency counts from when a request came; "added" is above the client's own latency without a gateway in the same round.`,
    "Requests of 270 bytes, answers of 470 bytes. Streams: 64 numbered frames, one every 20 ms, 32 to 512 callers at once, each taking one stream after the other for 3.5 s, the number found by halving; held means no frame and no stream lost and 99 % of the streams over within 1.2 times the mock's 1.28 s, connecting included. CPU is user and system time of all processes of the gateway, from /proc.",
    ...contenders.map(({ name, remarks }) => `${name}: ${remarks}.`),
  ];
}

async function install(given: GatewayOptions): Promise<readonly GatewayContender[]> {
  const contenders: GatewayContender[] = [];
  for (const [name, create] of Object.entries(GATEWAYS)) {
    if (name !== DIRECT && options.only.length > 0 && !options.only.some((part) => name.toLowerCase().includes(part))) continue;
    await create(given).then((contender) => contenders.push(contender), (thrown: unknown) => skip(name, thrown));
  }
  return contenders;
}

/** Strata against each peer, round by round, so that a noisy round hits both sides. */
function recordRatios(sheet: Sheet): void {
  for (const mine of ["Strata, open", "Strata, full policy"]) {
    for (const peer of ["Portkey", "LiteLLM"]) {
      for (const metric of ["CPU at that rate", "CPU, closed loop of 32", ...EQUAL_RATES.map((rate) => `CPU at ${rate}/s`), "requests/s at p99 < 100 ms"]) {
        const theirs = sheet.runs(peer, metric);
        for (const [round, value] of sheet.runs(mine, metric).entries()) if ((theirs[round] ?? 0) > 0) sheet.add(`${mine} against ${peer}`, metric, "×", value / theirs[round]!);
      }
      const ratios = sheet.runs(`${mine} against ${peer}`, "CPU at that rate");
      if (ratios.length > 0) say(`${mine}: ${spreadOf(ratios).median.toFixed(2)} × the CPU per request of ${peer}`);
    }
  }
}
