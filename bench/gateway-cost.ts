/**
 * CPU of the language gateway per call and per frame of a stream, beside the least that Node can do and, where it is
 * asked for, another checkout of Strata. Servers run one at a time, in turns; the mock upstream has its own process.
 *
 *   node --conditions=source bench/gateway-cost.ts [--rounds 3] [--only open,full,bare,portkey] [--against <folder of another checkout>] [--profile <folder>]
 */
import { mkdir, mkdtemp, rm, symlink, writeFile, copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openLoadGenerator } from "strata/testing";
import type { LoadGenerator } from "strata/testing";
import { closedLoop, openLoop } from "./peers/load-steps.ts";
import { createPeerCache } from "./peers/peer-cache.ts";
import { ANSWER_MARK, CALL_PATH, STREAM_CALL, WHOLE_CALL } from "./peers/gateway/chat-call.ts";
import { GATEWAYS } from "./peers/gateway/contenders.ts";
import { freePort, startPeer } from "./peers/peer-server.ts";
import type { PeerCommand, PeerServer } from "./peers/peer-server.ts";

const { values } = parseArgs({ options: {
  rounds: { type: "string", default: "3" }, seconds: { type: "string", default: "4" }, only: { type: "string", default: "bare,open,full" }, against: { type: "string" },
  profile: { type: "string" }, streams: { type: "string", default: "128" },
} });
const FRAMES = 64;
const seconds = Number(values.seconds);
const peers = join(import.meta.dirname, "peers", "gateway");

interface Contender {
  readonly name: string;
  command(port: number): PeerCommand;
  headers(port: number): Promise<Readonly<Record<string, string>>>;
}

async function prepare(mockUrl: string, root: string): Promise<readonly Contender[]> {
  const wanted = values.only.split(",");
  const contenders: Contender[] = [];
  if (wanted.includes("bare")) contenders.push({ name: "bare", command: (port) => ({ command: process.execPath, args: [join(import.meta.dirname, "servers", "parsing-pass-through.ts"), String(port), mockUrl], cwd: peers }), headers: async () => ({}) });
  const checkouts = [...(values.against === undefined ? [] : [["before", values.against] as const]), ["", join(import.meta.dirname, "..")] as const];
  for (const policy of ["open", "full"]) for (const [mark, folder] of checkouts) if (wanted.includes(policy)) contenders.push(await strata(policy, { mark, folder, root, mockUrl }));
  if (wanted.includes("portkey")) {
    const { command, headers } = await GATEWAYS["Portkey"]!({ cache: createPeerCache(join(tmpdir(), "strata-bench-peers"), console.log), mockUrl, strata: "source", profile: undefined, say: console.log });
    contenders.push({ name: "portkey", command: command!, headers });
  }
  return contenders;
}

async function strata(policy: string, { mark, folder, root, mockUrl }: { readonly mark: string; readonly folder: string; readonly root: string; readonly mockUrl: string }): Promise<Contender> {
  const project = join(root, `${policy}-${mark || "now"}`);
  await mkdir(join(project, "node_modules"), { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  await symlink(folder, join(project, "node_modules", "strata"));
  await copyFile(join(peers, "strata-app.ts"), join(project, "strata-app.ts"));
  return {
    name: `${policy} ${mark}`.trim(),
    command: (port) => ({
      command: process.execPath, cwd: project, environment: { STRATA_LOG_LEVEL: "warn", MOCK_URL: mockUrl },
      args: [
        ...(values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${join(values.profile, policy)}`]), "--conditions=source",
        join(folder, "src", "cli", "main.ts"), "up", "strata-app.ts", "--no-watch", "--port", String(port), "--data-dir", join(project, ".strata"),
      ],
    }),
    headers: async (port) => {
      if (policy === "open") return {};
      const answer = await fetch(`http://127.0.0.1:${port}/v1/keys`, {
        method: "POST", headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: `cost-${port}-${performance.now()}`, tenant: "bench", budgetUsd: 1_000_000, requestsPerMinute: 100_000_000, tokensPerMinute: 1_000_000_000 }),
      });
      return { authorization: `Bearer ${((await answer.json()) as { readonly secret: string }).secret}` };
    },
  };
}

async function measure(contender: Contender, generator: LoadGenerator, setDelay: (delayMs: number) => Promise<void>): Promise<Readonly<Record<string, number>>> {
  const port = await freePort();
  let headers: Readonly<Record<string, string>> | undefined;
  await using server = await startPeer(contender.command(port), { name: contender.name, port, isReady: async () => {
    headers ??= await contender.headers(port);
    return (await fetch(`http://127.0.0.1:${port}${CALL_PATH}`, { method: "POST", headers: { "content-type": "application/json", connection: "close", ...headers }, body: WHOLE_CALL })).ok;
  } });
  const target = { server, generator, path: CALL_PATH, bodies: [WHOLE_CALL], headers: headers!, mark: ANSWER_MARK };
  await setDelay(0);
  await closedLoop(target, 32, 3);
  const closed = await closedLoop(target, 32, seconds);
  await setDelay(20);
  const even = await openLoop(target, 200, seconds);
  await setDelay(0);
  const frames = await streams(server, generator, headers!);
  return { "closed 32: µs": closed.cpuUs, "closed 32: /s": closed.perSecond, "200/s: µs": even.cpuUs, "200/s: p50 ms": even.outcome.latency.p50Ms, ...frames };
}

async function streams(server: PeerServer, generator: LoadGenerator, headers: Readonly<Record<string, string>>): Promise<Readonly<Record<string, number>>> {
  const before = server.usage().cpuMs;
  const outcome = await generator.run({
    host: "127.0.0.1", port: server.port, exchange: { kind: "stream", method: "POST", path: CALL_PATH, headers: { "content-type": "application/json", ...headers }, bodies: [STREAM_CALL], sequence: "frame (\\d+) " },
    connections: Number(values.streams), arrivals: { kind: "closed" }, durationMs: seconds * 1_000, timeoutMs: 20_000,
  });
  const frames = outcome.streams?.numberedFrames ?? 0;
  return { "frame: µs": ((server.usage().cpuMs - before) * 1000) / Math.max(1, frames), "lost frames": (outcome.streams?.lostFrames ?? 0) + Math.max(0, outcome.answered * FRAMES - frames), "gap p99 ms": outcome.streams?.gap.p99Ms ?? Number.NaN };
}

const root = await mkdtemp(join(tmpdir(), "strata-gateway-cost-"));
const mockPort = await freePort();
await using mock = await startPeer({ command: process.execPath, args: [join(peers, "mock-upstream.ts"), String(mockPort)], cwd: peers }, { name: "the mock upstream", port: mockPort, isReady: async () => (await fetch(`http://127.0.0.1:${mockPort}/control`, { method: "POST", headers: { connection: "close" }, body: "0" })).ok });
const setDelay = async (delayMs: number): Promise<void> => void (await fetch(`http://127.0.0.1:${mock.port}/control`, { method: "POST", headers: { connection: "close" }, body: String(delayMs) }));
await using generator = openLoadGenerator();
const results = new Map<string, Readonly<Record<string, number>>[]>();
for (let round = 0, all = await prepare(`http://127.0.0.1:${mockPort}/v1`, root); round < Number(values.rounds); round++) {
  for (const contender of all) {
    const result = await measure(contender, generator, setDelay);
    results.set(contender.name, [...(results.get(contender.name) ?? []), result]);
    console.log(`${round + 1} ${contender.name.padEnd(14)} ${Object.entries(result).map(([name, value]) => `${name} ${value.toFixed(name.endsWith("/s") ? 0 : 1)}`).join(", ")}`);
  }
}
const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
console.table(Object.fromEntries(Array.from(results, ([name, runs]) => [name, Object.fromEntries(Object.keys(runs[0]!).map((metric) => [metric, Number(median(runs.map((run) => run[metric]!)).toFixed(1))]))])));
await rm(root, { recursive: true, force: true });
