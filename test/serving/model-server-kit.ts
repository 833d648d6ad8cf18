/** A model server of functions and ONNX files without a platform around it. */
import { functionModel, tensor } from "../../src/define/index.ts";
import type { FunctionSource, InferenceGraph, ServedModel } from "../../src/define/index.ts";
import { openOnnxModel } from "../../src/engines/onnx/onnx-model.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { isStrataError } from "../../src/kernel/errors.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { Tensor } from "../../src/kernel/tensor.ts";
import type { InferenceRuntimes } from "../../src/ports/inference-model.ts";
import { silentLogger, silentMeter } from "../../src/ports/telemetry.ts";
import { createModelServer, planOfGraph, planOfServedModel } from "../../src/serving/index.ts";
import type { LocalModelServer, ModelServerOptions } from "../../src/serving/index.ts";

export const testRuntimes: InferenceRuntimes = {
  openOnnx: (artifact, describe) => openOnnxModel(artifact, describe, { monotonicMs: () => performance.now() }),
  openRemote: () => Promise.reject(new Error("no remote models here")),
};

export async function openTestServer(models: readonly (ServedModel | InferenceGraph)[], options: Partial<ModelServerOptions> = {}): Promise<LocalModelServer> {
  const server = createModelServer({
    name: "test", version: "0", clock: systemClock, meter: silentMeter, logger: silentLogger, random: createRandom(7), runtimes: testRuntimes,
    trained: { models: () => new Map(), champion: () => undefined, pool: { list: () => [] } as never }, ...options,
  });
  await server.apply(models.map((model) => (model.kind === "served-model" ? planOfServedModel(model, (file) => file) : planOfGraph(model))));
  return server;
}

export const floats = (name: string, ...values: readonly number[]): Tensor => ({ name, datatype: "FP32", shape: [values.length, 1], data: Float32Array.from(values) });
export const numbersOf = (tensors: readonly Tensor[], name: string): readonly number[] => Array.from(tensors.find((one) => one.name === name)!.data as Float32Array);
export const codeOf = (thrown: unknown): string => (isStrataError(thrown) ? thrown.code : String(thrown));

/** x [-1,1] → y [-1,1], each value by itself. */
export function mapModel(compute: (value: number) => number, before?: () => void | Promise<void>): FunctionSource {
  return functionModel({
    inputs: { x: tensor("FP32", [-1, 1]) }, outputs: { y: tensor("FP32", [-1, 1]) },
    infer: async ({ x }) => {
      await before?.();
      return { y: { shape: x.shape, data: x.data.map(compute) } };
    },
  });
}
