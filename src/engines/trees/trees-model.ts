/** A tree ensemble as a model of float32 tensors, scored on the calling thread: what an ONNX file that is one becomes. */
import { StrataError } from "../../kernel/errors.ts";
import type { TensorSpec } from "../../kernel/tensor.ts";
import type { InferenceModel, ModelDescription } from "../../ports/inference-model.ts";
import { nodeCount } from "../../ports/tree-model.ts";
import type { TreeModel } from "../../ports/tree-model.ts";
import { createTreeScorer } from "./tree-scorer.ts";
import type { TreeScorer } from "./tree-scorer.ts";

/** Threshold and links, set links, leaf value. */
const BYTES_PER_NODE = 32;

/** `input` is FP32 [-1, columns], `output` FP32 [-1, outputs]. The model must be sound. */
export function createTreesModel(model: TreeModel, { input, output }: { readonly input: TensorSpec; readonly output: TensorSpec }, describe: ModelDescription): InferenceModel {
  let scorer: TreeScorer | undefined = createTreeScorer(model);
  return {
    platform: "strata_trees", inputs: [input], outputs: [output], isBatchable: true, concurrency: 1, memoryBytes: BYTES_PER_NODE * nodeCount(model),
    infer: async ([tensor]) => {
      if (scorer === undefined) throw new StrataError("CLOSED", { what: `Model "${describe.model}"` });
      const rows = tensor!.shape[0]!;
      const scores = scorer.predict(Float64Array.from(tensor!.data as Float32Array), rows);
      return [{ name: output.name, datatype: "FP32", shape: [rows, model.outputs], data: Float32Array.from(scores) }];
    },
    close: async () => { scorer = undefined; },
  };
}
