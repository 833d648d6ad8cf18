import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isStrataError, type ErrorCode } from "../../kernel/errors.ts";
import { createRandom, type Random } from "../../kernel/random.ts";
import { encodeTreeModel, treeModelProblem, type TreeModel, type TreeNodes } from "../../ports/tree-model.ts";
import { createTreeScorer } from "./tree-scorer.ts";
import { treesRuntime } from "./trees-runtime.ts";

const CODES = 80;
const ODD = [NaN, Infinity, -Infinity, 0, -0, 0.5, -1, Number.MAX_VALUE, 2 ** 31, 2 ** 40];

interface Node { feature: number; threshold: number; value: number; left: number; missingLeft: number; categories: number[] }

/** A random tree: leaves are split at random, so depths differ widely, as leaf-wise growth makes them. */
function randomTree(random: Random, inputs: TreeModel["inputs"], start: number): Node[] {
  const leaf = (): Node => ({ feature: -1, threshold: 0, value: random.normal(), left: 0, missingLeft: 0, categories: [] });
  const tree = [leaf()];
  for (let splits = random.integer(20); splits > 0; splits--) {
    const node = tree[random.integer(tree.length)]!;
    if (node.feature >= 0) continue;
    const feature = random.integer(inputs.length);
    const isNumeric = inputs[feature]!.kind === "numeric";
    const categories = isNumeric ? [] : [...new Set(Array.from({ length: 1 + random.integer(40) }, () => random.integer(CODES)))].toSorted((a, b) => a - b);
    Object.assign(node, { feature, threshold: isNumeric ? random.integer(5) - 2 : 0, value: 0, left: start + tree.length, missingLeft: +(isNumeric && random.next() < 0.5), categories });
    tree.push(leaf(), leaf());
  }
  return tree;
}

function randomModel(random: Random, shape: { readonly inputs: TreeModel["inputs"]; readonly trees: number; readonly outputs: number }): TreeModel {
  const all: Node[] = [], starts = [0];
  for (let tree = 0; tree < shape.trees; tree++) {
    all.push(...randomTree(random, shape.inputs, all.length));
    starts.push(all.length);
  }
  const categoryStarts = [0];
  for (const node of all) categoryStarts.push(categoryStarts.at(-1)! + node.categories.length);
  const nodes: TreeNodes = {
    treeStarts: Uint32Array.from(starts), feature: Int32Array.from(all, (node) => node.feature), threshold: Float64Array.from(all, (node) => node.threshold),
    value: Float64Array.from(all, (node) => node.value), left: Uint32Array.from(all, (node) => node.left), missingLeft: Uint8Array.from(all, (node) => node.missingLeft),
    categoryStarts: Uint32Array.from(categoryStarts), categories: Uint32Array.from(all.flatMap((node) => node.categories)), gain: new Float64Array(all.length), rows: new Uint32Array(all.length),
  };
  return {
    objective: shape.outputs > 1 ? "multiclass" : "regression", inputs: shape.inputs, outputs: shape.outputs,
    baseScores: Float64Array.from({ length: shape.outputs }, () => random.normal()), nodes,
  };
}

/** The format's definition, followed word by word. */
function rawScoresByDefinition({ inputs, outputs, baseScores, nodes }: TreeModel, row: Float64Array): Float64Array {
  const scores = Float64Array.from(baseScores);
  for (let tree = 0; tree + 1 < nodes.treeStarts.length; tree++) {
    let node = nodes.treeStarts[tree]!;
    while (nodes.feature[node]! >= 0) {
      const value = row[nodes.feature[node]!]!;
      const listed = nodes.categories.subarray(nodes.categoryStarts[node], nodes.categoryStarts[node + 1]);
      const isLeft = inputs[nodes.feature[node]!]!.kind === "categorical" ? listed.includes(value) : Number.isNaN(value) ? nodes.missingLeft[node] === 1 : value <= nodes.threshold[node]!;
      node = nodes.left[node]! + (isLeft ? 0 : 1);
    }
    scores[tree % outputs]! += nodes.value[node]!;
  }
  return scores;
}

describe("createTreeScorer", () => {
  const shapes = fc.record({ seed: fc.integer(), numeric: fc.integer({ min: 1, max: 6 }), categorical: fc.integer({ min: 0, max: 2 }), trees: fc.integer({ min: 0, max: 21 }), outputs: fc.integer({ min: 1, max: 4 }), rows: fc.integer({ min: 0, max: 150 }) });

  it("gives the scores the format defines, to the last bit, for every shape of ensemble and batch", () => {
    fc.assert(fc.property(shapes, ({ seed, numeric, categorical, trees, outputs, rows }) => {
      const random = createRandom(seed);
      const inputs = Array.from({ length: numeric + categorical }, (_, i) => ({ name: `x${i}`, kind: i < numeric ? "numeric" as const : "categorical" as const }));
      const model = randomModel(random, { inputs, trees: trees * outputs, outputs });
      assert.equal(treeModelProblem(model), undefined);
      const values = Float64Array.from({ length: rows * inputs.length }, (_, i) =>
        random.next() < 0.15 ? random.pick(ODD) : i % inputs.length < numeric ? random.normal() * 2 : random.integer(CODES + 5));
      const scores = createTreeScorer(model).rawScores(values, rows);
      const expected = Array.from({ length: rows }, (_, row) => [...rawScoresByDefinition(model, values.subarray(row * inputs.length, (row + 1) * inputs.length))]).flat();
      assert.deepEqual([...scores], expected);
    }), { numRuns: 150 });
  });

  it("turns raw scores into probabilities without overflow", () => {
    const model = randomModel(createRandom(1), { inputs: [{ name: "x", kind: "numeric" }], trees: 0, outputs: 1 });
    const sigmoid = (score: number): number => createTreeScorer({ ...model, objective: "binary", baseScores: Float64Array.of(score) }).predict(Float64Array.of(0), 1)[0]!;
    assert.deepEqual([0, 800, -800].map(sigmoid), [0.5, 1, 0]);
    const softmax = (...scores: number[]): number[] => [...createTreeScorer({ ...model, objective: "multiclass", outputs: 3, baseScores: Float64Array.from(scores) }).predict(Float64Array.of(0, 0), 2)];
    assert.deepEqual(softmax(900, 900, -900), [0.5, 0.5, 0, 0.5, 0.5, 0]);
  });
});

describe("treesRuntime", () => {
  const model = randomModel(createRandom(2), { inputs: [{ name: "a", kind: "numeric" }, { name: "b", kind: "categorical" }], trees: 5, outputs: 1 });
  const raises = (code: ErrorCode, text: RegExp) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && text.test(thrown.message);

  it("loads an artifact, says its shape, predicts, and stops after close", async () => {
    const loaded = await treesRuntime.load(encodeTreeModel(model), { model: "m", version: 1 });
    assert.deepEqual([loaded.inputs, loaded.outputs], [["a", "b"], 1]);
    const values = Float64Array.of(1, 2, NaN, 7);
    assert.deepEqual(await loaded.predict({ values, rows: 2, columns: 2 }), createTreeScorer(model).predict(values, 2));
    assert.equal((await loaded.predict({ values: new Float64Array(0), rows: 0, columns: 2 })).length, 0);
    await assert.rejects(loaded.predict({ values, rows: 1, columns: 4 }), raises("INFERENCE_INVALID", /4 columns.*takes 2/));
    await assert.rejects(loaded.predict({ values, rows: 3, columns: 2 }), raises("INFERENCE_INVALID", /3 rows of 2/));
    await loaded.close();
    await assert.rejects(loaded.predict({ values, rows: 2, columns: 2 }), raises("CLOSED", /"m" version 1/));
  });

  it("refuses what is not a tree ensemble", async () => {
    await assert.rejects(treesRuntime.load(new Uint8Array(40), { model: "m", version: 1 }), raises("MODEL_ARTIFACT_INVALID", /not a tree ensemble/));
  });
});
