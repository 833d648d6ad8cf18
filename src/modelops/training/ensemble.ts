/** From grown trees to the stored model (ports/tree-model.ts), and what the model says about its columns. */
import { nodeCount, type TreeModel, type TreeModelInput, type TreeNodes } from "../../ports/tree-model.ts";
import type { GrownTree } from "./grown-tree.ts";
import type { ResolvedParameters } from "./parameters.ts";
import type { TrainingColumn } from "./training-data.ts";

export function modelOf(columns: readonly TrainingColumn[], parameters: ResolvedParameters, baseScores: Float64Array, trees: readonly GrownTree[]): TreeModel {
  const inputs = columns.map(({ name, kind, categories }): TreeModelInput => (categories ? { name, kind, categories } : { name, kind }));
  return { objective: parameters.objective, inputs, outputs: parameters.outputs, baseScores, nodes: joinTrees(trees) };
}

function joinTrees(trees: readonly GrownTree[]): TreeNodes {
  const nodes = trees.flatMap((tree) => tree.nodes);
  const treeStarts = runningSum(trees.map((tree) => tree.nodes.length));
  const lefts = trees.flatMap((tree, i) => tree.nodes.map((node) => (node.column < 0 ? 0 : treeStarts[i]! + node.left)));
  return {
    treeStarts,
    feature: Int32Array.from(nodes, (node) => node.column),
    threshold: Float64Array.from(nodes, (node) => node.threshold),
    value: Float64Array.from(nodes, (node) => (node.column < 0 ? node.value : 0)),
    left: Uint32Array.from(lefts),
    missingLeft: Uint8Array.from(nodes, (node) => +node.missingLeft),
    categoryStarts: runningSum(nodes.map((node) => node.categories.length)),
    categories: Uint32Array.from(nodes.flatMap((node) => node.categories)),
    gain: Float64Array.from(nodes, (node) => node.gain),
    rows: Uint32Array.from(nodes, (node) => node.rows),
  };
}

function runningSum(counts: readonly number[]): Uint32Array {
  const sums = new Uint32Array(counts.length + 1);
  counts.forEach((count, i) => { sums[i + 1] = sums[i]! + count; });
  return sums;
}

export interface FeatureImportance {
  readonly name: string;
  /** Sum of the gains of the splits on this column. */
  readonly gain: number;
  readonly splits: number;
}

/** One per input, in the model's order. */
export function featureImportances(model: TreeModel): readonly FeatureImportance[] {
  const gain = new Float64Array(model.inputs.length), splits = new Uint32Array(model.inputs.length);
  for (let node = 0; node < nodeCount(model); node++) {
    const feature = model.nodes.feature[node]!;
    if (feature < 0) continue;
    gain[feature]! += model.nodes.gain[node]!;
    splits[feature]! += 1;
  }
  return model.inputs.map((input, i) => ({ name: input.name, gain: gain[i]!, splits: splits[i]! }));
}
