/** gRPC load against a real grpc-js server: tensors arrive as they were made, and every status is counted by its name. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadPackageDefinition, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { GrpcObject, ServerUnaryCall, ServiceClientConstructor, UntypedHandleCall, sendUnaryData } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { createRandom } from "../../kernel/random.ts";
import { grpcModelInputs } from "./grpc-call.ts";
import { INFER_METHOD, grpcRequest } from "./inference-requests.ts";
import { randomTensor } from "./random-tensor.ts";
import { loadOf } from "./test-support/known-server.ts";

const PROTO = `syntax = "proto3"; package inference;
message ModelMetadataRequest { string name = 1; string version = 2; }
message ModelMetadataResponse { message TensorMetadata { string name = 1; string datatype = 2; repeated int64 shape = 3; } string name = 1; repeated string versions = 2; string platform = 3; repeated TensorMetadata inputs = 4; repeated TensorMetadata outputs = 5; }
message ModelInferRequest { message InferInputTensor { string name = 1; string datatype = 2; repeated int64 shape = 3; } string model_name = 1; string model_version = 2; string id = 3; repeated InferInputTensor inputs = 5; repeated bytes raw_input_contents = 7; }
message ModelInferResponse { string model_name = 1; string model_version = 2; string id = 3; repeated bytes raw_output_contents = 6; }
service GRPCInferenceService { rpc ModelMetadata(ModelMetadataRequest) returns (ModelMetadataResponse) {} rpc ModelInfer(ModelInferRequest) returns (ModelInferResponse) {} }`;

interface Received {
  readonly modelName: string;
  readonly inputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly string[] }[];
  readonly rawInputContents: readonly Buffer[];
}

const SPECS = [{ name: "x", datatype: "FP32", shape: [-1, 16] }, { name: "ids", datatype: "INT64", shape: [-1, 2] }] as const;

async function openInferenceServer(refuses: (number: number) => boolean): Promise<AsyncDisposable & { readonly port: number; readonly received: readonly Received[] }> {
  const folder = await mkdtemp(join(tmpdir(), "grpc-load-"));
  await writeFile(join(folder, "inference.proto"), PROTO);
  const loaded = loadPackageDefinition(loadSync(join(folder, "inference.proto"), { longs: String }));
  const { service } = (loaded["inference"] as GrpcObject)["GRPCInferenceService"] as ServiceClientConstructor; // as the file above says
  const received: Received[] = [];
  const server = new Server();
  const handlers: Record<string, UntypedHandleCall> = {
    ModelMetadata: (call: ServerUnaryCall<{ readonly name: string }, unknown>, done: sendUnaryData<unknown>) => {
      if (call.request.name !== "ranker") return done({ code: status.NOT_FOUND, details: "no such model" });
      done(null, { name: "ranker", versions: ["1"], platform: "test", inputs: SPECS.map((spec) => ({ ...spec, shape: spec.shape.map(String) })), outputs: [] });
    },
    ModelInfer: (call: ServerUnaryCall<Received, unknown>, done: sendUnaryData<unknown>) => {
      received.push(call.request);
      if (refuses(received.length)) done({ code: status.RESOURCE_EXHAUSTED, details: "the queue is full" });
      else done(null, { modelName: "ranker", modelVersion: "1", rawOutputContents: [Buffer.alloc(4)] });
    },
  };
  server.addService(service, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, received, [Symbol.asyncDispose]: async () => { server.forceShutdown(); await rm(folder, { recursive: true }); } };
}

test("tensors made from the server's metadata arrive whole, over shared connections", async () => {
  await using server = await openInferenceServer(() => false);
  const inputs = await grpcModelInputs("ranker", undefined, { origin: `http://127.0.0.1:${server.port}`, metadata: {}, allowsAnyCertificate: false, timeoutMs: 5_000 });
  assert.deepEqual(inputs, SPECS);
  const tensors = inputs.map((spec) => randomTensor(spec, { rows: 3 }, createRandom(1)));
  const outcome = await loadOf(server, { exchange: { kind: "grpc", path: INFER_METHOD, metadata: {}, messages: [grpcRequest("ranker", "1", tensors)], streamsPerConnection: 4 }, connections: 8, maxRequests: 200, timeoutMs: 5_000 });
  assert.deepEqual([outcome.answered, outcome.failed, outcome.unfinished], [200, {}, 0]);
  const [first] = server.received;
  assert.deepEqual(first?.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) })), [{ name: "x", datatype: "FP32", shape: [3, 16] }, { name: "ids", datatype: "INT64", shape: [3, 2] }]);
  assert.deepEqual(new Float32Array(Uint8Array.from(first.rawInputContents[0]!).buffer), tensors[0]!.data);
  assert.deepEqual(new BigInt64Array(Uint8Array.from(first.rawInputContents[1]!).buffer), tensors[1]!.data);
});

test("refusals are counted by their status; an unknown model and a server of another kind are told at once", async () => {
  await using server = await openInferenceServer((number) => number % 10 === 0);
  const exchange = { kind: "grpc" as const, path: INFER_METHOD, metadata: {}, messages: [grpcRequest("ranker", undefined, [])], streamsPerConnection: 100 };
  const outcome = await loadOf(server, { exchange, connections: 4, maxRequests: 100, timeoutMs: 5_000 });
  assert.deepEqual([outcome.answered, outcome.failed, outcome.firstFailure], [90, { "gRPC RESOURCE_EXHAUSTED": 10 }, "the queue is full"]);
  const options = { origin: `http://127.0.0.1:${server.port}`, metadata: {}, allowsAnyCertificate: false, timeoutMs: 2_000 };
  await assert.rejects(grpcModelInputs("nobody", undefined, options), { code: "LOAD_TARGET_FAILED", message: /NOT_FOUND: no such model/ });
  await assert.rejects(grpcModelInputs("x", undefined, { ...options, origin: "http://127.0.0.1:1" }), { code: "LOAD_TARGET_FAILED" });
});

test("a server that goes away fails what was under way, and nothing hangs", async () => {
  const server = await openInferenceServer(() => false);
  const exchange = { kind: "grpc" as const, path: INFER_METHOD, metadata: {}, messages: [grpcRequest("ranker", undefined, [])], streamsPerConnection: 4 };
  const loading = loadOf(server, { exchange, connections: 4, maxRequests: 1_000_000, durationMs: 400, timeoutMs: 1_000 });
  setTimeout(() => void server[Symbol.asyncDispose](), 150);
  const outcome = await loading;
  const failures = Object.values(outcome.failed).reduce((sum, number) => sum + number, 0);
  assert.ok(outcome.answered > 0 && failures > 0, JSON.stringify(outcome.failed));
  assert.equal(outcome.sent, outcome.answered + failures + outcome.unfinished);
});
