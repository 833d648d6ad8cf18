import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openOnnxRuntime } from "../../../engines/onnx/onnx-runtime.ts";
import { createTreeScorer } from "../../../engines/trees/tree-scorer.ts";
import { isStrataError } from "../../../kernel/errors.ts";
import { createRandom, type Random } from "../../../kernel/random.ts";
import type { TreeModel } from "../../../ports/tree-model.ts";
import { trainGradientBoosting } from "../gradient-boosting.ts";
import type { GradientBoostingParameters } from "../parameters.ts";
import type { TrainingData } from "../training-data.ts";
import { exportOnnx } from "./tree-export.ts";

const ROWS = 2400;
const CITIES = 60; // more codes than the 32 that onnxruntime packs into one bit set

/** float32 values on a coarse grid, so that inputs often equal thresholds; a tenth missing; a category of many codes. */
function randomColumns(random: Random, rows: number): TrainingData["columns"] {
  const numeric = (name: string, make: () => number) => ({ name, kind: "numeric" as const, values: Float64Array.from({ length: rows }, () => (random.next() < 0.1 ? NaN : make())) });
  const category = (name: string, codes: number) => ({ name, kind: "categorical" as const, values: Float64Array.from({ length: rows }, () => (random.next() < 0.1 ? NaN : random.integer(codes))) });
  return [
    numeric("grid", () => random.integer(40) / 8), numeric("fine", () => Math.fround(random.normal())), numeric("huge", () => Math.fround(random.normal() * 1e30)),
    category("city", CITIES), category("plan", 3),
  ];
}

function problem(objective: GradientBoostingParameters["objective"], random: Random): TrainingData {
  const columns = randomColumns(random, ROWS);
  const [grid, fine, , city, plan] = columns.map((column) => column.values);
  const signal = Float64Array.from({ length: ROWS }, (_, row) => {
    const known = (values: Float64Array, missing: number): number => (Number.isNaN(values[row]!) ? missing : values[row]!);
    return known(grid!, 4) - 2 * known(fine!, 1) + 3 * ((known(city!, 7) * 7) % 5) / 5 + known(plan!, -1) + random.normal() / 2;
  });
  switch (objective) {
    case "binary": return { columns, label: signal.map((value) => +(value > 4)) };
    case "regression": return { columns, label: signal };
    case "multiclass": return { columns, label: signal.map((value) => Math.min(2, Math.max(0, Math.floor(value / 2)))) };
    case "lambdarank": return { columns, label: signal.map((value) => Math.min(4, Math.max(0, Math.floor(value)))), groups: new Uint32Array(ROWS / 24).fill(24) };
  }
}

/** Fresh rows with what a model never saw: unknown codes, fractions, infinities. */
function unseenRows(random: Random, rows: number): Float64Array {
  const columns = randomColumns(random, rows).map((column) => column.values);
  const odd = [Infinity, -Infinity, 0.5, -1, 61, 1e6, NaN];
  return Float64Array.from({ length: rows * columns.length }, (_, i) => {
    const column = i % columns.length;
    return random.next() < 0.03 ? random.pick(odd) : columns[column]![Math.floor(i / columns.length)]!;
  });
}

async function predictOnnx(model: TreeModel, values: Float64Array, rows: number): Promise<Float64Array> {
  const runtime = await openOnnxRuntime();
  const loaded = await runtime.load(exportOnnx(model), { model: "parity", version: 1 });
  assert.deepEqual(loaded.inputs, model.inputs.map((input) => input.name));
  assert.equal(loaded.outputs, model.outputs);
  const predictions = await loaded.predict({ values, rows, columns: model.inputs.length });
  await loaded.close();
  return predictions;
}

describe("exportOnnx", () => {
  for (const objective of ["binary", "regression", "multiclass", "lambdarank"] as const) {
    for (const seed of [1, 2, 3]) {
      it(`${objective}, seed ${seed}: onnxruntime agrees with the tree scorer`, async () => {
        const random = createRandom(seed);
        const { model } = await trainGradientBoosting(problem(objective, random), {
          objective, trees: 30, leaves: 15, minChildSamples: 5, seed, ...(objective === "multiclass" ? { classes: 3 } : {}),
        });
        assert.ok(model.nodes.categories.length > 0, "the model has categorical splits");
        assert.ok(model.nodes.missingLeft.includes(1), "the model sends missing values left somewhere");
        const values = unseenRows(random, 1500);
        const ours = createTreeScorer(model).predict(values, 1500), theirs = await predictOnnx(model, values, 1500);
        assert.equal(theirs.length, ours.length);
        ours.forEach((value, i) => assert.ok(Math.abs(value - theirs[i]!) <= 1e-5 * Math.max(1, Math.abs(value)), `row ${Math.floor(i / model.outputs)}: ${value} against ${theirs[i]}`));
      });
    }
  }

  it("splits missing from present values, infinity included", async () => {
    const values = Float64Array.from({ length: 200 }, (_, row) => (row % 2 === 0 ? NaN : 1));
    const { model } = await trainGradientBoosting(
      { columns: [{ name: "a", kind: "numeric", values }], label: values.map((value) => (Number.isNaN(value) ? 0 : 10)) },
      { objective: "regression", trees: 1, learningRate: 1, lambda: 0 },
    );
    const rows = Float64Array.of(NaN, 1, Infinity, -Infinity, 1e300);
    const expected = [0, 10, 10, 10, 10];
    assert.deepEqual([...createTreeScorer(model).predict(rows, 5)].map(Math.round), expected);
    assert.deepEqual([...(await predictOnnx(model, rows, 5))].map(Math.round), expected);
  });

  it("routes float32 inputs as the scorer does at thresholds that are no float32", async () => {
    const values = Float64Array.from({ length: 100 }, (_, row) => (row % 2 === 0 ? 1.1 : 1.1 + 2 ** -40));
    const { model } = await trainGradientBoosting({ columns: [{ name: "a", kind: "numeric", values }], label: Float64Array.from(values, (value) => (value === 1.1 ? 0 : 1)) }, { objective: "regression", trees: 1, learningRate: 1, lambda: 0 });
    assert.notEqual(Math.fround(model.nodes.threshold[0]!), model.nodes.threshold[0]);
    const rows = Float64Array.of(Math.fround(1.1), Math.fround(1.1) - 2 ** -23); // the float32 above 1.1 and the one below
    assert.deepEqual([...createTreeScorer(model).predict(rows, 2)].map(Math.round), [1, 0]);
    assert.deepEqual([...(await predictOnnx(model, rows, 2))].map(Math.round), [1, 0]);
  });

  it("refuses a model whose categorical splits unfold into too many nodes", async () => {
    const codes = Float64Array.from({ length: 400 }, (_, row) => row % 4);
    const { model } = await trainGradientBoosting({ columns: [{ name: "c", kind: "categorical", values: codes }], label: codes }, { objective: "regression", trees: 1 });
    const swollen: TreeModel = { ...model, nodes: { ...model.nodes, categories: new Uint32Array(2 ** 21) } };
    assert.throws(() => exportOnnx(swollen), (thrown) => isStrataError(thrown) && thrown.code === "MODEL_EXPORT_REFUSED");
  });
});
