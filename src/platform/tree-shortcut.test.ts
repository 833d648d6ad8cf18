import assert from "node:assert/strict";
import { test } from "node:test";
import { ONNX_TYPE, mlpBytes, onnxBytes } from "../../test/scenarios/onnx-builder.ts";
import type { NodeInfo } from "../../test/scenarios/onnx-builder.ts";
import { openOnnxModel } from "../engines/onnx/onnx-model.ts";
import { floatBefore } from "../engines/onnx/tree-ensemble-model.ts";
import { StrataError } from "../kernel/errors.ts";
import { createRandom } from "../kernel/random.ts";
import type { Random } from "../kernel/random.ts";
import type { InferenceModel } from "../ports/inference-model.ts";
import { openTreesOrOnnx } from "./tree-shortcut.ts";

const COLUMNS = 6;
const MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE"] as const;

/** A forest of random trees with every comparison, both ways for missing values, and children in any order. */
function forest(random: Random, { trees, targets, mode }: { readonly trees: number; readonly targets: number; readonly mode?: string }): Uint8Array {
  const nodes: { tree: number; node: number; mode: string; feature: number; value: number; yes: number; no: number; missing: number; target: number }[] = [];
  for (let tree = 0; tree < trees; tree++) {
    let next = 1;
    const grow = (node: number, depth: number): void => {
      const isLeaf = depth === 0 || random.integer(5) === 0;
      const children = isLeaf ? [0, 0] : random.shuffle([next++, next++]);
      nodes.push({ tree, node, mode: isLeaf ? "LEAF" : mode ?? random.pick(MODES), feature: random.integer(COLUMNS), value: Math.fround(isLeaf ? random.normal() : random.integer(9) - 4), yes: children[0]!, no: children[1]!, missing: random.integer(2), target: tree % targets });
      if (!isLeaf) for (const child of children) grow(child, depth - 1);
    };
    grow(0, 6);
  }
  const leaves = nodes.filter((node) => node.mode === "LEAF");
  const ensemble: NodeInfo = {
    operator: "TreeEnsembleRegressor", domain: "ai.onnx.ml", inputs: ["x"], outputs: ["raw"], attributes: {
      aggregate_function: "SUM", post_transform: "NONE", n_targets: targets, base_values: { floats: Array.from({ length: targets }, () => Math.fround(random.normal())) },
      nodes_treeids: { ints: nodes.map((node) => node.tree) }, nodes_nodeids: { ints: nodes.map((node) => node.node) }, nodes_modes: { strings: nodes.map((node) => node.mode) },
      nodes_featureids: { ints: nodes.map((node) => node.feature) }, nodes_values: { floats: nodes.map((node) => (node.mode === "LEAF" ? 0 : node.value)) },
      nodes_truenodeids: { ints: nodes.map((node) => node.yes) }, nodes_falsenodeids: { ints: nodes.map((node) => node.no) }, nodes_missing_value_tracks_true: { ints: nodes.map((node) => node.missing) },
      target_treeids: { ints: leaves.map((leaf) => leaf.tree) }, target_nodeids: { ints: leaves.map((leaf) => leaf.node) }, target_ids: { ints: leaves.map((leaf) => leaf.target) }, target_weights: { floats: leaves.map((leaf) => leaf.value) },
    },
  };
  const finish: NodeInfo[] = targets === 1 ? [{ operator: "Sigmoid", inputs: ["raw"], outputs: ["y"] }] : [{ operator: "Softmax", inputs: ["raw"], outputs: ["y"] }];
  const isPlain = random.integer(2) === 0;
  return onnxBytes({
    inputs: [{ name: "x", type: ONNX_TYPE.FLOAT, shape: ["n", COLUMNS] }], outputs: [{ name: isPlain ? "raw" : "y", type: ONNX_TYPE.FLOAT, shape: ["n", targets] }], nodes: isPlain ? [ensemble] : [ensemble, ...finish],
  });
}

const describeIt = { model: "m", version: "1" };
const openOnnx = (bytes: Uint8Array): Promise<InferenceModel> => openOnnxModel({ bytes }, describeIt, { monotonicMs: () => performance.now(), threadAboveMs: Number.POSITIVE_INFINITY });
const missing = (): Promise<never> => Promise.reject(new StrataError("RUNTIME_MISSING", { runtime: "ONNX", package: "onnxruntime-node" }));

test("law: our scorer answers random forests as onnxruntime does, whatever their comparisons", async () => {
  const random = createRandom("forests");
  for (let round = 0; round < 25; round++) {
    const bytes = forest(random, { trees: 1 + random.integer(20), targets: 1 + random.integer(3) });
    const [ours, onnx] = [await openTreesOrOnnx(bytes, describeIt, missing), await openOnnx(bytes)];
    assert.equal(ours.platform, "strata_trees");
    assert.deepEqual([ours.inputs, ours.outputs], [onnx.inputs, onnx.outputs]);
    const rows = 40;
    const data = Float32Array.from({ length: rows * COLUMNS }, () => (random.integer(6) === 0 ? Number.NaN : random.integer(4) === 0 ? random.normal() * 4 : random.integer(9) - 4)); // many on a threshold
    const [a, b] = await Promise.all([ours, onnx].map(async (model) => (await model.infer([{ name: "x", datatype: "FP32", shape: [rows, COLUMNS], data }]))[0]!));
    assert.deepEqual(a!.shape, b!.shape);
    const largest = Math.max(...Array.from(a!.data as Float32Array, (value, at) => Math.abs(value - (b!.data as Float32Array)[at]!)));
    assert.ok(largest < 1e-5, `round ${round}: differs by ${largest}`);
    await Promise.all([ours.close(), onnx.close()]);
  }
});

test("the scorer takes over where it is quicker; what it does not know stays with onnxruntime", async () => {
  const random = createRandom("forests");
  const platformOf = async (bytes: Uint8Array): Promise<string> => {
    const model = await openTreesOrOnnx(bytes, describeIt, () => openOnnx(bytes));
    await model.close();
    return model.platform;
  };
  assert.equal(await platformOf(forest(random, { trees: 50, targets: 1 })), "strata_trees");
  assert.equal(await platformOf(forest(random, { trees: 3, targets: 1, mode: "BRANCH_EQ" })), "onnxruntime_onnx");
  assert.equal(await platformOf(mlpBytes([COLUMNS, 2], () => random.next())), "onnxruntime_onnx");
  const bytes = forest(random, { trees: 2, targets: 1 });
  for (let length = 0; length < bytes.length; length += 97) {
    const cut = bytes.subarray(0, length);
    await openTreesOrOnnx(cut, describeIt, () => openOnnx(cut)).then((model) => model.close(), (thrown: unknown) => assert.ok(thrown instanceof StrataError));
  }
});

test("the float before", () => {
  for (const value of [1, -1, 0, 4, 1e-40, 0.1].map(Math.fround)) {
    const before = floatBefore(value);
    assert.ok(before < value && Math.fround(before) === before);
    assert.ok([before, value].includes(Math.fround((before + value) / 2)), "nothing lies between");
  }
});
