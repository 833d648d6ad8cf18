/** The model server over HTTP and gRPC: CPU per inference against an empty handler, and 1,000 new connections in an open loop. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "strata";
import { binaryRequest, createRandom, grpcRequest, INFER_METHOD, jsonRequest, randomTensor } from "strata/testing";
import type { LoadPlan } from "strata/testing";
import { interleave } from "./bench.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { cpuPerRequest, describeFailures, measurePlan, recordRequests } from "./load-measurement.ts";
import type { Measured } from "./load-measurement.ts";
import { IMAGE, ROW, SLOW, SLOW_MS } from "./served-models.ts";
import { openServerProcess } from "./servers/server-process.ts";
import type { ServerProcess } from "./servers/server-process.ts";

export const servingBench: Bench = {
  name: "serving",
  title: "The model server: Open Inference over HTTP and gRPC",
  configuration: [
    "Models that do next to nothing, so that the server around them is measured: parsing, checks, batching, routing, metrics and the log of how each request was run, with default settings.",
    "\"one row\": FP32 [1, 16] as JSON, as bytes after the JSON (binary data extension) and over gRPC (16 requests share a connection); \"602 KB\": FP32 [1, 3, 224, 224]. Closed loop, 5 s.",
    "\"node:http\" is an empty server: it parses the JSON body (or only collects the bytes) and answers a small JSON object. The ratio compares CPU per request of the same run.",
    `"1,000 new connections": an open loop (Poisson) of 1,600 requests/s for 60 s over 1,000 connections in turn, opened by the first requests, to a model that takes ${SLOW_MS} ms for any batch, in one server process. Latency counts from when a request was to come.`,
  ],
  run: runServing,
};

interface ServingCase {
  readonly label: string;
  readonly server: ServerProcess;
  readonly plan: LoadPlan;
  /** The empty handler's case that its CPU is compared with. */
  readonly floor?: string;
}

const CONNECTIONS = 64;
const IMAGE_CONNECTIONS = 8;
const MANY = 1_000;
const OPEN_PER_SECOND = 1_600;
const BODIES = 64;

async function runServing(context: BenchContext): Promise<void> {
  const dataDir = join(context.folder, "served");
  await mkdir(dataDir, { recursive: true });
  await using baseline = await openServerProcess({ script: "./baseline-server.ts" });
  await using served = await openServerProcess({ script: "./platform-server.ts", args: ["served", dataDir] });
  const grpc = new URL(`http://${await served.ask("grpc address", undefined, z.string())}`);
  const cases = closedCases({ context, baseline, served, grpcPort: Number(grpc.port) });
  for (const entry of cases) {
    context.say(`warming up: ${entry.label}`);
    await context.generator.run({ ...entry.plan, connections: Math.min(16, entry.plan.connections), maxRequests: warmUpRequests(context, entry), durationMs: 20_000 });
  }
  await interleave(context.runs, [0], async () => {
    const floors = new Map<string, number>();
    for (const entry of cases) await measureClosed(context, entry, floors);
  });
  for (const [label, plan] of manyConnections(context, served, Number(grpc.port))) await measureOpen(context, { label, server: served, plan });
  const { rssBytes, peakRssBytes } = await served.usage();
  context.sheet.add("after the load", "memory", "MiB", rssBytes / 2 ** 20);
  context.sheet.add("after the load", "peak memory", "MiB", peakRssBytes / 2 ** 20);
}

const warmUpRequests = ({ isQuick }: BenchContext, { plan }: ServingCase): number => (plan.connections === IMAGE_CONNECTIONS ? 1_000 : 20_000) / (isQuick ? 20 : 1);

interface CaseSources {
  readonly context: BenchContext;
  readonly baseline: ServerProcess;
  readonly served: ServerProcess;
  readonly grpcPort: number;
}

function closedCases({ context, baseline, served, grpcPort }: CaseSources): readonly ServingCase[] {
  const closed = { connections: CONNECTIONS, arrivals: { kind: "closed" }, durationMs: context.seconds(5) * 1000, timeoutMs: 10_000 } as const;
  const rows = tensorsOf(ROW, BODIES);
  const images = tensorsOf(IMAGE, 8);
  const at = ({ host, port }: ServerProcess) => ({ host, port });
  const row = jsonExchange(ROW.model, rows);
  const image = { ...closed, connections: IMAGE_CONNECTIONS };
  return [
    { label: "node:http, JSON of one row", server: baseline, plan: { ...closed, ...at(baseline), exchange: { ...row, path: "/json" } } },
    { label: "one row, JSON", server: served, plan: { ...closed, ...at(served), exchange: row }, floor: "node:http, JSON of one row" },
    { label: "one row, binary", server: served, plan: { ...closed, ...at(served), exchange: binaryExchange(ROW.model, rows) }, floor: "node:http, JSON of one row" },
    { label: "one row, gRPC", server: served, plan: { ...closed, ...at(served), port: grpcPort, exchange: grpcExchange(ROW.model, rows) }, floor: "node:http, JSON of one row" },
    { label: "node:http, 602 KB", server: baseline, plan: { ...image, ...at(baseline), exchange: { ...binaryExchange(IMAGE.model, images), path: "/bytes" } } },
    { label: "602 KB, binary", server: served, plan: { ...image, ...at(served), exchange: binaryExchange(IMAGE.model, images) }, floor: "node:http, 602 KB" },
    { label: "602 KB, gRPC", server: served, plan: { ...image, ...at(served), port: grpcPort, exchange: grpcExchange(IMAGE.model, images) }, floor: "node:http, 602 KB" },
  ];
}

function manyConnections(context: BenchContext, { host, port }: ServerProcess, grpcPort: number): readonly (readonly [string, LoadPlan])[] {
  const open = {
    host, connections: MANY, durationMs: context.seconds(60) * 1000, timeoutMs: 10_000,
    arrivals: { kind: "open", perSecond: OPEN_PER_SECOND, seed: 1, connectionUse: "all" },
  } as const;
  const rows = tensorsOf(SLOW, BODIES);
  return [
    ["1,000 new connections, JSON", { ...open, port, exchange: jsonExchange(SLOW.model, rows) }],
    ["1,000 streams, gRPC", { ...open, port: grpcPort, exchange: grpcExchange(SLOW.model, rows) }],
  ];
}

type Tensors = readonly ReturnType<typeof randomTensor>[];

function tensorsOf({ input, shape }: { readonly input: string; readonly shape: readonly number[] }, count: number): Tensors {
  const random = createRandom(1);
  return Array.from({ length: count }, () => randomTensor({ name: input, datatype: "FP32", shape }, { rows: 1 }, random));
}

const jsonExchange = (model: string, tensors: Tensors) => ({
  kind: "http", method: "POST", path: `/v2/models/${model}/infer`, headers: { "content-type": "application/json" }, bodies: tensors.map((tensor) => jsonRequest([tensor])),
} as const);

function binaryExchange(model: string, tensors: Tensors) {
  const requests = tensors.map((tensor) => binaryRequest([tensor]));
  const headers = { "content-type": "application/octet-stream", "inference-header-content-length": String(requests[0]!.headBytes) };
  return { kind: "http", method: "POST", path: `/v2/models/${model}/infer`, headers, bodies: requests.map(({ body }) => body) } as const;
}

const grpcExchange = (model: string, tensors: Tensors) => ({
  kind: "grpc", path: INFER_METHOD, metadata: {}, messages: tensors.map((tensor) => grpcRequest(model, undefined, [tensor])), streamsPerConnection: 16,
} as const);

async function measureClosed(context: BenchContext, { label, server, plan, floor }: ServingCase, floors: Map<string, number>): Promise<void> {
  context.say(label);
  const measured = await measurePlan({ server, generator: context.generator, profile: context.profile(label) }, plan);
  record(context, label, measured);
  const perRequestUs = cpuPerRequest(measured.outcome, measured.serverCpuMs);
  floors.set(label, perRequestUs);
  if (floor !== undefined) context.sheet.add(label, "CPU against node:http", "×", perRequestUs / floors.get(floor)!);
}

async function measureOpen(context: BenchContext, { label, server, plan }: ServingCase): Promise<void> {
  context.say(label);
  const measured = await measurePlan({ server, generator: context.generator, profile: context.profile(label) }, plan);
  record(context, label, measured);
  context.sheet.add(label, "generator late p99", "ms", measured.outcome.generator.lateness.p99Ms);
  for (const warning of measured.outcome.generator.warnings) context.note(`${label}: ${warning}`);
}

function record(context: BenchContext, label: string, measured: Measured): void {
  recordRequests(context.sheet, label, measured);
  context.sheet.add(label, "generator CPU", "µs/request", measured.outcome.generator.cpuUsPerRequest);
  const failures = describeFailures(label, measured.outcome);
  if (failures !== undefined) context.note(failures);
}
