/**
 * A tree ensemble as ONNX: ai.onnx.ml TreeEnsembleRegressor, then Sigmoid or Softmax, so that the output equals ours.
 *
 * ONNX compares float32. Each threshold is rounded down to float32, which keeps the routing of every float32 input
 * (see float32.ts); an input that needs float64 may fall on the other side of a threshold it nearly equals.
 * A categorical split becomes a chain of equality tests that share the left child, as LightGBM's converter does.
 */
import { StrataError } from "../../../kernel/errors.ts";
import { treeCount, type TreeModel } from "../../../ports/tree-model.ts";
import { floorToFloat32 } from "../float32.ts";
import { floatsAttribute, integerAttribute, integersAttribute, modelMessage, textAttribute, textsAttribute, type OnnxNode } from "./onnx-messages.ts";

/** Nodes an exported model may have: 2^21 make a file of about 60 MB, beyond what runtimes load comfortably. */
const NODE_LIMIT = 2 ** 21;

/** Key of the metadata entry that lists the input columns' names as JSON. */
const INPUTS_KEY = "strata.inputs";

/**
 * The model's bytes. Input "features": float32 [rows, inputs], NaN = missing. Output "predictions": float32
 * [rows, outputs], probabilities for binary and multiclass, raw scores otherwise.
 * Raises MODEL_EXPORT_REFUSED when categorical splits unfold into too many nodes.
 */
export function exportOnnx(model: TreeModel): Uint8Array {
  checkSize(model);
  const finish = { binary: "Sigmoid", multiclass: "Softmax", regression: undefined, lambdarank: undefined }[model.objective];
  const ensemble: OnnxNode = {
    operator: "TreeEnsembleRegressor", domain: "ai.onnx.ml", input: "features", output: finish ? "scores" : "predictions", attributes: ensembleAttributes(model),
  };
  const nodes = finish ? [ensemble, { operator: finish, input: "scores", output: "predictions", attributes: [] }] : [ensemble];
  return modelMessage({
    nodes, input: { name: "features", columns: model.inputs.length }, output: { name: "predictions", columns: model.outputs },
    metadata: { [INPUTS_KEY]: JSON.stringify(model.inputs.map((input) => input.name)) },
  });
}

function checkSize({ nodes }: TreeModel): void {
  const unfolded = nodes.feature.length + nodes.categories.length;
  if (unfolded > NODE_LIMIT) {
    throw new StrataError("MODEL_EXPORT_REFUSED", { format: "ONNX", reason: `it would need about ${unfolded} nodes, at most ${NODE_LIMIT} are written; each category a split lists becomes a node` });
  }
}

interface OnnxTreeNode {
  readonly tree: number;
  readonly node: number;
  readonly mode: "BRANCH_LEQ" | "BRANCH_EQ" | "LEAF";
  readonly feature: number;
  readonly value: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly missingTrue: boolean;
}

function ensembleAttributes(model: TreeModel): readonly Uint8Array[] {
  const nodes = Array.from({ length: treeCount(model) }, (_, tree) => unfoldTree(model, tree)).flat();
  const leaves = nodes.filter((node) => node.mode === "LEAF");
  return [
    textAttribute("aggregate_function", "SUM"),
    textAttribute("post_transform", "NONE"),
    integerAttribute("n_targets", model.outputs),
    floatsAttribute("base_values", [...model.baseScores]),
    integersAttribute("nodes_treeids", nodes.map((node) => node.tree)),
    integersAttribute("nodes_nodeids", nodes.map((node) => node.node)),
    textsAttribute("nodes_modes", nodes.map((node) => node.mode)),
    integersAttribute("nodes_featureids", nodes.map((node) => node.feature)),
    floatsAttribute("nodes_values", nodes.map((node) => (node.mode === "LEAF" ? 0 : node.value))),
    integersAttribute("nodes_truenodeids", nodes.map((node) => node.whenTrue)),
    integersAttribute("nodes_falsenodeids", nodes.map((node) => node.whenFalse)),
    integersAttribute("nodes_missing_value_tracks_true", nodes.map((node) => +node.missingTrue)),
    integersAttribute("target_treeids", leaves.map((leaf) => leaf.tree)),
    integersAttribute("target_nodeids", leaves.map((leaf) => leaf.node)),
    integersAttribute("target_ids", leaves.map((leaf) => leaf.tree % model.outputs)),
    floatsAttribute("target_weights", leaves.map((leaf) => leaf.value)),
  ];
}

/** The tree's nodes with ids from 0; the tests of a categorical split after its first take ids past the tree's own nodes. */
function unfoldTree({ nodes, inputs }: TreeModel, tree: number): readonly OnnxTreeNode[] {
  const start = nodes.treeStarts[tree]!, size = nodes.treeStarts[tree + 1]! - start;
  let nextId = size;
  return Array.from({ length: size }, (_, node): readonly OnnxTreeNode[] => {
    const at = start + node, feature = nodes.feature[at]!;
    if (feature < 0) return [{ tree, node, mode: "LEAF", feature: 0, value: nodes.value[at]!, whenTrue: 0, whenFalse: 0, missingTrue: false }];
    const left = nodes.left[at]! - start;
    if (inputs[feature]!.kind === "numeric") {
      return [{ tree, node, mode: "BRANCH_LEQ", feature, value: onnxThreshold(nodes.threshold[at]!), whenTrue: left, whenFalse: left + 1, missingTrue: nodes.missingLeft[at] === 1 }];
    }
    const codes = nodes.categories.subarray(nodes.categoryStarts[at], nodes.categoryStarts[at + 1]);
    const ids = Array.from(codes, (_, i) => (i === 0 ? node : nextId++));
    return ids.map((id, i) => ({ tree, node: id, mode: "BRANCH_EQ", feature, value: codes[i]!, whenTrue: left, whenFalse: ids[i + 1] ?? left + 1, missingTrue: false }));
  }).flat();
}

/** The largest threshold means "everything but missing goes left", +Infinity included. */
function onnxThreshold(threshold: number): number {
  return threshold === Number.MAX_VALUE ? Infinity : floorToFloat32(threshold);
}
