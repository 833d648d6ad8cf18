import assert from "node:assert/strict";
import { test } from "node:test";
import { isStrataError } from "../kernel/errors.ts";
import {
  defineApplication, defineInferenceGraph, defineServedModel, describeApplication, ensemble, functionModel, onnxModel, openInferenceModel, sequence, splitter, step, switchOn, tensor,
} from "./index.ts";
import type { GraphStep, InferenceGraph, ServedModel, ServedModelOptions } from "./index.ts";

const row = tensor("FP32", [-1, 1]);
const source = functionModel({ inputs: { x: row }, outputs: { y: row }, infer: ({ x }) => ({ y: x }) });
const whole = functionModel({ inputs: { x: tensor("INT64", [-1, 1]) }, outputs: { y: tensor("INT64", [-1, 1]) }, infer: ({ x }) => ({ y: x }) });
const floats = defineServedModel("floats", { source });
const integers = defineServedModel("integers", { source: whole });
const file = defineServedModel("file", { source: onnxModel("a.onnx") });

function problemsOf(...resources: readonly (ServedModel | InferenceGraph)[]): readonly string[] {
  try {
    defineApplication("app", resources);
    return [];
  } catch (thrown) {
    assert.ok(isStrataError(thrown) && thrown.code === "DEFINITION_INVALID", String(thrown));
    return thrown.problems.map(({ path, code }) => `${path}|${code}`);
  }
}
const modelProblems = (options: ServedModelOptions): readonly string[] => problemsOf(defineServedModel("m", options)).map((problem) => problem.replace("servedModels.m.", ""));
const graphOf = (root: GraphStep, outputs = { y: row }): InferenceGraph => defineInferenceGraph("g", { inputs: { x: row }, outputs, root });
const graphProblems = (root: GraphStep): readonly string[] => problemsOf(graphOf(root)).map((problem) => problem.replace("graphs.g.", ""));

test("served models: each mistake is a problem with its place", () => {
  assert.deepEqual(modelProblems({ source }), []);
  assert.deepEqual(modelProblems({}), ["versions|empty"]);
  assert.deepEqual(modelProblems({ versions: { v1: source, "0": source } }), ["versions.0|bad-version", "versions.v1|bad-version"]);
  assert.deepEqual(modelProblems({ source, policy: { kind: "specific", versions: ["2"] }, aliases: { best: "3", "1a": "1" } }), ["policy|unknown-version", "aliases.best|unknown-version", "aliases.1a|bad-name"]);
  assert.deepEqual(modelProblems({ source, batching: { maxRows: 0, maxQueueRows: 1.5, preferredRows: [9] }, instances: 65, cacheEntries: -1 }),
    ["batching.maxRows|out-of-range", "batching.maxQueueRows|out-of-range", "batching.preferredRows|out-of-range", "instances|out-of-range", "cacheEntries|out-of-range"]);
  assert.deepEqual(modelProblems({ source: openInferenceModel({ url: ["http://a", "http://a", "ftp://b", "c"] }) }), ["versions.1|bad-url", "versions.1|bad-url", "versions.1|duplicate"]);
  const fixed = functionModel({ inputs: { x: tensor("FP32", [4]) }, outputs: { y: tensor("FP32", [-1, 0.5]) }, infer: () => ({ y: { shape: [1], data: new Float32Array(1) } }) });
  assert.deepEqual(modelProblems({ source: fixed }), ["versions.1.y|bad-shape", "versions.1.x|no-batch-dimension"]);
  assert.deepEqual(problemsOf(defineServedModel("Bad", { source })), ["servedModels.Bad|bad-name"]);
});

test("graphs: an edge from nowhere, of the wrong type or to nowhere is a problem", () => {
  assert.deepEqual(graphProblems(step(floats)), []);
  assert.deepEqual(graphProblems(step(floats, { inputs: { x: "z" } })), ["root.inputs.x|unknown-tensor"]);
  assert.deepEqual(graphProblems(step(floats, { inputs: { q: "x" } })), ["root.inputs.q|unknown-input"]);
  assert.deepEqual(graphProblems(step(floats, { outputs: { q: "z" } })), ["root.outputs.q|unknown-output"]);
  assert.deepEqual(graphProblems(step(floats, { version: "9" })), ["root|unknown-version"]);
  assert.deepEqual(graphProblems(step(integers)), ["root.inputs.x|datatype-mismatch", "outputs.y|datatype-mismatch"]);
  assert.deepEqual(graphProblems(step(floats, { outputs: { y: "other" } })), ["outputs.y|unknown-tensor"]);
  assert.deepEqual(graphProblems(sequence(step(floats, { outputs: { y: "a" } }), step(floats, { inputs: { x: "a" } }))), []);
});

test("graphs: what an ONNX file makes is not known, so it is not a problem before it is loaded", () => {
  assert.deepEqual(graphProblems(sequence(step(file), step(floats, { inputs: { x: "logits" } }))), []);
  assert.deepEqual(graphProblems(step(file, { inputs: { pixels: "image" } })), ["root.inputs.pixels|unknown-tensor"]);
});

test("graphs: splits need weights, switches cases, ensembles members that can be joined", () => {
  assert.deepEqual(graphProblems(splitter({ weight: 0, to: step(floats) }, { weight: 1, to: step(floats) }, { weight: Number.NaN, to: step(floats) })), ["root.arms.0|bad-weight", "root.arms.2|bad-weight"]);
  assert.deepEqual(graphProblems(splitter()), ["root|empty", "outputs.y|unknown-tensor"]);
  assert.deepEqual(graphProblems(switchOn([{ when: () => true, to: step(floats) }], step(floats, { outputs: { y: "z" } }))), ["outputs.y|unknown-tensor"]);
  assert.deepEqual(graphProblems(ensemble({ a: step(floats), b: step(floats) })), ["root.members.b|duplicate-tensor"]);
  assert.deepEqual(graphProblems(ensemble({ a: step(floats), b: step(floats) }, "mean")), []);
  assert.deepEqual(graphProblems(ensemble({ a: step(floats), b: step(floats, { outputs: { y: "z" } }) }, "mean")), ["root|nothing-in-common", "outputs.y|unknown-tensor"]);
  assert.deepEqual(graphProblems(ensemble({ a: step(floats) }, () => ({}))), []);
});

test("a graph that reaches itself is a cycle, and a name belongs to one model", () => {
  const inner = graphOf(step(floats));
  const outer = defineInferenceGraph("g", { inputs: { x: row }, outputs: { y: row }, root: step(inner) });
  assert.ok(problemsOf(outer).includes("graphs.g.root|cycle"));
  assert.deepEqual(problemsOf(floats, defineInferenceGraph("floats", { inputs: { x: row }, outputs: { y: row }, root: step(floats) })), ["graphs.floats|duplicate-name"]);
});

test("a graph brings its members along, and its document is plain", () => {
  const application = defineApplication("app", [graphOf(sequence(step(floats, { outputs: { y: "a" } }), switchOn([{ when: ({ x }) => x !== undefined, to: step(file) }])))]);
  assert.deepEqual([...application.servedModels.keys()], ["floats", "file"]);
  const document = describeApplication(application).resources.graphs["g"]!;
  assert.deepEqual(document["members"], ["floats", "file"]);
  assert.match(JSON.stringify(document["root"]), /x !== undefined/);
  assert.doesNotMatch(JSON.stringify(document["root"]), /resource/);
});

/** Not called: the compiler checks it. */
export const mistakes = (): void => {
  // @ts-expect-error the input of another name
  functionModel({ inputs: { x: row }, outputs: { y: row }, infer: ({ z }) => ({ y: z }) });
  // @ts-expect-error an output of another datatype
  functionModel({ inputs: { x: row }, outputs: { y: tensor("INT64", [-1, 1]) }, infer: ({ x }) => ({ y: x }) });
  // @ts-expect-error an output that is missing
  functionModel({ inputs: { x: row }, outputs: { y: row, z: row }, infer: ({ x }) => ({ y: x }) });
  // @ts-expect-error a way to combine that does not exist
  ensemble({ a: step(floats) }, "median");
};
