/** Batched answers are those of unbatched calls, bit by bit: 10,000 random cases over functions and ONNX files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mlpBytes, onnxBytes, ONNX_TYPE } from "../../../test/scenarios/onnx-builder.ts";
import { testRuntimes } from "../../../test/serving/model-server-kit.ts";
import { batchingOf, functionModel, tensor } from "../../define/index.ts";
import { systemClock } from "../../kernel/clock.ts";
import { createRandom } from "../../kernel/random.ts";
import type { Random } from "../../kernel/random.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import type { InferenceModel } from "../../ports/inference-model.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import { createFunctionModel } from "./function-model.ts";
import { createRunningVersion } from "./running-version.ts";
import { createServingInstruments, createVersionStatistics } from "./version-statistics.ts";

const CASES = 10_000;

/** Row sums scaled by a second input, and the text of each row reversed; the width of x differs between requests. */
const wordsAndNumbers = functionModel({
  inputs: { x: tensor("FP64", [-1, -1]), scale: tensor("FP32", [-1]), text: tensor("BYTES", [-1, 1]) },
  outputs: { sum: tensor("FP64", [-1]), back: tensor("BYTES", [-1, 1]), twice: tensor("INT64", [-1, 2]) },
  infer: ({ x, scale, text }) => {
    const [rows = 0, width = 0] = x.shape;
    const sums = Float64Array.from({ length: rows }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += x.data[row * width + i]! * scale.data[row]!;
      return sum;
    });
    return {
      sum: { shape: [rows], data: sums }, back: { shape: text.shape, data: text.data.map((bytes) => bytes.toReversed()) },
      twice: { shape: [rows, 2], data: BigInt64Array.from(Array.from(sums, (sum) => [BigInt(Math.trunc(sum)), BigInt(width)]).flat()) },
    };
  },
});

/** Two inputs and two outputs, one of them whole numbers. */
const twoWays = onnxBytes({
  inputs: [{ name: "a", type: ONNX_TYPE.FLOAT, shape: ["n", 3] }, { name: "b", type: ONNX_TYPE.INT64, shape: ["n", 3] }],
  outputs: [{ name: "product", type: ONNX_TYPE.FLOAT, shape: ["n", 3] }, { name: "negative", type: ONNX_TYPE.INT64, shape: ["n", 3] }],
  nodes: [
    { operator: "Cast", inputs: ["b"], outputs: ["bf"], attributes: { to: ONNX_TYPE.FLOAT } },
    { operator: "Mul", inputs: ["a", "bf"], outputs: ["product"] }, { operator: "Neg", inputs: ["b"], outputs: ["negative"] },
  ],
});

type Draw = (random: Random, rows: number) => readonly Tensor[];

const floatsOf = (random: Random, count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
const drawWords: Draw = (random, rows) => {
  const width = 1 + random.integer(3);
  return [
    { name: "x", datatype: "FP64", shape: [rows, width], data: Float64Array.from({ length: rows * width }, () => random.normal()) },
    { name: "scale", datatype: "FP32", shape: [rows], data: floatsOf(random, rows) },
    { name: "text", datatype: "BYTES", shape: [rows, 1], data: Array.from({ length: rows }, () => Uint8Array.from({ length: random.integer(6) }, () => random.integer(256))) },
  ];
};
const drawLayers: Draw = (random, rows) => [{ name: "x", datatype: "FP32", shape: [rows, 8], data: floatsOf(random, rows * 8) }];
const drawTwoWays: Draw = (random, rows) => [
  { name: "a", datatype: "FP32", shape: [rows, 3], data: floatsOf(random, rows * 3) },
  { name: "b", datatype: "INT64", shape: [rows, 3], data: BigInt64Array.from({ length: rows * 3 }, () => BigInt(random.integer(2_000) - 1_000)) },
];

function hold(tensors: readonly Tensor[]): unknown {
  return tensors.map(({ name, datatype, shape, data }) => ({
    name, datatype, shape: [...shape], bits: ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex") : data.map((one) => Buffer.from(one).toString("hex")),
  }));
}

async function checkLaw({ model, draw, cases, seed }: { readonly model: InferenceModel; readonly draw: Draw; readonly cases: number; readonly seed: number }): Promise<{ readonly batched: number }> {
  const random = createRandom(seed);
  const names = model.outputs.map(({ name }) => name);
  let done = 0, batched = 0;
  while (done < cases) {
    const running = createRunningVersion({
      model: "m", version: "1", instances: [model], batching: batchingOf({ maxRows: 2 + random.integer(15) }), cacheEntries: 0, clock: systemClock,
      statistics: createVersionStatistics("m", "1", createServingInstruments(silentMeter)),
    });
    const requests = Array.from({ length: 50 }, () => ({ inputs: draw(random, 1 + random.integer(4)), outputs: random.integer(3) === 0 ? [random.pick(names)] : undefined }));
    const answers = await Promise.all(requests.map(({ inputs, outputs }) => running.answer({ model: "m", inputs, ...(outputs && { outputs }) })));
    for (const [at, { inputs, outputs }] of requests.entries()) {
      const alone = await model.infer(inputs, outputs === undefined ? {} : { wanted: outputs });
      assert.deepEqual(hold(answers[at]!.outputs), hold(alone));
      if (answers[at]!.note.requests > 1) batched++;
    }
    done += requests.length;
  }
  return { batched };
}

test("law: batched answers equal unbatched ones, bit by bit", { timeout: 60_000 }, async () => {
  const seed = createRandom("weights");
  const open = (bytes: Uint8Array): Promise<InferenceModel> => testRuntimes.openOnnx({ bytes }, { model: "m", version: "1" });
  const models = [
    { model: createFunctionModel(wordsAndNumbers, "m"), draw: drawWords, cases: CASES * 0.4 },
    { model: await open(mlpBytes([8, 32, 16, 3], () => seed.next())), draw: drawLayers, cases: CASES * 0.4 },
    { model: await open(twoWays), draw: drawTwoWays, cases: CASES * 0.2 },
  ];
  for (const [index, one] of models.entries()) {
    const { batched } = await checkLaw({ ...one, seed: 100 + index });
    assert.ok(batched > one.cases / 2, `only ${batched} of ${one.cases} ran with others, so little was tested`);
    await one.model.close();
  }
});
