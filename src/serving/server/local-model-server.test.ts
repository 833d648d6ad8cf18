import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { codeOf, floats, mapModel, numbersOf, openTestServer, testRuntimes } from "../../../test/serving/model-server-kit.ts";
import { mlpBytes } from "../../../test/scenarios/onnx-builder.ts";
import { defineInferenceGraph, defineServedModel, step, tensor } from "../../define/index.ts";
import type { ServedModelOptions } from "../../define/index.ts";
import { createModelFolder } from "../../engines/embedded/model-folder.ts";
import { createRandom } from "../../kernel/random.ts";
import { createFunctionModel } from "../models/function-model.ts";
import type { LocalModelServer } from "./local-model-server.ts";
import { planOfServedModel } from "./model-plan.ts";

const times = (factor: number) => mapModel((value) => factor * value);
const modelOf = (name: string, options: ServedModelOptions) => defineServedModel(name, options);
const ask = async (server: LocalModelServer, model: string, version?: string): Promise<number | string> =>
  server.infer({ model, ...(version !== undefined && { version }), inputs: [floats("x", 1)] }).then(({ outputs }) => numbersOf(outputs, "y")[0]!, codeOf);
const states = (server: LocalModelServer): readonly string[] => server.index().map(({ name, version, state, reason }) => `${name}/${version} ${state}${reason === "" ? "" : ` (${reason})`}`);
const three = { "1": times(1), "2": times(2), "10": times(10) };

test("versions stand side by side by number; the policy says which are loaded, aliases name them", async () => {
  await using server = await openTestServer([
    modelOf("latest", { versions: three, aliases: { stable: "10" } }),
    modelOf("two", { versions: three, policy: { kind: "latest", count: 2 }, aliases: { stable: "2" } }),
    modelOf("all", { versions: three, policy: { kind: "all" } }),
    modelOf("some", { versions: three, policy: { kind: "specific", versions: ["1"] } }),
  ]);
  assert.deepEqual(states(server), ["all/1 READY", "all/2 READY", "all/10 READY", "latest/10 READY", "some/1 READY", "two/2 READY", "two/10 READY"]);
  assert.deepEqual(await Promise.all([ask(server, "latest"), ask(server, "two", "stable"), ask(server, "two"), ask(server, "all", "1"), ask(server, "some")]), [10, 2, 10, 1, 1]);
  assert.deepEqual(await Promise.all([ask(server, "latest", "1"), ask(server, "two", "nobody"), ask(server, "nobody")]), ["MODEL_VERSION_NOT_FOUND", "MODEL_VERSION_NOT_FOUND", "MODEL_NOT_FOUND"]);
  assert.deepEqual((await server.metadata("two")).versions, ["2", "10"]);
  assert.ok(server.isReady());
});

test("what does not fit the signature is refused with the tensor's name and the reason", async () => {
  await using server = await openTestServer([modelOf("m", { source: times(2) })]);
  const refused = (inputs: Parameters<LocalModelServer["infer"]>[0]["inputs"], outputs?: readonly string[]): Promise<string> =>
    server.infer({ model: "m", inputs, ...(outputs && { outputs }) }).then(() => "answered", (thrown: Error) => `${codeOf(thrown)}: ${thrown.message}`);
  const x = floats("x", 1, 2);
  const cases: readonly (readonly [Promise<string>, RegExp])[] = [
    [refused([]), /missing input "x"/], [refused([x, x]), /"x" is given twice/], [refused([x, floats("z", 1)]), /unknown input "z"; the input is "x"/],
    [refused([{ ...x, datatype: "FP64", data: Float64Array.of(1, 2) }]), /"x" has datatype FP64; expected FP32/], [refused([{ ...x, shape: [2] }]), /"x" has shape \[2\]; expected \[any,1\]/],
    [refused([{ ...x, shape: [3, 1] }]), /"x" has 2 elements; its shape asks for 3/], [refused([{ ...x, shape: [0, 1], data: new Float32Array(0) }]), /"x" has no rows/], [refused([x], ["votes"]), /unknown output "votes"; the output is "y"/],
  ];
  for (const [message, says] of cases) {
    assert.match(await message, says);
    assert.match(await message, /^INFERENCE_INVALID/);
  }
});

test("a reload swaps without a failed request, and an unload waits for what is in flight", async () => {
  let factor = 2;
  const slow = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 5); });
  const plan = () => { const now = factor; return planOfServedModel(modelOf("m", { source: mapModel((value) => now * value, slow), batching: { maxRows: 2 } }), (file) => file); };
  await using server = await openTestServer([]);
  await server.apply([plan()]);
  const answers: Promise<number | string>[] = [];
  const load = setInterval(() => { for (let i = 0; i < 5; i++) answers.push(ask(server, "m")); }, 2);
  for (factor = 3; factor < 8; factor++) {
    await new Promise((resolve) => { setTimeout(resolve, 15); });
    await server.apply([plan()]);
    await server.load("m");
  }
  const last = Array.from({ length: 20 }, () => ask(server, "m"));
  clearInterval(load);
  await server.unload("m");
  assert.deepEqual(new Set(await Promise.all(last)), new Set([7]));
  const all = await Promise.all(answers);
  assert.ok(all.length > 50 && all.every((answer) => typeof answer === "number"), `${all.filter((answer) => typeof answer === "string").length} of ${all.length} requests failed`);
  assert.deepEqual(states(server), ["m/1 UNAVAILABLE (unloaded)"]);
  assert.equal(await ask(server, "m"), "MODEL_UNAVAILABLE");
  assert.equal(await server.isModelReady("m"), false);
  await server.load("m");
  assert.equal(await ask(server, "m"), 7);
});

test("a model on demand is loaded by its first requests, which wait for one load together", async () => {
  let opened = 0;
  const runtimes = {
    ...testRuntimes,
    openRemote: async () => {
      opened++;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
      return createFunctionModel(times(4), "remote");
    },
  };
  await using server = await openTestServer([modelOf("m", { source: { kind: "open-inference", urls: ["http://nowhere"], model: undefined, version: undefined }, load: "demand" })], { runtimes });
  assert.deepEqual([states(server), opened, server.isReady()], [["m/1 UNAVAILABLE (not loaded yet)"], 0, true]);
  const answers = Array.from({ length: 500 }, () => ask(server, "m"));
  await new Promise((resolve) => { setTimeout(resolve, 10); });
  assert.deepEqual(states(server), ["m/1 LOADING"]);
  assert.deepEqual([new Set(await Promise.all(answers)), opened], [new Set([4]), 1]);
});

test("a model that cannot be loaded says why, and is tried again later but not by every request", async () => {
  let attempts = 0, isUp = false;
  const runtimes = { ...testRuntimes, openRemote: () => { attempts++; return isUp ? Promise.resolve(createFunctionModel(times(4), "remote")) : Promise.reject(new Error("nobody there")); } };
  let nowMs = 0;
  const clock = { now: () => Date.now(), monotonicMs: () => nowMs, sleep: () => new Promise<void>(() => undefined) };
  await using server = await openTestServer([modelOf("m", { source: { kind: "open-inference", urls: ["http://nowhere"], model: undefined, version: undefined } })], { runtimes, clock });
  assert.deepEqual([states(server), server.isReady(), attempts], [["m/1 UNAVAILABLE (failed to load 'm': nobody there)"], false, 1]);
  assert.equal(await ask(server, "m"), "MODEL_UNAVAILABLE");
  assert.equal(attempts, 1);
  nowMs += 3_000;
  assert.deepEqual([await Promise.all([ask(server, "m"), ask(server, "m")]), attempts], [["MODEL_UNAVAILABLE", "MODEL_UNAVAILABLE"], 2]);
  isUp = true;
  nowMs += 3_000;
  assert.deepEqual([await ask(server, "m"), attempts, server.isReady()], [4, 3, true]);
});

test("models on demand make room for each other, the one unused longest first; those in use are not touched", async () => {
  const sized = (bytes: number) => ({ ...createFunctionModel(times(1), "m"), memoryBytes: bytes });
  const runtimes = { ...testRuntimes, openRemote: async ({ urls }: { readonly urls: readonly string[] }) => sized(Number(new URL(urls[0]!).port) * 10) };
  const remote = (port: number, load: "start" | "demand" = "demand"): ServedModelOptions => ({ source: { kind: "open-inference", urls: [`http://h:${port}`], model: undefined, version: undefined }, load });
  await using server = await openTestServer([modelOf("a", remote(30)), modelOf("b", remote(30)), modelOf("c", remote(30)), modelOf("pinned", remote(20, "start")), modelOf("huge", remote(900))], { runtimes, memoryBytes: 1_000 });
  for (const name of ["a", "b", "a", "c"]) assert.equal(await ask(server, name), 1);
  assert.deepEqual(states(server).filter((state) => state.includes("READY")), ["a/1 READY", "c/1 READY", "pinned/1 READY"]);
  assert.match(states(server).join(), /b\/1 UNAVAILABLE \(made room for "c"\)/);
  assert.equal(await ask(server, "huge"), "MODEL_MEMORY_EXCEEDED");
  assert.equal(await ask(server, "b"), 1);
});

test("a repository folder is served, loaded anew and overridden; uploads live in memory only", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-models-"));
  const random = createRandom(1);
  const put = (path: string, content: Uint8Array | string): void => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  try {
    put("net/1/model.onnx", mlpBytes([1, 4, 1], () => random.next()));
    put("net/model.json", JSON.stringify({ batching: { maxRows: 16, maxDelay: "1ms" }, aliases: { best: "1" }, policy: "all" }));
    put("broken/1/model.onnx", "this is no ONNX");
    put("unset/1/model.onnx", mlpBytes([1, 2], () => 1));
    put("unset/model.json", JSON.stringify({ batching: { maxRow: 16 } }));
    put("not-a-model/readme.txt", "");
    await using server = await openTestServer([], { repository: createModelFolder(folder) });
    assert.deepEqual(server.models(), ["broken", "net"]);
    const [broken, net, unset] = server.index();
    assert.deepEqual([broken!.state, net!.state, unset!.state], ["UNAVAILABLE", "READY", "UNAVAILABLE"]);
    assert.match(unset!.reason, /batching.*maxRow/);
    assert.equal((await server.config("net"))["max_batch_size"], 16);
    assert.equal(typeof await ask(server, "net", "best"), "number");

    put("net/2/model.onnx", mlpBytes([1, 3, 1], () => random.next()));
    await server.load("net");
    assert.deepEqual((await server.metadata("net")).versions, ["1", "2"]);
    await server.load("net", { config: JSON.stringify({ max_batch_size: 4, version_policy: { specific: { versions: [2] } }, dynamic_batching: { max_queue_delay_microseconds: 500 } }) });
    const config = await server.config("net");
    assert.deepEqual([config["max_batch_size"], (config["dynamic_batching"] as { readonly max_queue_delay_microseconds: number }).max_queue_delay_microseconds, (await server.metadata("net")).versions], [4, 500, ["2"]]);
    const refused = await server.load("net", { config: "{\"max_batch_size\": -1}" }).catch((thrown: Error) => thrown.message);
    assert.match(String(refused), /failed to load 'net': .*max_batch_size/);

    await server.load("uploaded", { files: new Map([["7/model.onnx", mlpBytes([1, 1], () => 0.75)]]) });
    assert.equal(typeof await ask(server, "uploaded", "7"), "number");
    assert.match(String(await server.load("uploaded", { files: new Map([["model.onnx", new Uint8Array(1)]]) }).catch((thrown: Error) => thrown.message)), /expected <version>\/model\.onnx/);
    assert.match(String(await server.load("uploaded", { files: new Map([["8/model.onnx", new Uint8Array(9)]]) }).catch((thrown: Error) => thrown.message)), /failed to load 'uploaded'/);
    assert.equal(typeof await ask(server, "uploaded", "7"), "number", "what was serving goes on");
    assert.equal(await server.load("../net").catch(codeOf), "MODEL_NOT_FOUND");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("answers come from the cache for the same bytes, and statistics tell them apart", async () => {
  let runs = 0;
  await using server = await openTestServer([modelOf("m", { source: mapModel((value) => { runs++; return -value; }), cacheEntries: 2 })]);
  const infer = (...values: readonly number[]) => server.infer({ model: "m", inputs: [floats("x", ...values)] });
  const [first] = [await infer(1), await infer(1), await infer(2), await infer(3), await infer(1)];
  assert.deepEqual([runs, numbersOf(first.outputs, "y")], [4, [-1]], "1, 2, 3, and 1 again after it was pushed out");
  assert.equal((await infer(1)).note.reason, "answered from cache");
  const [{ success, cacheHit, cacheMiss, inferenceCount, executionCount } = assert.fail()] = server.statistics("m");
  assert.deepEqual([success.count, cacheHit.count, cacheMiss.count, inferenceCount, executionCount], [6, 2, 4, 4, 4]);
});

test("statistics count as Triton does: requests, rows, executions, and durations once per request", async () => {
  await using server = await openTestServer([modelOf("m", { source: mapModel((value) => { if (value === 13) throw new Error("thirteen"); return value; }), versions: {} })]);
  await Promise.all([1, 2, 3].map((value) => server.infer({ model: "m", inputs: [floats("x", value, value)] })));
  await server.infer({ model: "m", inputs: [floats("x", 13)] }).catch(() => undefined);
  const [statistics = assert.fail()] = server.statistics("m", "1");
  const { success, fail, queue, computeInfer, inferenceCount, executionCount, batches, lastInferenceMs } = statistics;
  assert.deepEqual([success.count, fail.count, queue.count, computeInfer.count, inferenceCount, executionCount], [3, 1, 3, 3, 6, 1]);
  assert.deepEqual(batches.map(({ rows, computeInfer: infer }) => [rows, infer.count]), [[6, 1]]);
  assert.ok(success.ns >= queue.ns && computeInfer.ns >= 3 * batches[0]!.computeInfer.ns - 3 && lastInferenceMs > 1e12);
  assert.deepEqual(server.statistics("m", "2"), []);
  assert.throws(() => server.statistics("nobody"), (thrown) => codeOf(thrown) === "MODEL_NOT_FOUND");
});

test("explain tells how requests ran, failed ones too, newest first", async () => {
  await using server = await openTestServer([modelOf("m", { source: times(2) }), modelOf("other", { source: times(3) })]);
  await Promise.all(["a", "b"].map((id) => server.infer({ id, model: "m", inputs: [floats("x", 1)] })));
  await server.infer({ id: "c", model: "m", inputs: [] }).catch(() => undefined);
  await ask(server, "other");
  const found = server.explain({ model: "m" });
  assert.deepEqual(found.map(({ id, outcome, code, note }) => [id, outcome, code, note.requests]), [["c", "failed", "INFERENCE_INVALID", 0], ["b", "answered", undefined, 2], ["a", "answered", undefined, 2]]);
  assert.match(found[2]!.sentence, /^It waited .* ms, left at once because an instance was free, and ran .* ms with 1 other request \(2 rows\)\.$/);
  assert.match(found[0]!.sentence, /^It failed with INFERENCE_INVALID after .* ms: .*missing input "x"$/);
  assert.deepEqual([server.explain({ id: "b" }).length, server.explain({ limit: 2 }).length, server.explain({ id: "x" })], [1, 2, []]);
});

test("unloading a graph with its members unloads them too", async () => {
  const row = tensor("FP32", [-1, 1]);
  const member = modelOf("member", { source: times(2) });
  const graph = defineInferenceGraph("graph", { inputs: { x: row }, outputs: { y: row }, root: step(member) });
  await using server = await openTestServer([member, graph]);
  await server.unload("graph");
  assert.deepEqual([await ask(server, "graph"), await ask(server, "member")], ["MODEL_UNAVAILABLE", 2]);
  await server.load("graph");
  await server.unload("graph", { unloadDependents: true });
  assert.equal(await ask(server, "member"), "MODEL_UNAVAILABLE");
});
