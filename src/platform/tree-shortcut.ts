/**
 * ONNX files that are tree ensembles, scored by our own scorer where it is quicker: a single row costs it a twentieth
 * of a call of onnxruntime. Both are asked the same random rows first, and only equal answers make the switch.
 */
import { treeModelOf } from "../engines/onnx/tree-ensemble-model.ts";
import { readTreeEnsemble } from "../engines/onnx/tree-ensemble.ts";
import { createTreesModel } from "../engines/trees/trees-model.ts";
import { isStrataError } from "../kernel/errors.ts";
import { createRandom } from "../kernel/random.ts";
import type { Tensor } from "../kernel/tensor.ts";
import type { InferenceModel, ModelDescription } from "../ports/inference-model.ts";
import type { TreeModel } from "../ports/tree-model.ts";

/** Larger files take long to read here, and their runs are long anyway. */
const MOST_BYTES = 64 * 2 ** 20;
const PROBE_ROWS = 64;
/** onnxruntime adds float32 leaves in an order of its own; ours adds float64 in the order of the trees. */
const TOLERANCE = 1e-5;

/** What `openOnnx` opens, or the same model on our scorer. Without onnxruntime the scorer serves unchecked: it follows the operator's definition. */
export async function openTreesOrOnnx(bytes: Uint8Array, describe: ModelDescription, openOnnx: () => Promise<InferenceModel>): Promise<InferenceModel> {
  const ensemble = bytes.length <= MOST_BYTES ? readTreeEnsemble(bytes) : undefined;
  const trees = ensemble && treeModelOf(ensemble);
  if (ensemble === undefined || trees === undefined) return openOnnx();
  const ours = createTreesModel(trees, ensemble, describe);
  let onnx: InferenceModel;
  try {
    onnx = await openOnnx();
  } catch (thrown) {
    if (isStrataError(thrown) && thrown.code === "RUNTIME_MISSING") return ours;
    throw thrown;
  }
  const isBetter = await answersAlike(ours, onnx, trees) && await fastestMs(ours, trees) <= await fastestMs(onnx, trees);
  await (isBetter ? onnx : ours).close();
  return isBetter ? ours : onnx;
}

/** Rows near the thresholds, where a wrong comparison would show, some values missing. */
function probe(trees: TreeModel, rows: number): Tensor {
  const random = createRandom("tree probe");
  const thresholds = trees.nodes.threshold.filter((_, node) => trees.nodes.feature[node]! >= 0);
  const value = (): number => {
    const kind = random.integer(8);
    const threshold = thresholds.length === 0 ? 0 : thresholds[random.integer(thresholds.length)]!;
    if (kind === 0) return Number.NaN;
    return kind < 4 ? threshold : threshold + random.normal() * (Math.abs(threshold) * 0.01 + 0.01);
  };
  const columns = trees.inputs.length;
  return { name: "", datatype: "FP32", shape: [rows, columns], data: Float32Array.from({ length: rows * columns }, value) };
}

const ask = async (model: InferenceModel, tensor: Tensor): Promise<Float32Array> => (await model.infer([{ ...tensor, name: model.inputs[0]!.name }]))[0]!.data as Float32Array; // the ensemble's output is FP32

async function answersAlike(ours: InferenceModel, onnx: InferenceModel, trees: TreeModel): Promise<boolean> {
  const tensor = probe(trees, PROBE_ROWS);
  const [a, b] = [await ask(ours, tensor), await ask(onnx, tensor)];
  return a.length === b.length && a.every((value, at) => Math.abs(value - b[at]!) <= TOLERANCE * Math.max(1, Math.abs(b[at]!)));
}

/** One row, warm. */
async function fastestMs(model: InferenceModel, trees: TreeModel): Promise<number> {
  const tensor = probe(trees, 1);
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 50; i++) {
    const startedMs = performance.now();
    await ask(model, tensor);
    fastest = Math.min(fastest, performance.now() - startedMs);
  }
  return fastest;
}
