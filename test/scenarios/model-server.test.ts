/**
 * The model server over HTTP while callers never stop: models are loaded, reloaded, replaced by another definition and
 * unloaded, and no request fails for it. What a request went through can be asked afterwards.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defineApplication, defineInferenceGraph, defineServedModel, functionModel, onnxModel, sequence, step, tensor } from "strata";
import type { Application } from "strata";
import { createRandom } from "strata/testing";
import type { Platform } from "strata/testing";
import { mlpBytes } from "./onnx-builder.ts";
import { openTestPlatform, send, temporaryFolder } from "./platform-kit.ts";
import { startSteadyLoad } from "./steady-load.ts";

const number = tensor("FP64", [-1, 1]);
const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

function times(factor: number, pauseMs = 2) {
  return functionModel({
    inputs: { x: number }, outputs: { y: number },
    infer: async ({ x }) => {
      await pause(pauseMs);
      return { y: { shape: x.shape, data: x.data.map((value) => factor * value) } };
    },
  });
}

const applicationOf = (factor: number): Application => defineApplication("served", [
  defineServedModel("times", { description: `times ${factor}`, source: times(factor), batching: { maxRows: 8 } }),
  defineServedModel("later", { source: times(factor), load: "demand" }),
]);

const ask = async ({ url }: Platform, model: string, body: object = {}) => send(url, { path: `/v2/models/${model}/infer`, body: { inputs: [{ name: "x", datatype: "FP64", shape: [1, 1], data: [3] }], ...body } });
const control = async ({ url }: Platform, action: string, body: object = {}): Promise<void> => {
  const answer = await send(url, { path: `/v2/repository/models/${action}`, body });
  assert.equal(answer.status, 200, answer.text);
};

test("reloads, new definitions and an unload under load fail no request", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(applicationOf(2), { dataDir: folder.path });
  const load = startSteadyLoad({ url: platform.url, model: "times", connections: 24 });
  await using _stopped = { [Symbol.asyncDispose]: () => load.stop() };
  for (let factor = 3; factor < 7; factor++) {
    await pause(60);
    await platform.apply(applicationOf(factor));
    await control(platform, "times/load");
    assert.deepEqual((await ask(platform, "times")).json, { model_name: "times", model_version: "1", outputs: [{ name: "y", datatype: "FP64", shape: [1, 1], data: [3 * factor] }] });
  }
  await control(platform, "later/load");
  await control(platform, "later/unload");
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.answered > 100, `${load.answered} answers are too few to tell`);
  await control(platform, "times/unload");
  assert.equal((await ask(platform, "times")).status, 503);
  assert.equal((await send(platform.url, { path: "/v2/models/times/ready" })).status === 200, false);
});

test("a model on demand comes up under load: callers wait for it, none is refused", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(applicationOf(2), { dataDir: folder.path });
  assert.match((await send(platform.url, { path: "/v2/repository/index", body: {} })).text, /"later".*UNAVAILABLE.*not loaded yet/);
  const load = startSteadyLoad({ url: platform.url, model: "later", connections: 100 });
  await pause(300);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.answered >= 100);
});

test("ONNX files of a definition and of a repository, a graph over both, and what a request went through", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  const random = createRandom(5);
  const file = join(folder.path, "net.onnx");
  writeFileSync(file, mlpBytes([2, 3], () => random.next()));
  mkdirSync(join(folder.path, "models", "stored", "3"), { recursive: true });
  writeFileSync(join(folder.path, "models", "stored", "3", "model.onnx"), mlpBytes([1, 2], () => random.next()));
  const net = defineServedModel("net", { source: onnxModel(file), cacheEntries: 10 });
  const pick = defineServedModel("pick", {
    source: functionModel({
      inputs: { y: tensor("FP32", [-1, 3]) }, outputs: { best: tensor("INT64", [-1]) },
      infer: ({ y }) => ({ best: { shape: [y.shape[0]!], data: BigInt64Array.from({ length: y.shape[0]! }, (_, row) => { const scores = [...y.data.subarray(3 * row, 3 * row + 3)]; return BigInt(scores.indexOf(Math.max(...scores))); }) } }),
    }),
  });
  const graph = defineInferenceGraph("classify", { inputs: { x: tensor("FP32", [-1, 2]) }, outputs: { best: tensor("INT64", [-1]) }, root: sequence(step(net), step(pick)) });
  await using platform = await openTestPlatform(defineApplication("served", [graph]), { dataDir: join(folder.path, "data"), settings: { modelRepository: join(folder.path, "models") } });
  const { url } = platform;
  const inputs = [{ name: "x", datatype: "FP32", shape: [2, 2], data: [1, 2, 3, 4] }];

  const answer = await send(url, { path: "/v2/models/classify/infer", body: { id: "request-1", inputs } });
  const best = (answer.json as { readonly outputs: readonly { readonly data: readonly number[] }[] }).outputs[0]!.data;
  const scores = ((await send(url, { path: "/v2/models/net/infer", body: { inputs } })).json as { readonly outputs: readonly { readonly data: readonly number[] }[] }).outputs[0]!.data;
  assert.deepEqual(best, [0, 1].map((row) => { const mine = scores.slice(3 * row, 3 * row + 3); return mine.indexOf(Math.max(...mine)); }));

  const { requests } = (await send(url, { path: "/v1/explain?id=request-1" })).json as { readonly requests: readonly { readonly model: string; readonly sentence: string }[] };
  assert.deepEqual(requests.map(({ model }) => model), ["classify", "pick", "net"]);
  assert.match(requests[2]!.sentence, /instance was free/);
  const [again] = ((await send(url, { path: "/v1/explain?model=net&limit=1" })).json as { readonly requests: readonly { readonly sentence: string }[] }).requests;
  assert.equal(again!.sentence, "It was answered from the cache.");
  assert.equal((await send(url, { path: "/v1/explain?limit=0" })).status, 400);

  assert.equal((await send(url, { path: "/v2/models/stored/versions/3/ready" })).status, 200);
  const metrics = (await send(url, { path: "/metrics" })).text;
  for (const line of [/strata_inference_requests_total\{model="net",version="1"\} 2/, /strata_inference_cache_hits_total\{model="net",version="1"\} 1/, /strata_model_batch_rows_count\{model="net",version="1"\} 1/]) assert.match(metrics, line);
});
