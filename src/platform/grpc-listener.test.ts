import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { Client, Metadata, credentials } from "@grpc/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import { createMemoryModelServer } from "../../test/protocols/memory-model-server.ts";
import { systemClock } from "../kernel/clock.ts";
import { createGrpcClient } from "../protocols/kserve/conformance/grpc-client.ts";
import { REFERENCE_MODELS } from "../protocols/kserve/conformance/reference-models.ts";
import { HEALTH_SERVICE, INFERENCE_SERVICE } from "../protocols/kserve/grpc/messages.ts";
import type { ModelServer } from "../serving/index.ts";
import { openGrpcListener } from "./grpc-listener.ts";

async function open(models: ModelServer, maxBodyBytes = 1_000_000) {
  await using stack = new AsyncDisposableStack();
  const listener = await openGrpcListener({ host: "127.0.0.1", port: 0, protocol: { models, clock: systemClock, maxBodyBytes } });
  stack.defer(() => listener.close(500));
  const address = `127.0.0.1:${listener.port}`;
  const client = stack.use(createGrpcClient(address, systemClock));
  const raw = stack.adopt(new Client(address, credentials.createInsecure()), (one) => one.close());
  const owned = stack.move();
  return { listener, client, raw, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const slow = (milliseconds: number) => ({ model_name: "slow", inputs: [{ name: "INPUT0", datatype: "FP32", shape: [1, 1], contents: { fp32_contents: [milliseconds] } }] });

test("deadline, key and variant reach the model server; a caller who leaves fires the signal", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS, { now: () => systemClock.monotonicMs() });
  await using server = await open(models);
  const metadata = new Metadata();
  metadata.set("strata-key", "customer-1");
  metadata.set("strata-variant", "canary");
  const { path, requestSerialize, responseDeserialize } = INFERENCE_SERVICE["ModelInfer"] as MethodDefinition<object, object>;
  const call = server.raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, slow(3_000), metadata, { deadline: Date.now() + 60_000 }, () => undefined);
  while (models.requests.length === 0) await systemClock.sleep(5);
  const { routingKey, variant, deadlineAtMs, signal } = models.requests[0]!;
  assert.deepEqual([routingKey, variant], ["customer-1", "canary"]);
  assert.ok(Math.abs(deadlineAtMs! - systemClock.monotonicMs() - 60_000) < 2_000);
  const fired = new Promise((resolve) => { signal!.addEventListener("abort", resolve); });
  call.cancel();
  await fired;
});

test("closing waits for calls in flight, and refuses connections at once", async () => {
  const server = await open(createMemoryModelServer(REFERENCE_MODELS));
  const answered = server.client.call("ModelInfer", slow(200));
  await systemClock.sleep(80);
  const startedAtMs = systemClock.monotonicMs();
  const closed = server.listener.close(5_000);
  await assert.rejects(new Promise((resolve, reject) => { connect(server.listener.port, "127.0.0.1").on("error", reject).on("connect", resolve); }));
  assert.equal((await answered).status, "OK");
  await closed;
  assert.ok(systemClock.monotonicMs() - startedAtMs < 3_000);
  await server[Symbol.asyncDispose]();
});

test("what does not end by the deadline is cut", async () => {
  const server = await open(createMemoryModelServer(REFERENCE_MODELS));
  const answered = server.client.call("ModelInfer", slow(4_000));
  await systemClock.sleep(80);
  const startedAtMs = systemClock.monotonicMs();
  await server.listener.close(100);
  assert.ok(systemClock.monotonicMs() - startedAtMs < 2_000);
  assert.notEqual((await answered).status, "OK");
  await server[Symbol.asyncDispose]();
});

test("a message above the limit is RESOURCE_EXHAUSTED", async () => {
  await using server = await open(createMemoryModelServer(REFERENCE_MODELS), 100_000);
  const answer = await server.client.call("ModelInfer", { model_name: "identity_fp32", inputs: [{ name: "INPUT0", datatype: "FP32", shape: [1, 50_000] }], raw_input_contents: [Buffer.alloc(200_000)] });
  assert.equal(answer.status, "RESOURCE_EXHAUSTED");
});

test("Watch tells the state now, when it changes, and that it ends", async () => {
  const models = createMemoryModelServer(REFERENCE_MODELS);
  const server = await open(models);
  const { path, requestSerialize, responseDeserialize } = HEALTH_SERVICE["Watch"] as MethodDefinition<object, { readonly status: string }>;
  const seen: string[] = [];
  const stream = server.raw.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "" });
  const ended = new Promise<void>((resolve) => { stream.on("data", ({ status }: { readonly status: string }) => seen.push(status)).on("end", resolve).on("error", () => resolve()); });
  while (seen.length < 1) await systemClock.sleep(10);
  models.ready = false;
  while (seen.length < 2) await systemClock.sleep(10);
  models.ready = true;
  while (seen.length < 3) await systemClock.sleep(10);
  await server[Symbol.asyncDispose]();
  await ended;
  assert.deepEqual(seen, ["SERVING", "NOT_SERVING", "SERVING", "NOT_SERVING"]);
});

test("a connection that is no gRPC harms nobody, and a taken port is said so", async () => {
  await using server = await open(createMemoryModelServer(REFERENCE_MODELS));
  await new Promise((resolve) => {
    const socket = connect(server.listener.port, "127.0.0.1", () => socket.end("GET / HTTP/1.1\r\n\r\n"));
    socket.on("close", resolve).on("error", resolve).resume();
  });
  assert.deepEqual((await server.client.call("ServerLive", {})).message, { live: true });
  await assert.rejects(openGrpcListener({ host: "127.0.0.1", port: server.listener.port, protocol: { models: createMemoryModelServer([]), clock: systemClock, maxBodyBytes: 1 } }), { code: "PORT_IN_USE" });
});
