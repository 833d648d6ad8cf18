/** A version that Strata trained, as a version that answers tensors: the same batcher that the endpoints use. */
import { StrataError } from "../../kernel/errors.ts";
import type { TensorSpec } from "../../kernel/tensor.ts";
import type { ServingVersion } from "../model-pool.ts";
import type { RunningVersion } from "./running-version.ts";
import { checkOutputs } from "./signature.ts";
import { matrixOf } from "./trained-inputs.ts";

export function createTrainedVersion(serving: ServingVersion): RunningVersion {
  const { model, columns, categories, loaded, batcher, statistics } = serving;
  const inputs: readonly TensorSpec[] = [{ name: "features", datatype: "FP64", shape: [-1, columns.length] }];
  const outputs: readonly TensorSpec[] = [{ name: "scores", datatype: "FP64", shape: loaded.outputs === 1 ? [-1] : [-1, loaded.outputs] }];
  const signature = { model, inputs, outputs, isBatchable: true };
  return {
    model, version: String(serving.version), platform: "strata_trees", inputs, outputs, isBatchable: true,
    memoryBytes: serving.artifact.byteLength,
    properties: { columns: columns.join(",") },
    answer: async ({ inputs: tensors, outputs: wanted, deadlineAtMs, signal }) => {
      checkOutputs(signature, wanted);
      if (tensors.length === 0) throw new StrataError("INFERENCE_INVALID", { reason: `missing input "features"`, model });
      const matrix = matrixOf(tensors, { model, columns, categories });
      const { result, note } = await batcher.score(matrix, { deadlineAtMs, signal });
      const shape = loaded.outputs === 1 ? [matrix.rows] : [matrix.rows, loaded.outputs];
      return { outputs: [{ name: "scores", datatype: "FP64", shape, data: result }], note };
    },
    statistics: () => statistics.snapshot(),
    inFlight: () => batcher.inFlight(),
    close: () => Promise.resolve(), // the pool loads and unloads it
  };
}
