/** Ingestion over HTTP: how many durable, checked events per second and per core-second, and how soon one is acknowledged. */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "strata";
import { createLatencyHistogram, failuresOf } from "strata/testing";
import { interleave } from "./bench.ts";
import type { Bench, BenchContext } from "./bench.ts";
import type { ApplicationName } from "./definitions.ts";
import { describeFailures, measureLoad, warmUp } from "./load-measurement.ts";
import type { Measured, PlanFor } from "./load-measurement.ts";
import { eventBatch } from "./load/event-batch.ts";
import { openServerProcess } from "./servers/server-process.ts";
import type { ServerProcess } from "./servers/server-process.ts";

export const ingestBench: Bench = {
  name: "ingest",
  title: "Ingestion: events over HTTP",
  configuration: [
    "Events of about 200 bytes with an id and a time of their own, as NDJSON; each is parsed, checked against its zod schema, deduplicated by id and acknowledged (202) after fdatasync. Nothing is sampled, nothing is switched off.",
    "\"no views\": one stream and no features. \"3 views\": the same stream with features of customers (100,000), items (10,000) and pairs of both; the server's CPU includes applying them.",
    "One server process, one load generator process with 16 connections in a closed loop, on the same machine. \"node:http, JSON.parse\" is a bare server that parses each line and forgets it: the floor that the ratio is taken from.",
    "\"all told\" is the CPU of everything from the first warm-up event to the last, the lake's Parquet files written, divided by all events of the case's server.",
  ],
  run: runIngest,
};

interface IngestServer {
  readonly label: string;
  readonly server: ServerProcess;
  /** Events acknowledged so far. */
  acknowledged: number;
  isExact: boolean;
}

interface BatchCase {
  readonly target: IngestServer;
  readonly eventsPerRequest: number;
  readonly connections: number;
}

const BATCH_CONNECTIONS = 16;

async function runIngest(context: BenchContext): Promise<void> {
  await using baseline = await openServerProcess({ script: "./baseline-server.ts" });
  await using plain = await openIngestServer(context, "events");
  await using views = await openIngestServer(context, "events_with_views");
  const servers: readonly IngestServer[] = [
    { label: "no views", server: plain, acknowledged: 0, isExact: true }, { label: "3 views", server: views, acknowledged: 0, isExact: true },
  ];
  const cases = [1_000, 100].flatMap((eventsPerRequest) => servers.map((target): BatchCase => ({ target, eventsPerRequest, connections: BATCH_CONNECTIONS })));
  const singles = [1, 64].map((connections): BatchCase => ({ target: servers[1]!, eventsPerRequest: 1, connections }));
  const before = await Promise.all(servers.map(({ server }) => server.usage()));

  for (const entry of [...cases, ...singles]) {
    context.say(`warming up: ${nameOf(entry)}`);
    count(entry, await warmUp(targetOf(context, entry), planOf(context, entry), warmUpRequests(context, entry)));
  }
  await interleave(context.runs, [1_000, 100], async (eventsPerRequest) => {
    const floorUs = await measureFloor(context, baseline, eventsPerRequest);
    for (const entry of cases.filter((other) => other.eventsPerRequest === eventsPerRequest)) await measureBatches(context, entry, floorUs);
  });
  await interleave(context.runs, singles, (entry) => measureSingles(context, entry));
  await measureFsync(context);
  for (const [index, target] of servers.entries()) await settleAccounts(context, target, before[index]!.cpuMs);
}

async function openIngestServer({ folder }: BenchContext, application: ApplicationName): Promise<ServerProcess> {
  const dataDir = join(folder, application);
  await mkdir(dataDir, { recursive: true });
  return openServerProcess({ script: "./platform-server.ts", args: [application, dataDir] });
}

const nameOf = ({ target, eventsPerRequest, connections }: BatchCase): string =>
  eventsPerRequest === 1 ? `${target.label}, one event per request, ${connections} ${connections === 1 ? "connection" : "connections"}` : `${target.label}, batches of ${eventsPerRequest.toLocaleString("en-US")}`;

const targetOf = ({ generator }: BenchContext, { target }: BatchCase) => ({ server: target.server, generator, settles: true });

const warmUpRequests = ({ isQuick }: BenchContext, { eventsPerRequest }: BatchCase): number => Math.ceil((isQuick ? 30_000 : 300_000) / Math.max(10, eventsPerRequest) / (eventsPerRequest === 1 ? 5 : 1));

function planOf({ seconds }: BenchContext, { eventsPerRequest, connections }: Omit<BatchCase, "target">): PlanFor {
  return {
    path: "/v1/streams/purchases/events", contentType: eventsPerRequest === 1 ? "application/json" : "application/x-ndjson",
    bodies: batchesOf(eventsPerRequest), connections, arrivals: { kind: "closed" }, durationMs: seconds(4) * 1000, timeoutMs: 10_000,
    mark: `"accepted":${eventsPerRequest},`,
  };
}

/** Enough different events that feature state has many keys, and few enough to hold them all in memory. */
const BATCHES = 16;
const SINGLES = 1_000;
const batches = new Map<number, readonly string[]>();

function batchesOf(eventsPerRequest: number): readonly string[] {
  const known = batches.get(eventsPerRequest);
  if (known !== undefined) return known;
  const made = Array.from({ length: eventsPerRequest === 1 ? SINGLES : BATCHES }, (_, seed) => eventBatch({ events: eventsPerRequest, seed: seed + 1 }));
  batches.set(eventsPerRequest, made);
  return made;
}

function count(entry: BatchCase, { outcome }: Measured): void {
  const { target, eventsPerRequest } = entry;
  if (outcome.marked !== outcome.answered) throw new Error(`${nameOf(entry)}: ${outcome.answered - outcome.marked} of ${outcome.answered} answers did not accept all ${eventsPerRequest} events`);
  target.acknowledged += outcome.answered * eventsPerRequest;
  if (failuresOf(outcome) + outcome.unfinished > 0) target.isExact = false;
}

/** µs per event of a server that only parses. */
async function measureFloor(context: BenchContext, baseline: ServerProcess, eventsPerRequest: number): Promise<number> {
  const name = `node:http, JSON.parse, batches of ${eventsPerRequest.toLocaleString("en-US")}`;
  const { mark: _, ...plan } = planOf(context, { eventsPerRequest, connections: BATCH_CONNECTIONS });
  const { outcome, serverCpuMs, perSecond } = await measureLoad({ server: baseline, generator: context.generator }, { ...plan, path: "/lines", durationMs: context.seconds(2) * 1000 });
  const floorUs = (serverCpuMs * 1000) / (outcome.answered * eventsPerRequest);
  context.sheet.add(name, "events/s", "", perSecond * eventsPerRequest);
  context.sheet.add(name, "server CPU", "µs/event", floorUs);
  context.sheet.add(name, "events per core-second", "", 1e6 / floorUs);
  return floorUs;
}

async function measureBatches(context: BenchContext, entry: BatchCase, floorUs: number): Promise<void> {
  const name = nameOf(entry);
  context.say(name);
  const measured = await measureLoad({ ...targetOf(context, entry), profile: context.profile(name) }, planOf(context, entry));
  count(entry, measured);
  const { outcome, serverCpuMs, mainThreadCpuMs, perSecond } = measured;
  const perEventUs = (serverCpuMs * 1000) / (outcome.answered * entry.eventsPerRequest);
  const { add } = context.sheet;
  add(name, "events/s", "", perSecond * entry.eventsPerRequest);
  add(name, "server CPU", "µs/event", perEventUs);
  add(name, "of it main thread", "µs/event", (mainThreadCpuMs * 1000) / (outcome.answered * entry.eventsPerRequest));
  add(name, "events per core-second", "", 1e6 / perEventUs);
  add(name, "CPU against the floor", "×", perEventUs / floorUs);
  add(name, "acknowledged p50", "ms", outcome.latency.p50Ms);
  add(name, "acknowledged p99", "ms", outcome.latency.p99Ms);
  add(name, "failed", "", failuresOf(outcome) + outcome.unfinished);
  noteFailures(context, name, measured);
}

async function measureSingles(context: BenchContext, entry: BatchCase): Promise<void> {
  const name = nameOf(entry);
  context.say(name);
  const measured = await measureLoad({ ...targetOf(context, entry), profile: context.profile(name) }, planOf(context, entry));
  count(entry, measured);
  const { outcome, serverCpuMs, mainThreadCpuMs, perSecond } = measured;
  const { add } = context.sheet;
  add(name, "events/s", "", perSecond);
  add(name, "server CPU", "µs/event", (serverCpuMs * 1000) / outcome.answered);
  add(name, "of it main thread", "µs/event", (mainThreadCpuMs * 1000) / outcome.answered);
  add(name, "acknowledged p50", "ms", outcome.latency.p50Ms);
  add(name, "acknowledged p99", "ms", outcome.latency.p99Ms);
  add(name, "failed", "", failuresOf(outcome) + outcome.unfinished);
  noteFailures(context, name, measured);
}

function noteFailures({ note }: BenchContext, name: string, { outcome }: Measured): void {
  const failures = describeFailures(name, outcome);
  if (failures !== undefined) note(failures);
}

const FSYNC_ROUNDS = 200;

/** What making 4 KiB durable takes here: the floor of every acknowledgement. */
async function measureFsync({ folder, sheet }: BenchContext): Promise<void> {
  await using file = await open(join(folder, "fsync"), "w");
  const latencies = createLatencyHistogram();
  for (let round = 0; round < FSYNC_ROUNDS; round++) {
    const startedAtMs = performance.now();
    await file.write(Buffer.alloc(4096, round), 0, 4096, round * 4096);
    await file.datasync();
    latencies.record(performance.now() - startedAtMs);
  }
  sheet.add("write and fdatasync of 4 KiB", "p50", "ms", latencies.quantile(0.5));
  sheet.add("write and fdatasync of 4 KiB", "p99", "ms", latencies.quantile(0.99));
}

/** Everything acknowledged must be stored, and the lake's share of the work belongs to the bill. */
async function settleAccounts(context: BenchContext, { label, server, acknowledged, isExact }: IngestServer, cpuMsBefore: number): Promise<void> {
  await server.ask("flush", undefined, z.unknown());
  const { cpuMs, peakRssBytes } = await server.usage();
  const stored = (await server.ask("events", undefined, z.record(z.string(), z.number())))["purchases"] ?? 0;
  if (stored < acknowledged || (isExact && stored !== acknowledged)) throw new Error(`${label}: ${acknowledged} events were acknowledged, ${stored} are stored`);
  context.sheet.add(`${label}, all told`, "events", "", stored);
  context.sheet.add(`${label}, all told`, "server CPU", "µs/event", ((cpuMs - cpuMsBefore) * 1000) / stored);
  context.sheet.add(`${label}, all told`, "peak memory", "MiB", peakRssBytes / 2 ** 20);
}
