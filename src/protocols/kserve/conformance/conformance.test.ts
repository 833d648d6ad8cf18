/**
 * The suite judges our own server, whole, over REST and gRPC. And the suite is judged: servers with one planted defect
 * each must be found out, by the case that is there for it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { createMemoryModelServer } from "../../../../test/protocols/memory-model-server.ts";
import { openTestPlatform, temporaryFolder } from "../../../../test/scenarios/platform-kit.ts";
import { defineApplication } from "../../../define/index.ts";
import { systemClock } from "../../../kernel/clock.ts";
import { openGrpcListener } from "../../../platform/grpc-listener.ts";
import { openHttpListener } from "../../../platform/http-listener.ts";
import type { ModelServer } from "../../../serving/index.ts";
import { errorResponse } from "../../http.ts";
import type { HttpRequest, HttpResponse } from "../../http.ts";
import { handleInferenceProtocol } from "../rest.ts";
import { REFERENCE_MODELS } from "./reference-models.ts";
import { runConformance } from "./run.ts";
import type { ConformanceReport } from "./run.ts";
import { CONFORMANCE_CASES } from "./suite.ts";

const failures = ({ results }: ConformanceReport): readonly string[] => results.filter(({ outcome }) => outcome !== "passed").map(({ id, outcome, reason, differences }) => `${id} ${outcome}: ${reason ?? JSON.stringify(differences)}`);

test("every case has its own id, in more than 150 cases", () => {
  assert.ok(CONFORMANCE_CASES.length >= 150, String(CONFORMANCE_CASES.length));
  assert.equal(new Set(CONFORMANCE_CASES.map(({ id }) => id)).size, CONFORMANCE_CASES.length);
});

test("Strata passes every case over REST and gRPC", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(defineApplication("conformance", REFERENCE_MODELS), { dataDir: folder.path });
  const report = await runConformance({ url: platform.url, grpc: platform.grpcUrl, clock: systemClock });
  assert.deepEqual(failures(report), []);
  assert.equal(report.passed, CONFORMANCE_CASES.length);
});

interface Server {
  readonly handle?: ((request: HttpRequest, answer: (request: HttpRequest) => Promise<HttpResponse>) => Promise<HttpResponse>) | undefined;
  readonly models?: (server: ModelServer) => Partial<ModelServer>;
}

async function judge({ handle, models }: Server, filter: string): Promise<ConformanceReport> {
  await using stack = new AsyncDisposableStack();
  const memory = createMemoryModelServer(REFERENCE_MODELS, { now: () => systemClock.monotonicMs() });
  const protocol = { models: { ...memory, isReady: () => true, ...models?.(memory) }, clock: systemClock, maxBodyBytes: 64 * 1024 * 1024 };
  const answer = async (request: HttpRequest): Promise<HttpResponse> => await handleInferenceProtocol(protocol, request) ?? errorResponse(new Error("not of this protocol"));
  const http = await openHttpListener({ host: "127.0.0.1", port: 0, listeners: 1, maxBodyBytes: protocol.maxBodyBytes, handle: (request) => (handle === undefined ? answer(request) : handle(request, answer)) });
  stack.defer(() => http.close(100));
  const grpc = await openGrpcListener({ host: "127.0.0.1", port: 0, protocol });
  stack.defer(() => grpc.close(100));
  return await runConformance({ url: `http://127.0.0.1:${http.port}`, grpc: `127.0.0.1:${grpc.port}`, clock: systemClock, filter });
}

const jsonOf = (response: HttpResponse): Record<string, unknown> => (typeof response.body === "string" ? JSON.parse(response.body) as Record<string, unknown> : {});
const bodyOf = (request: HttpRequest): Record<string, unknown> => { try { return JSON.parse(request.body.toString()) as Record<string, unknown>; } catch { return {}; } };
const withBody = (request: HttpRequest, value: unknown): HttpRequest => ({ ...request, body: Buffer.from(JSON.stringify(value)) });
const withHeaders = (request: HttpRequest, change: Readonly<Record<string, string | undefined>>): HttpRequest => ({ ...request, headers: { ...request.headers, ...change } });
/** Changes the JSON of answers. */
const answering = (change: (json: Record<string, unknown>) => unknown): Server["handle"] => async (request, answer) => {
  const response = await answer(request);
  return typeof response.body === "string" && response.status === 200 ? { ...response, body: JSON.stringify(change(jsonOf(response))) } : response;
};
/** Changes the tensors after the JSON of answers. */
const blobs = (change: (bytes: Buffer) => Buffer): Server["handle"] => async (request, answer) => {
  const response = await answer(request);
  const header = Number(response.headers?.["inference-header-content-length"] ?? Number.NaN);
  if (!(response.body instanceof Uint8Array) || Number.isNaN(header)) return response;
  return { ...response, body: Buffer.concat([response.body.subarray(0, header), change(Buffer.from(response.body.subarray(header)))]) };
};

interface Defect extends Server {
  readonly name: string;
  /** Cases to run, and one that must find it. */
  readonly filter: string;
  readonly found: string;
}

const DEFECTS: readonly Defect[] = [
  { name: "the id is forgotten", filter: "rest.infer", found: "rest.infer.id", handle: answering((json) => ({ ...json, id: undefined })) },
  { name: "64-bit integers go through a double", filter: "rest.json", found: "rest.json.int64", handle: answering((json) => json) },
  { name: "the outputs that are asked for are ignored", filter: "rest.infer", found: "rest.infer.one-output", handle: (request, answer) => {
    const { outputs, ...rest } = bodyOf(request);
    return answer(outputs === undefined ? request : withBody(request, rest));
  } },
  { name: "nested data is refused", filter: "rest.json", found: "rest.json.fp32-nested", handle: (request, answer) => (request.body.includes("[[") ? Promise.resolve({ status: 400, body: "{\"error\":\"nested\"}" }) : answer(request)) },
  { name: "header lengths count characters", filter: "rest.binary", found: "rest.binary.bytes-not-characters", handle: async (request, answer) => {
    const response = await answer(request);
    const header = response.headers?.["inference-header-content-length"];
    if (!(response.body instanceof Uint8Array) || header === undefined) return response;
    return { ...response, headers: { ...response.headers, "inference-header-content-length": String(Buffer.from(response.body.subarray(0, Number(header))).toString().length) } };
  } },
  { name: "binary outputs change places", filter: "rest.binary", found: "rest.binary.outputs", handle: blobs((bytes) => Buffer.concat([bytes.subarray(bytes.length / 2), bytes.subarray(0, bytes.length / 2)])) },
  { name: "binary is big-endian", filter: "rest.binary", found: "rest.binary.int32", handle: blobs((bytes) => (bytes.length % 4 === 0 ? Buffer.from(bytes).swap32() : bytes)) },
  { name: "bytes after the last tensor are dropped", filter: "rest.binary", found: "rest.binary.extra", handle: async (request, answer) => {
    const response = await answer(request);
    return typeof response.body === "string" && response.body.includes("bytes follow") ? { status: 200, body: "{\"outputs\":[]}" } : response;
  } },
  { name: "binary_data of an output is ignored", filter: "rest.binary", found: "rest.binary.one-output", handle: (request, answer) => {
    const { outputs, ...rest } = bodyOf(request);
    return answer(Array.isArray(outputs) ? withBody(request, { ...rest, outputs: outputs.map(({ name }: { readonly name: string }) => ({ name })) }) : request);
  } },
  { name: "errors have no body", filter: "rest.refuse", found: "rest.refuse.unknown-model", handle: async (request, answer) => {
    const response = await answer(request);
    return response.status < 400 ? response : { status: response.status, body: "" };
  } },
  { name: "errors are 200", filter: "rest.refuse", found: "rest.refuse.no-json", handle: async (request, answer) => ({ ...await answer(request), status: 200 }) },
  { name: "the version in the path is ignored", filter: "rest.infer", found: "rest.infer.version-1", handle: (request, answer) => answer({ ...request, path: request.path.replace(/\/versions\/[^/]+/, "") }) },
  { name: "health says nothing", filter: "rest.health", found: "rest.health.live-body", handle: async (request, answer) => ({ ...await answer(request), body: "{}" }) },
  { name: "packed bodies are taken for plain ones", filter: "rest.compression", found: "rest.compression.gzip-request", handle: (request, answer) => answer(withHeaders(request, { "content-encoding": undefined })) },
  { name: "the header length of a packed body counts packed bytes", filter: "rest.compression", found: "rest.compression.deflate-binary", handle: (request, answer) => {
    const encoding = request.headers["content-encoding"];
    const header = Number(request.headers["inference-header-content-length"] ?? Number.NaN);
    if (encoding === undefined || Number.isNaN(header)) return answer(request);
    const length = (encoding === "gzip" ? gunzipSync : inflateSync)(request.body).length;
    return answer(withHeaders(request, { "inference-header-content-length": String(Math.max(1, header - (length - request.body.length))) }));
  } },
  { name: "shapes in the metadata leave the batch out", filter: "rest.model", found: "rest.model.inputs", models: (server) => ({ metadata: async (model, version) => {
    const metadata = await server.metadata(model, version);
    return { ...metadata, inputs: metadata.inputs.map((input) => ({ ...input, shape: input.shape.slice(1) })) };
  } }) },
  { name: "statistics count requests as rows", filter: "rest.stats", found: "rest.stats.counts", models: (server) => ({ statistics: (model, version) => server.statistics(model, version).map((one) => ({ ...one, inferenceCount: one.success.count })) }) },
  { name: "unloading does nothing", filter: "rest.repository", found: "rest.repository.unload", models: () => ({ unload: () => Promise.resolve() }) },
  { name: "gRPC: outputs hold each other's data", filter: "grpc.infer", found: "grpc.infer.raw", models: (server) => ({ infer: async (request) => {
    const answer = await server.infer(request);
    const [a, b] = answer.outputs;
    return b === undefined ? answer : { ...answer, outputs: [{ ...a!, data: b.data }, { ...b, data: a!.data }] };
  } }) },
  { name: "gRPC: the version is ignored", filter: "grpc.infer", found: "grpc.infer.version", models: (server) => ({ infer: (request) => server.infer({ model: request.model, inputs: request.inputs }) }) },
  { name: "gRPC: INT64 goes through a double", filter: "grpc.datatype", found: "grpc.datatype.int64-raw", models: (server) => ({ infer: async (request) => {
    const answer = await server.infer(request);
    return { ...answer, outputs: answer.outputs.map((output) => (output.data instanceof BigInt64Array ? { ...output, data: output.data.map((value) => BigInt.asIntN(64, BigInt(Number(value)))) } : output)) };
  } }) },
  { name: "gRPC: unknown models are ready", filter: "grpc.health", found: "grpc.health.unknown", models: () => ({ isModelReady: () => Promise.resolve(true) }) },
];

test("a server without defects passes the cases that find them", { timeout: 60_000 }, async () => {
  for (const filter of new Set(DEFECTS.map((defect) => defect.filter))) assert.deepEqual(failures(await judge({}, filter)), []);
});

for (const defect of DEFECTS) {
  test(`found out: ${defect.name}`, { timeout: 30_000 }, async () => {
    const report = await judge(defect, defect.filter);
    assert.ok(report.results.some(({ id, outcome }) => id === defect.found && outcome === "differs"), `${defect.found} should differ; what does: ${failures(report).join("\n")}`);
  });
}
