/** Predictions over HTTP at 64 and at 1,000 new connections: throughput, tail latency, failures, and CPU per answer. */
import { z } from "strata";
import { createRandom } from "strata/testing";
import { interleave } from "./bench.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { PRICE_MODEL } from "./definitions.ts";
import { cpuPerRequest, describeFailures, measureLoad, recordRequests, warmUp } from "./load-measurement.ts";
import type { PlanFor } from "./load-measurement.ts";
import { spreadOf } from "./report/result.ts";
import { openServerProcess } from "./servers/server-process.ts";
import type { ServerProcess } from "./servers/server-process.ts";
import { SHOP_CUSTOMERS, SHOP_ITEMS, shopCustomer, shopItem } from "./servers/shop-history.ts";

export const endpointBench: Bench = {
  name: "endpoint",
  title: "Predictions over HTTP",
  configuration: [
    "Every connection is new and all connect at once; closed loop for 10 s with 1,000 connections and 5 s with 64 (half of that for the Open Inference Protocol, less for node:http); the first request's latency includes connecting. Requests in flight at the end are awaited and counted; an answer later than 10 s is a failure.",
    "\"one row\": POST /v1/endpoints/estimate, a regression of 100 trees on 20 features of two views, read for the customer and the item of the request; each answer is stored as a durable event before it is given.",
    "\"ranking\": POST /v1/endpoints/recommend of the storefront, 120 candidates scored per request by a LambdaRank model; its deadline is 250 ms, after which the popularity fallback answers (counted).",
    "\"Open Inference Protocol\": POST /v2/models/price/infer with one row of 20 numbers; no features are read and nothing is stored.",
    "\"node:http\" is an empty server that parses the same body and answers a small JSON object. \"half load\" is an open loop: requests come at random, half as many as the closed loop with 64 connections managed, and latency counts from when they came.",
  ],
  run: runEndpoints,
};

interface EndpointCase {
  readonly label: string;
  readonly server: ServerProcess;
  readonly path: string;
  readonly bodies: readonly string[];
  /** Of a closed-loop run with 1,000 connections; half of it with 64. */
  readonly seconds: number;
  readonly isOpenLoopToo: boolean;
}

const CONNECTIONS = [64, 1_000] as const;
const FALLBACK = "\"variant\":\"fallback\"";

async function runEndpoints(context: BenchContext): Promise<void> {
  const [shopData, storefrontData] = [await context.prepared.copy("shop", "endpoint-shop"), await context.prepared.copy("storefront", "endpoint-storefront")];
  context.note(`Trained beforehand: price model on ${shopData.trainedRows} rows in ${Math.round(shopData.trainingMs)} ms, ranker on ${storefrontData.trainedRows} rows in ${Math.round(storefrontData.trainingMs)} ms (one thread each unless the machine has more than two cores).`);
  await using baseline = await openServerProcess({ script: "./baseline-server.ts" });
  await using shop = await openServerProcess({ script: "./platform-server.ts", args: ["shop", shopData.folder] });
  await using storefront = await openServerProcess({ script: "./platform-server.ts", args: ["storefront", storefrontData.folder] });
  const estimates = estimateBodies();
  const floor: EndpointCase = { label: "node:http", server: baseline, path: "/json", bodies: estimates, seconds: 4, isOpenLoopToo: false };
  const cases: readonly EndpointCase[] = [
    { label: "one row", server: shop, path: "/v1/endpoints/estimate", bodies: estimates, seconds: 10, isOpenLoopToo: true },
    { label: "Open Inference Protocol", server: shop, path: `/v2/models/${PRICE_MODEL}/infer`, bodies: inferenceBodies(), seconds: 5, isOpenLoopToo: false },
    { label: "ranking", server: storefront, path: "/v1/endpoints/recommend", bodies: storefrontData.customers.slice(0, 500).map((customer) => JSON.stringify({ customer })), seconds: 10, isOpenLoopToo: true },
  ];
  for (const entry of [floor, ...cases]) {
    context.say(`warming up: ${entry.label}`);
    await warmUp({ server: entry.server, generator: context.generator }, planOf(context, entry, 16), context.isQuick ? 300 : entry.label === "ranking" ? 2_000 : 10_000);
  }
  await interleave(context.runs, CONNECTIONS, async (connections) => {
    const floorUs = await measureAnswers(context, floor, connections);
    for (const entry of cases) {
      const perRequestUs = await measureAnswers(context, entry, connections);
      context.sheet.add(nameOf(entry, connections), "CPU against node:http", "×", perRequestUs / floorUs);
    }
  });
  await interleave(context.runs, cases.filter((entry) => entry.isOpenLoopToo), (entry) => measureHalfLoad(context, entry));
  for (const [label, server] of [["shop", shop], ["storefront", storefront]] as const) await recordMemory(context, label, server);
}

function estimateBodies(): readonly string[] {
  const draws = createRandom(1);
  return Array.from({ length: 1_000 }, () => JSON.stringify({ customer: shopCustomer(draws.integer(SHOP_CUSTOMERS)), item: shopItem(draws.integer(SHOP_ITEMS)) }));
}

/** Rows that differ, so that the trees' branches do. */
function inferenceBodies(): readonly string[] {
  const draws = createRandom(2);
  return Array.from({ length: 1_000 }, () => JSON.stringify({
    inputs: [{ name: "features", shape: [1, 20], datatype: "FP64", data: Array.from({ length: 20 }, () => Math.round(draws.next() * 10_000) / 100) }],
  }));
}

const nameOf = ({ label }: EndpointCase, connections: number): string => `${label}, ${connections.toLocaleString("en-US")} connections`;

function planOf(context: BenchContext, { path, bodies, seconds }: EndpointCase, connections: number): PlanFor {
  return { path, contentType: "application/json", bodies, connections, arrivals: { kind: "closed" }, durationMs: context.seconds(connections < 1_000 ? seconds / 2 : seconds) * 1000, timeoutMs: 10_000, mark: FALLBACK };
}

async function measureAnswers(context: BenchContext, entry: EndpointCase, connections: number): Promise<number> {
  const name = nameOf(entry, connections);
  context.say(name);
  const measured = await measureLoad({ server: entry.server, generator: context.generator, profile: context.profile(name) }, planOf(context, entry, connections));
  recordRequests(context.sheet, name, measured);
  context.sheet.add(name, "fallbacks", "", measured.outcome.marked);
  const failures = describeFailures(name, measured.outcome);
  if (failures !== undefined) context.note(failures);
  return cpuPerRequest(measured.outcome, measured.serverCpuMs);
}

async function measureHalfLoad(context: BenchContext, entry: EndpointCase): Promise<void> {
  const name = `${entry.label}, half load`;
  context.say(name);
  const perSecond = spreadOf(context.sheet.runs(nameOf(entry, 64), "requests/s")).median / 2;
  const measured = await measureLoad({ server: entry.server, generator: context.generator }, {
    ...planOf(context, entry, 64), arrivals: { kind: "open", perSecond, seed: 1 }, durationMs: context.seconds(5) * 1000,
  });
  recordRequests(context.sheet, name, measured);
  context.sheet.add(name, "fallbacks", "", measured.outcome.marked);
}

async function recordMemory({ sheet }: BenchContext, label: string, server: ServerProcess): Promise<void> {
  await server.ask("settle", undefined, z.unknown());
  const { rssBytes, peakRssBytes } = await server.usage();
  sheet.add(`${label} after the load`, "memory", "MiB", rssBytes / 2 ** 20);
  sheet.add(`${label} after the load`, "peak memory", "MiB", peakRssBytes / 2 ** 20);
}
