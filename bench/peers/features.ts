/**
 * Feature servers side by side: 50 features of one customer for 10 connections, by Feast's own HTTP API, from Feast's
 * own server and from Strata, taking turns on the same machine with an empty node:http handler.
 *
 *   node --conditions=source bench/peers/features.ts [--rounds 3] [--seconds 8] [--dry]
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createRandom, failuresOf, openLoadGenerator, throughputOf } from "strata/testing";
import type { LoadGenerator } from "strata/testing";
import { z } from "strata";
import { WIDE_WINDOWS } from "../definitions.ts";
import { planAgainst } from "../load-measurement.ts";
import { loadNow } from "../report/machine.ts";
import { createSheet } from "../report/result.ts";
import type { Sheet } from "../report/result.ts";
import { openServerProcess } from "../servers/server-process.ts";
import { SHOP_CUSTOMERS, shopCustomer } from "../servers/shop-history.ts";
import { OPTIONS_TEXT, readOptions } from "./options.ts";
import { createPeerCache } from "./peer-cache.ts";
import type { PythonEnvironment } from "./peer-cache.ts";
import { keepResult } from "./peer-results.ts";
import { freePort, startPeer } from "./peer-server.ts";
import { createProgress } from "./progress.ts";

const USAGE = `usage: node --conditions=source bench/peers/features.ts [options]
${OPTIONS_TEXT}`;
const FEAST = "feast==0.66.0";
const CONNECTIONS = 10;
/** A request that came while the workers were starting may never be answered. */
const PROBE_LIMIT_MS = 3_000;
const STRATA_EVENTS = 100_000;
const FEATURES = WIDE_WINDOWS.flatMap((window) => ["orders", "spend", "mean", "least", "most"].map((statistic) => `${statistic}_${window}`));

const { say, skip, skipped } = createProgress();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // servers end at exit
const options = readOptions(process.argv.slice(2));
const draws = createRandom("feature peers");
const customers = Array.from({ length: 1_000 }, () => shopCustomer(draws.integer(SHOP_CUSTOMERS)));
const byNames = customers.map((customer) => JSON.stringify({ features: FEATURES.map((feature) => `customer_wide:${feature}`), entities: { customer: [customer] } }));
const byService = customers.map((customer) => JSON.stringify({ feature_service: "wide", entities: { customer: [customer] } }));
const ONLINE = "/get-online-features";

if (options.isHelp) process.stdout.write(USAGE);
else await compare();

/** A server that answers the request, its bodies, and the CPU that it has used. */
interface Contender extends AsyncDisposable {
  readonly label: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly bodies: readonly string[];
  cpuMs(): Promise<number>;
}

async function compare(): Promise<void> {
  await mkdir(options.cache, { recursive: true });
  const [loadBefore, begunMs, sheet] = [loadNow(), performance.now(), createSheet()];
  await using stack = new AsyncDisposableStack();
  const contenders: Contender[] = [stack.use(await openBaseline()), ...(await openStrata(stack))];
  const feast = await installFeast();
  for (const workers of [1, 2]) await startFeast(feast, workers).then((contender) => contenders.push(stack.use(contender)), (thrown: unknown) => skip(`Feast with ${workers} workers`, thrown));
  await using generator = openLoadGenerator();
  for (const contender of contenders) await measure(contender, { generator, sheet: undefined, seconds: 2 }); // warm
  for (let round = 0; round < options.rounds; round++) {
    const rates = new Map<string, number>();
    for (const contender of contenders) {
      say(`round ${round + 1}: ${contender.label}`);
      rates.set(contender.label, await measure(contender, { generator, sheet, seconds: options.seconds }));
    }
    recordRatios(sheet, rates);
  }
  await keepResult({
    name: "peers-features", title: "Feature servers", options, loadBefore, seconds: (performance.now() - begunMs) / 1000, sheet, notes: [...skipped()],
    command: ["node --conditions=source bench/peers/features.ts", ...process.argv.slice(2)].join(" "),
    configuration: [
      `${options.rounds} rounds; in each every server is driven by a closed loop of ${CONNECTIONS} connections for ${options.seconds} s, one customer of ${SHOP_CUSTOMERS} drawn at random per request, 50 features each, HTTP/1.1 and JSON. All servers stay up for the whole run; only one is driven at a time.`,
      `Strata: the whole platform in one process, windows over ${STRATA_EVENTS.toLocaleString("en")} events of 30 days computed at each read, every read waiting for what was acknowledged before it.`,
      `Feast ${feast.versions.get("feast")}: \`feast serve\` without access log, SQLite online store, one row of 50 stored values per customer, 1 and 2 workers.`,
      "\"names\" is POST /get-online-features with all 50 features named, \"service\" with the feature service. node:http parses the \"names\" body and answers a small JSON object. CPU is user and system time of all processes of the server per answered request.",
    ],
  }, say);
}

async function openBaseline(): Promise<Contender> {
  const server = await openServerProcess({ script: "./baseline-server.ts" });
  return { label: "node:http", host: server.host, port: server.port, path: "/json", bodies: byNames, cpuMs: async () => (await server.usage()).cpuMs, [Symbol.asyncDispose]: () => server.close() };
}

async function openStrata(stack: AsyncDisposableStack): Promise<readonly Contender[]> {
  const folder = await createPeerCache(options.cache, say).fresh("strata-features");
  const server = stack.use(await openServerProcess({ script: "./platform-server.ts", args: ["shop", folder] }));
  await server.ask("import-purchases", STRATA_EVENTS, z.undefined());
  await server.ask("settle", undefined, z.undefined());
  const shared = { host: server.host, port: server.port, path: ONLINE, cpuMs: async () => (await server.usage()).cpuMs, [Symbol.asyncDispose]: () => Promise.resolve() };
  return [{ ...shared, label: "Strata, names", bodies: byNames }, { ...shared, label: "Strata, service", bodies: byService }];
}

function installFeast(): Promise<PythonEnvironment> {
  return createPeerCache(options.cache, say).python("feast", [FEAST]);
}

async function startFeast({ bin }: PythonEnvironment, workers: number): Promise<Contender> {
  const folder = await createPeerCache(options.cache, say).fresh(`feast-${workers}`);
  say(`filling Feast's store for ${workers} workers`);
  await fillStore(join(bin, "python"), folder);
  const port = await freePort();
  const server = await startPeer(
    { command: join(bin, "feast"), args: ["serve", "--host", "127.0.0.1", "--port", String(port), "--workers", String(workers), "--no-access-log"], cwd: folder, environment: { FEAST_USAGE: "False" } },
    { name: "feast serve", port, isReady: async () => (await ask(port)).status === 200 },
  );
  const text = await (await ask(port)).text();
  if (!text.includes("\"PRESENT\"") || !text.includes("spend_30d")) throw new Error(`Feast does not know its values: ${text.slice(0, 300)}`);
  return { label: `Feast, names, ${workers} ${workers === 1 ? "worker" : "workers"}`, host: "127.0.0.1", port, path: ONLINE, bodies: byNames, cpuMs: () => Promise.resolve(server.usage().cpuMs), [Symbol.asyncDispose]: () => server.close() };
}

function ask(port: number): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${ONLINE}`, { method: "POST", headers: { "content-type": "application/json" }, body: byNames[0]!, signal: AbortSignal.timeout(PROBE_LIMIT_MS) });
}

function fillStore(python: string, folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [join(import.meta.dirname, "features", "feast_repo.py"), folder, String(SHOP_CUSTOMERS)], { stdio: ["pipe", "ignore", "inherit"] });
    child.once("error", reject).once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`feast_repo.py ended with ${code}`))));
    child.stdin.end(FEATURES.join("\n"));
  });
}

interface Turn {
  readonly generator: LoadGenerator;
  readonly sheet: Sheet | undefined;
  readonly seconds: number;
}

async function measure(contender: Contender, { generator, sheet, seconds }: Turn): Promise<number> {
  const before = await contender.cpuMs();
  const outcome = await generator.run(planAgainst(contender, {
    path: contender.path, contentType: "application/json", bodies: contender.bodies, connections: CONNECTIONS, arrivals: { kind: "closed" }, durationMs: seconds * 1_000, timeoutMs: 10_000,
  }));
  const cpuMs = await contender.cpuMs() - before;
  const perSecond = throughputOf(outcome);
  sheet?.add(contender.label, "requests/s", "", perSecond);
  sheet?.add(contender.label, "p50", "ms", outcome.latency.p50Ms);
  sheet?.add(contender.label, "p99", "ms", outcome.latency.p99Ms);
  sheet?.add(contender.label, "server CPU", "µs/request", (cpuMs * 1_000) / Math.max(1, outcome.answered));
  sheet?.add(contender.label, "failed", "", failuresOf(outcome));
  return perSecond;
}

/** Round by round, so that a noisy round hits both sides. */
function recordRatios(sheet: Sheet, rates: ReadonlyMap<string, number>): void {
  const floor = rates.get("node:http")!;
  const feast = Math.max(0, ...[...rates].filter(([label]) => label.startsWith("Feast")).map(([, rate]) => rate));
  for (const label of ["Strata, names", "Strata, service"]) {
    sheet.add(`${label}, against node:http`, "requests/s", "×", rates.get(label)! / floor);
    if (feast > 0) sheet.add(`${label}, against Feast's best`, "requests/s", "×", rates.get(label)! / feast);
  }
}
