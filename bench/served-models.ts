/**
 * Models whose own work is next to nothing, so that what is measured is the model server around them: a row of 16 numbers,
 * an image of 602 KB, and one that takes 10 ms for any batch, as a model on an accelerator would.
 */
import { setTimeout } from "node:timers/promises";
import { defineServedModel, functionModel, tensor } from "strata";

export const ROW = { model: "row", input: "x", shape: [1, 16] } as const;
export const IMAGE = { model: "image", input: "pixels", shape: [1, 3, 224, 224] } as const;
export const SLOW = { model: "slow", input: "x", shape: [1, 16] } as const;
export const SLOW_MS = 10;

/** First value of each row, and the row's last: enough to see that rows did not get mixed up. */
function endsOf(data: Float32Array, rows: number): Float32Array {
  const width = data.length / rows;
  return Float32Array.from({ length: rows }, (_, row) => data[row * width]! + data[(row + 1) * width - 1]!);
}

const row = defineServedModel(ROW.model, {
  source: functionModel({
    inputs: { [ROW.input]: tensor("FP32", [-1, 16]) }, outputs: { y: tensor("FP32", [-1]) },
    infer: ({ x }) => ({ y: { shape: [x.shape[0]!], data: endsOf(x.data, x.shape[0]!) } }),
  }),
});

const image = defineServedModel(IMAGE.model, {
  source: functionModel({
    inputs: { [IMAGE.input]: tensor("FP32", [-1, 3, 224, 224]) }, outputs: { y: tensor("FP32", [-1]) },
    infer: ({ pixels }) => ({ y: { shape: [pixels.shape[0]!], data: endsOf(pixels.data, pixels.shape[0]!) } }),
  }),
});

const slow = defineServedModel(SLOW.model, {
  source: functionModel({
    inputs: { [SLOW.input]: tensor("FP32", [-1, 16]) }, outputs: { y: tensor("FP32", [-1]) },
    infer: async ({ x }) => {
      await setTimeout(SLOW_MS);
      return { y: { shape: [x.shape[0]!], data: endsOf(x.data, x.shape[0]!) } };
    },
  }),
});

export const servedModels = [row, image, slow] as const;
