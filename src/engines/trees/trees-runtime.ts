/** The model runtime for tree ensembles: decodes the artifact, scores on the calling thread, microseconds per row. */
import { StrataError } from "../../kernel/errors.ts";
import type { LoadedModel, Matrix, ModelRuntime } from "../../ports/model-runtime.ts";
import { decodeTreeModel } from "../../ports/tree-model.ts";
import { createTreeScorer, type TreeScorer } from "./tree-scorer.ts";

/** Runs artifacts written by encodeTreeModel. Raises MODEL_ARTIFACT_INVALID; `predict` raises INFERENCE_INVALID, and CLOSED after close. */
export const treesRuntime: ModelRuntime = {
  name: "trees",
  load: async (artifact, describe): Promise<LoadedModel> => {
    const model = decodeTreeModel(artifact, describe);
    const inputs = model.inputs.map((input) => input.name);
    let scorer: TreeScorer | undefined = createTreeScorer(model);
    return {
      inputs,
      outputs: model.outputs,
      predict: async (matrix) => {
        if (!scorer) throw new StrataError("CLOSED", { what: `Model "${describe.model}" version ${describe.version}` });
        checkShape(matrix, inputs.length);
        return scorer.predict(matrix.values, matrix.rows);
      },
      close: async () => { scorer = undefined; },
    };
  },
};

function checkShape({ values, rows, columns }: Matrix, expected: number): void {
  if (columns !== expected) throw new StrataError("INFERENCE_INVALID", { reason: `there are ${columns} columns, the model takes ${expected}` });
  if (values.length !== rows * columns) throw new StrataError("INFERENCE_INVALID", { reason: `${values.length} numbers are not ${rows} rows of ${columns}` });
}
