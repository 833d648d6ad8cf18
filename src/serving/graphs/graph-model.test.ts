import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, floats, mapModel, numbersOf, openTestServer } from "../../../test/serving/model-server-kit.ts";
import { defineInferenceGraph, defineServedModel, ensemble, functionModel, sequence, splitter, step, switchOn, tensor } from "../../define/index.ts";
import type { GraphStep, InferenceGraph } from "../../define/index.ts";

const row = tensor("FP32", [-1, 1]);
const double = defineServedModel("double", { source: mapModel((value) => 2 * value) });
const increment = defineServedModel("increment", { source: mapModel((value) => value + 1) });
const broken = defineServedModel("broken", { source: mapModel(() => { throw new Error("it broke"); }) });

const graphOf = (root: GraphStep, outputs: Parameters<typeof defineInferenceGraph>[1]["outputs"] = { y: row }): InferenceGraph => defineInferenceGraph("graph", { inputs: { x: row }, outputs, root });
const models = [double, increment, broken];
const ask = async (root: GraphStep, values: readonly number[], options: { readonly outputs?: Parameters<typeof graphOf>[1]; readonly routingKey?: string; readonly id?: string } = {}) => {
  await using server = await openTestServer([...models, graphOf(root, options.outputs)]);
  const { routingKey, id } = options;
  const answer = await server.infer({ model: "graph", inputs: [floats("x", ...values)], ...(routingKey !== undefined && { routingKey }), ...(id !== undefined && { id }) });
  return { answer, explained: server.explain(id === undefined ? {} : { id }) };
};

test("a sequence feeds each step from those before it, under the names the steps say", async () => {
  const { answer, explained } = await ask(sequence(step(double, { outputs: { y: "doubled" } }), step(increment, { inputs: { x: "doubled" } })), [1, 2], { id: "r1" });
  assert.deepEqual(numbersOf(answer.outputs, "y"), [3, 5]);
  assert.deepEqual(explained.map((one) => one.model), ["graph", "increment", "double"], "every step of a request is explained under its id");
});

test("a switch takes the first case that fits, or otherwise, or refuses", async () => {
  const isLarge = { when: (tensors: Readonly<Record<string, { readonly data: ArrayLike<unknown> }>>) => Number(tensors["x"]!.data[0]) > 10, to: step(double) };
  assert.deepEqual(numbersOf((await ask(switchOn([isLarge], step(increment)), [20])).answer.outputs, "y"), [40]);
  assert.deepEqual(numbersOf((await ask(switchOn([isLarge], step(increment)), [2])).answer.outputs, "y"), [3]);
  assert.equal(await ask(switchOn([isLarge]), [2]).catch(codeOf), "INFERENCE_INVALID");
});

test("a splitter keeps a caller on one arm, and the arms have their weights", async () => {
  await using server = await openTestServer([...models, graphOf(splitter({ weight: 3, to: step(double) }, { weight: 1, to: step(increment) }))]);
  const arm = async (routingKey: string): Promise<number> => numbersOf((await server.infer({ model: "graph", inputs: [floats("x", 5)], routingKey })).outputs, "y")[0]!;
  const first = await Promise.all(Array.from({ length: 1_000 }, (_, i) => arm(`user-${i}`)));
  const again = await Promise.all(Array.from({ length: 1_000 }, (_, i) => arm(`user-${i}`)));
  assert.deepEqual(again, first);
  const doubled = first.filter((value) => value === 10).length;
  assert.ok(Math.abs(doubled - 750) < 60, `${doubled} of 1,000 went to the arm of weight 3 of 4`);
});

test("an ensemble joins its members: side by side, mean, concatenated, by a function", async () => {
  const members = { a: step(double), b: step(increment) };
  const [beside, mean, joined, chosen] = await Promise.all([
    ask(ensemble({ a: step(double, { outputs: { y: "d" } }), b: step(increment, { outputs: { y: "i" } }) }), [3], { outputs: { d: row, i: row } }),
    ask(ensemble(members, "mean"), [3, 7]),
    ask(ensemble(members, "concatenate"), [3, 7], { outputs: { y: tensor("FP32", [-1, 2]) } }),
    ask(ensemble(members, (tensors) => ({ y: tensors["b.y"]! })), [3]),
  ]);
  assert.deepEqual([numbersOf(beside.answer.outputs, "d"), numbersOf(beside.answer.outputs, "i")], [[6], [4]]);
  assert.deepEqual(numbersOf(mean.answer.outputs, "y"), [5, 11]);
  assert.deepEqual(numbersOf(joined.answer.outputs, "y"), [6, 4, 14, 8]);
  assert.deepEqual(numbersOf(chosen.answer.outputs, "y"), [4]);
});

test("steps that do not need each other run at once; those that do wait", async () => {
  let running = 0, most = 0;
  const slow = (name: string) => defineServedModel(name, {
    source: functionModel({
      inputs: { x: row }, outputs: { y: row },
      infer: async ({ x }) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => { setTimeout(resolve, 20); });
        running--;
        return { y: x };
      },
    }),
  });
  const a = slow("a"), b = slow("b"), c = slow("c");
  const graph = graphOf(sequence(step(a, { outputs: { y: "first" } }), step(b, { outputs: { y: "second" } }), step(c, { inputs: { x: "first" } })));
  await using server = await openTestServer([a, b, c, graph]);
  await server.infer({ model: "graph", inputs: [floats("x", 1)] });
  assert.equal(most, 2);
});

test("the first step that fails ends the request with its own error, and the others are told to stop", async () => {
  let finished = 0;
  const slow = defineServedModel("slow", { source: mapModel((value) => value, async () => { await new Promise((resolve) => { setTimeout(resolve, 30); }); finished++; }) });
  const graph = graphOf(ensemble({ bad: step(broken, { outputs: { y: "bad" } }), slow: sequence(step(slow), step(slow), step(slow)) }));
  await using server = await openTestServer([broken, slow, graph]);
  const failure = await server.infer({ model: "graph", inputs: [floats("x", 1)] }).catch((thrown: unknown) => thrown);
  assert.match(String(failure), /"broken.*it broke/);
  await new Promise((resolve) => { setTimeout(resolve, 120); });
  assert.ok(finished <= 1, `${finished} steps ran to their end after the request had failed`);
});

test("a deadline and a caller who leaves reach the steps", async () => {
  const slow = defineServedModel("slow", { source: mapModel((value) => value, () => new Promise((resolve) => { setTimeout(resolve, 40); })) });
  const graph = graphOf(sequence(step(slow, { outputs: { y: "a" } }), step(slow, { inputs: { x: "a" } })));
  await using server = await openTestServer([slow, graph]);
  const inputs = [floats("x", 1)];
  assert.equal(await server.infer({ model: "graph", inputs, deadlineAtMs: performance.now() + 20 }).catch(codeOf), "DEADLINE_EXCEEDED");
  const leaving = new AbortController();
  const left = server.infer({ model: "graph", inputs, signal: leaving.signal }).catch(codeOf);
  setTimeout(() => leaving.abort(), 10);
  assert.equal(await left, "ABORTED");
});

test("graphs nest, and what a graph does not make is its failure", async () => {
  const inner = defineInferenceGraph("inner", { inputs: { x: row }, outputs: { y: row }, root: step(double) });
  const outer = defineInferenceGraph("outer", { inputs: { x: row }, outputs: { y: row }, root: sequence(step(inner, { outputs: { y: "z" } }), step(increment, { inputs: { x: "z" } })) });
  await using server = await openTestServer([double, increment, inner, outer]);
  assert.deepEqual(numbersOf((await server.infer({ model: "outer", inputs: [floats("x", 4)] })).outputs, "y"), [9]);
  const { answer } = await ask(ensemble({ a: step(double) }, () => ({ z: { shape: [1, 1], data: new Float32Array(1) } })), [1]).catch((thrown: unknown) => ({ answer: String(thrown) }));
  assert.match(JSON.stringify(answer), /no step made the output ..y../);
});
