/**
 * A tree ensemble laid out for walking without branches. A node is a record of 16 bytes, so one cache line serves a
 * step: its threshold, its left child, and the slot of the row that it looks at. A step is
 * `node = left child + (value > threshold)`: siblings are neighbours, and a leaf is its own child with threshold
 * +Infinity, so walking on stays there. NaN needs no test: a row has up to two slots per numeric input, one where
 * missing reads -Infinity (goes left) and one where it reads +Infinity (goes right). Categorical nodes never pass
 * their threshold and add a bit instead: that of the row's code in the set of codes that go right.
 */
import { nodeCount, treeCount, type TreeModel } from "../../ports/tree-model.ts";

/** Trees walked side by side: enough independent loads to hide their latency. */
export const TREES_PER_GROUP = 8;

/** Where one numeric slot of a row comes from. */
export interface ValueSlot {
  readonly column: number;
  /** What NaN reads as. */
  readonly missing: number;
}

/** Where one code slot of a row comes from. */
export interface CodeSlot {
  readonly column: number;
  /** Category code → bit number in the sets; other codes read bit 0, which is set in every set. */
  readonly bitOf: ReadonlyMap<number, number>;
}

export interface FlatTrees {
  readonly outputs: number;
  readonly columns: number;
  /** Two words per node: [threshold, links]. A walk holds 2 * node. */
  readonly thresholds: Float64Array;
  /** The same memory as int32, four words per node: [.., .., 2 * left child, value slot]. */
  readonly links: Int32Array;
  /** Two words per node: [first word of its set, code slot]. */
  readonly setLinks: Int32Array;
  /** Leaf values by node. */
  readonly values: Float64Array;
  /** Bits of codes that go right. Word 0 is empty: the set of numeric nodes and leaves. */
  readonly sets: Uint32Array;
  readonly valueSlots: readonly ValueSlot[];
  readonly codeSlots: readonly CodeSlot[];
  /** First node (times two) of each tree, padded with a tree of value 0 to whole groups. */
  readonly roots: Int32Array;
  /** Steps that reach every leaf of a group's trees. */
  readonly groupDepths: Int32Array;
}

export function flattenTrees(model: TreeModel): FlatTrees {
  const nodes = nodeCount(model);
  const thresholds = new Float64Array(2 * (nodes + 1)); // one more: the padding tree
  const links = new Int32Array(thresholds.buffer), setLinks = new Int32Array(2 * (nodes + 1));
  const slots = createSlots(model);
  const sets: number[] = [0];
  for (let node = 0; node <= nodes; node++) {
    const feature = node < nodes ? model.nodes.feature[node]! : -1;
    const isLeaf = feature < 0;
    links[4 * node + 2] = 2 * (isLeaf ? node : model.nodes.left[node]!);
    thresholds[2 * node] = Infinity;
    if (isLeaf) continue;
    if (model.inputs[feature]!.kind === "numeric") {
      thresholds[2 * node] = model.nodes.threshold[node]!;
      links[4 * node + 3] = slots.valueSlotOf(feature, model.nodes.missingLeft[node] === 1);
    } else {
      setLinks[2 * node] = appendSet(sets, model, node, slots.bitsOf(feature));
      setLinks[2 * node + 1] = slots.codeSlotOf(feature);
    }
  }
  const roots = rootsOf(model);
  const values = new Float64Array(nodes + 1);
  values.set(model.nodes.value);
  return {
    outputs: model.outputs, columns: model.inputs.length, thresholds, links, setLinks, values, sets: Uint32Array.from(sets),
    valueSlots: slots.valueSlots, codeSlots: slots.codeSlots, roots, groupDepths: groupDepthsOf(roots, treeDepths(model)),
  };
}

/** Hands out row slots as nodes ask for them. Slot 0 of each kind exists always, for leaves and nodes of the other kind to read. */
function createSlots({ inputs, nodes }: TreeModel) {
  const valueSlots: ValueSlot[] = [{ column: 0, missing: -Infinity }];
  const codeSlots: CodeSlot[] = [{ column: 0, bitOf: new Map() }];
  const valueSlotByKey = new Map<number, number>(), codeSlotByFeature = new Map<number, number>();
  const codes = inputs.map(() => new Set<number>());
  nodes.feature.forEach((feature, node) => {
    for (let i = nodes.categoryStarts[node]!; i < nodes.categoryStarts[node + 1]!; i++) codes[feature]!.add(nodes.categories[i]!);
  });
  const bits = codes.map((used) => new Map([...used].toSorted((a, b) => a - b).map((code, i) => [code, i + 1])));
  return {
    valueSlots,
    codeSlots,
    bitsOf: (feature: number): ReadonlyMap<number, number> => bits[feature]!,
    valueSlotOf: (feature: number, missingLeft: boolean): number =>
      slotOf(valueSlotByKey, 2 * feature + +missingLeft, valueSlots, { column: feature, missing: missingLeft ? -Infinity : Infinity }),
    codeSlotOf: (feature: number): number => slotOf(codeSlotByFeature, feature, codeSlots, { column: feature, bitOf: bits[feature]! }),
  };
}

function slotOf<Slot>(known: Map<number, number>, key: number, slots: Slot[], slot: Slot): number {
  const found = known.get(key);
  if (found !== undefined) return found;
  known.set(key, slots.length);
  return slots.push(slot) - 1;
}

/** Adds the node's set (all bits but its listed codes') and returns its first word. */
function appendSet(sets: number[], { nodes }: TreeModel, node: number, bits: ReadonlyMap<number, number>): number {
  const start = sets.length;
  for (let word = 0; word <= bits.size >>> 5; word++) sets.push(0xffffffff);
  for (let i = nodes.categoryStarts[node]!; i < nodes.categoryStarts[node + 1]!; i++) {
    const bit = bits.get(nodes.categories[i]!)!;
    sets[start + (bit >>> 5)] = (sets[start + (bit >>> 5)]! & ~(1 << (bit & 31))) >>> 0;
  }
  return start;
}

function rootsOf(model: TreeModel): Int32Array {
  const trees = treeCount(model);
  const padding = 2 * nodeCount(model);
  const roots = new Int32Array(Math.ceil(trees / TREES_PER_GROUP) * TREES_PER_GROUP).fill(padding);
  for (let tree = 0; tree < trees; tree++) roots[tree] = 2 * model.nodes.treeStarts[tree]!;
  return roots;
}

/** Depth of each tree; children come after parents, so one pass suffices. */
function treeDepths({ nodes }: TreeModel): Int32Array {
  const depth = new Int32Array(nodes.feature.length);
  const deepest = new Int32Array(nodes.treeStarts.length - 1);
  for (let tree = 0; tree < deepest.length; tree++) {
    for (let node = nodes.treeStarts[tree]!; node < nodes.treeStarts[tree + 1]!; node++) {
      deepest[tree] = Math.max(deepest[tree]!, depth[node]!);
      if (nodes.feature[node]! < 0) continue;
      depth[nodes.left[node]!] = depth[node]! + 1;
      depth[nodes.left[node]! + 1] = depth[node]! + 1;
    }
  }
  return deepest;
}

function groupDepthsOf(roots: Int32Array, depths: Int32Array): Int32Array {
  return Int32Array.from({ length: roots.length / TREES_PER_GROUP }, (_, group) =>
    Math.max(...depths.subarray(TREES_PER_GROUP * group, TREES_PER_GROUP * (group + 1))));
}
