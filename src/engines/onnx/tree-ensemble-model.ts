/**
 * The attributes of a TreeEnsembleRegressor as the tree model that our scorer takes: "x <= threshold goes left", siblings
 * beside each other. Other comparisons become that one exactly, because every input is a float32: x < t is x <= the
 * float32 before t, and x > t sends the other way.
 */
import type { TreeModel, TreeNodes } from "../../ports/tree-model.ts";
import type { TreeEnsemble } from "./tree-ensemble.ts";

/** undefined when it has something that the scorer does not do: tests for equality, minima and maxima, leaves with several targets. */
export function treeModelOf(ensemble: TreeEnsemble): TreeModel | undefined {
  const { ints, floats, texts, finish, input } = ensemble;
  const outputs = ints.get("n_targets")?.[0] ?? 1;
  const aggregate = texts.get("aggregate_function")?.[0] ?? "SUM", transform = texts.get("post_transform")?.[0] ?? "NONE";
  if (aggregate !== "SUM" || transform !== "NONE" || !(outputs >= 1) || [...floats.keys()].some((name) => name.endsWith("_as_tensor"))) return undefined;
  if ((finish === "Sigmoid" && outputs !== 1) || (finish === "Softmax" && outputs < 2)) return undefined;
  const forest = forestOf(ensemble);
  if (forest === undefined) return undefined;
  const trees = inTurns(forest, outputs);
  const columns = input.shape[1]!;
  const base = floats.get("base_values") ?? [];
  if (trees.some(({ nodes }) => nodes.some((node) => node.feature >= columns))) return undefined;
  return {
    objective: finish === "Sigmoid" ? "binary" : finish === "Softmax" ? "multiclass" : "regression", outputs,
    inputs: Array.from({ length: columns }, (_, column) => ({ name: `${input.name}[${column}]`, kind: "numeric" as const })),
    baseScores: Float64Array.from({ length: outputs }, (_, output) => base[output] ?? 0), nodes: layOut(trees.map(({ nodes }) => nodes)),
  };
}

/** A node with places of its children in the tree's list; feature -1 is a leaf. */
interface Node { readonly feature: number; readonly threshold: number; readonly missingLeft: boolean; readonly value: number; left: number }
interface Tree { readonly target: number; readonly nodes: readonly Node[] }

const LEAF_TREE = (target: number): Tree => ({ target, nodes: [{ feature: -1, threshold: 0, missingLeft: false, value: 0, left: 0 }] });

function forestOf({ ints, floats, texts }: TreeEnsemble): readonly Tree[] | undefined {
  const int = (name: string): readonly number[] => ints.get(name) ?? [];
  const treeIds = int("nodes_treeids"), nodeIds = int("nodes_nodeids"), modes = texts.get("nodes_modes") ?? [];
  const at = new Map(treeIds.map((tree, index) => [`${tree}/${nodeIds[index]}`, index]));
  const roots = new Map<number, number>();
  treeIds.forEach((tree, index) => { if (!roots.has(tree)) roots.set(tree, index); });
  const weights = new Map<string, { readonly target: number; readonly weight: number }>();
  const targetWeights = floats.get("target_weights") ?? [];
  for (const [index, tree] of int("target_treeids").entries()) {
    const key = `${tree}/${int("target_nodeids")[index]}`;
    if (weights.has(key)) return undefined;
    weights.set(key, { target: int("target_ids")[index] ?? 0, weight: targetWeights[index] ?? 0 });
  }
  const missing = int("nodes_missing_value_tracks_true"), thresholds = floats.get("nodes_values") ?? [], features = int("nodes_featureids");
  const children = { whenTrue: int("nodes_truenodeids"), whenFalse: int("nodes_falsenodeids") };
  const trees: Tree[] = [];
  for (const [tree, root] of roots) {
    const nodes: Node[] = [], queue = [root], targets = new Set<number>();
    for (let next = 0; next < queue.length; next++) {
      if (queue.length > treeIds.length) return undefined; // a node with two parents, or a cycle
      const index = queue[next]!;
      const mode = modes[index];
      if (mode === "LEAF") {
        const leaf = weights.get(`${tree}/${nodeIds[index]}`);
        if (leaf) targets.add(leaf.target);
        nodes.push({ feature: -1, threshold: 0, missingLeft: false, value: leaf?.weight ?? 0, left: 0 });
        continue;
      }
      const test = testOf(mode, thresholds[index]!);
      const whenTrue = at.get(`${tree}/${children.whenTrue[index]}`), whenFalse = at.get(`${tree}/${children.whenFalse[index]}`);
      if (test === undefined || whenTrue === undefined || whenFalse === undefined) return undefined;
      nodes.push({ feature: features[index]!, threshold: test.threshold, missingLeft: (missing[index] === 1) === test.isTrueLeft, value: 0, left: queue.length });
      queue.push(...(test.isTrueLeft ? [whenTrue, whenFalse] : [whenFalse, whenTrue]));
    }
    if (targets.size > 1) return undefined;
    trees.push({ target: [...targets][0] ?? 0, nodes });
  }
  return trees;
}

function testOf(mode: string | undefined, value: number): { readonly threshold: number; readonly isTrueLeft: boolean } | undefined {
  if (!Number.isFinite(value)) return undefined;
  switch (mode) {
    case "BRANCH_LEQ": return { threshold: value, isTrueLeft: true };
    case "BRANCH_LT": return { threshold: floatBefore(value), isTrueLeft: true };
    case "BRANCH_GT": return { threshold: value, isTrueLeft: false };
    case "BRANCH_GTE": return { threshold: floatBefore(value), isTrueLeft: false };
    default: return undefined;
  }
}

/** The largest float32 below a float32. */
export function floatBefore(value: number): number {
  if (value === 0) return -(2 ** -149);
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0]! += value > 0 ? -1 : 1;
  return new Float32Array(bits.buffer)[0]!;
}

/** Our scorer adds tree t to output t % outputs, so every output gets as many trees as the one with most. */
function inTurns(trees: readonly Tree[], outputs: number): readonly Tree[] {
  if (outputs === 1) return trees;
  const byTarget = Array.from({ length: outputs }, (_, target) => trees.filter((tree) => tree.target === target));
  const most = Math.max(...byTarget.map((mine) => mine.length));
  return Array.from({ length: most * outputs }, (_, index) => byTarget[index % outputs]![Math.floor(index / outputs)] ?? LEAF_TREE(index % outputs));
}

function layOut(trees: readonly (readonly Node[])[]): TreeNodes {
  const starts = [0];
  for (const nodes of trees) starts.push(starts.at(-1)! + nodes.length);
  const nodes = trees.flatMap((tree, at) => tree.map((node) => (node.feature < 0 ? node : { ...node, left: node.left + starts[at]! })));
  const count = nodes.length;
  return {
    treeStarts: Uint32Array.from(starts), feature: Int32Array.from(nodes, (node) => node.feature), threshold: Float64Array.from(nodes, (node) => node.threshold),
    value: Float64Array.from(nodes, (node) => node.value), left: Uint32Array.from(nodes, (node) => node.left), missingLeft: Uint8Array.from(nodes, (node) => Number(node.missingLeft)),
    categoryStarts: new Uint32Array(count + 1), categories: new Uint32Array(0), gain: new Float64Array(count), rows: new Uint32Array(count),
  };
}
