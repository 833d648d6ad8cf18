/**
 * Scores rows with a tree ensemble: eight trees side by side, no branch that depends on the data, blocks of rows so
 * that a group's nodes stay in the first-level cache. Sums trees in order, as training does: the same raw scores to
 * the last bit.
 */
import type { TreeModel } from "../../ports/tree-model.ts";
import { flattenTrees, TREES_PER_GROUP, type CodeSlot, type FlatTrees, type ValueSlot } from "./flat-trees.ts";

export interface TreeScorer {
  /** Numbers per input row. */
  readonly columns: number;
  /** Numbers per scored row. */
  readonly outputs: number;
  /**
   * `values` is rows × columns, row-major, NaN = missing. Returns rows × outputs: probabilities for binary and
   * multiclass, raw scores for regression and lambdarank. Keeps nothing of the input.
   */
  predict(values: Float64Array, rows: number): Float64Array;
  /** The same before the sigmoid or softmax. */
  rawScores(values: Float64Array, rows: number): Float64Array;
}

/** Rows whose slots (8 bytes each) stay cached beside a group's nodes. */
const BLOCK_ROWS = 64;

/** Lays the model out for scoring. The model must be sound (decodeTreeModel checks); nothing is checked per row. */
export function createTreeScorer(model: TreeModel): TreeScorer {
  const flat = flattenTrees(model);
  const addTrees = flat.codeSlots.length > 1 ? addMixedTrees : addNumericTrees;
  const rowValues = new Float64Array(BLOCK_ROWS * flat.valueSlots.length);
  const rowCodes = new Int32Array(BLOCK_ROWS * flat.codeSlots.length);
  const rawScores = (values: Float64Array, rows: number): Float64Array => {
    const scores = new Float64Array(rows * flat.outputs);
    for (let i = 0; i < scores.length; i++) scores[i] = model.baseScores[i % flat.outputs]!;
    for (let from = 0; from < rows; from += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, rows - from);
      fillValues(values, from, count, flat.columns, flat.valueSlots, rowValues);
      if (flat.codeSlots.length > 1) fillCodes(values, from, count, flat.columns, flat.codeSlots, rowCodes);
      addTrees(flat, { rowValues, rowCodes, count }, scores, from);
    }
    return scores;
  };
  const finish = { binary: sigmoid, multiclass: softmax, regression: undefined, lambdarank: undefined }[model.objective];
  return {
    columns: flat.columns, outputs: flat.outputs, rawScores,
    predict: (values, rows) => {
      const scores = rawScores(values, rows);
      finish?.(scores, flat.outputs);
      return scores;
    },
  };
}

/** A finite ceiling for +Infinity, which is kept for "missing goes right"; thresholds are finite, so routing is the same. */
const CEILING = Number.MAX_VALUE;

function fillValues(values: Float64Array, from: number, count: number, columns: number, slots: readonly ValueSlot[], out: Float64Array): void {
  const width = slots.length;
  for (let slot = 0; slot < width; slot++) {
    const { column, missing } = slots[slot]!;
    for (let i = 0; i < count; i++) {
      const value = values[(from + i) * columns + column]!;
      out[i * width + slot] = value <= CEILING ? value : value === Infinity ? CEILING : missing;
    }
  }
}

function fillCodes(values: Float64Array, from: number, count: number, columns: number, slots: readonly CodeSlot[], out: Int32Array): void {
  const width = slots.length;
  for (let slot = 1; slot < width; slot++) {
    const { column, bitOf } = slots[slot]!;
    for (let i = 0; i < count; i++) out[i * width + slot] = bitOf.get(values[(from + i) * columns + column]!) ?? 0;
  }
}

/** Rows laid out by slots: the `count` rows of the batch that start at some row. */
interface Block {
  readonly rowValues: Float64Array;
  readonly rowCodes: Int32Array;
  readonly count: number;
}

/**
 * Adds every tree's leaf value to the block's scores. In a step, `+(a > b)` compiles to a compare and a set, not to a
 * jump; eight walks at once let the loads of one overlap those of the others. Children come after parents, so the sum
 * of the walks' nodes grows until all of them stand on leaves: leaf-wise trees are three times as deep as their mean path.
 */
function addNumericTrees(flat: FlatTrees, { rowValues, count }: Block, scores: Float64Array, from: number): void {
  const { thresholds, links, roots, groupDepths } = flat;
  const width = flat.valueSlots.length;
  for (let group = 0; group < groupDepths.length; group++) {
    const depth = groupDepths[group]!, first = TREES_PER_GROUP * group;
    for (let row = 0; row < count; row++) {
      const base = row * width;
      let a = roots[first]!, b = roots[first + 1]!, c = roots[first + 2]!, d = roots[first + 3]!;
      let e = roots[first + 4]!, f = roots[first + 5]!, g = roots[first + 6]!, h = roots[first + 7]!;
      for (let step = 0, before = -1; step < depth; step++) {
        a = links[2 * a + 2]! + 2 * +(rowValues[base + links[2 * a + 3]!]! > thresholds[a]!);
        b = links[2 * b + 2]! + 2 * +(rowValues[base + links[2 * b + 3]!]! > thresholds[b]!);
        c = links[2 * c + 2]! + 2 * +(rowValues[base + links[2 * c + 3]!]! > thresholds[c]!);
        d = links[2 * d + 2]! + 2 * +(rowValues[base + links[2 * d + 3]!]! > thresholds[d]!);
        e = links[2 * e + 2]! + 2 * +(rowValues[base + links[2 * e + 3]!]! > thresholds[e]!);
        f = links[2 * f + 2]! + 2 * +(rowValues[base + links[2 * f + 3]!]! > thresholds[f]!);
        g = links[2 * g + 2]! + 2 * +(rowValues[base + links[2 * g + 3]!]! > thresholds[g]!);
        h = links[2 * h + 2]! + 2 * +(rowValues[base + links[2 * h + 3]!]! > thresholds[h]!);
        const sum = (a + b + c + d + e + f + g + h) | 0;
        if (sum === before) break;
        before = sum;
      }
      addLeaves(flat, first, from + row, a, b, c, d, scores);
      addLeaves(flat, first + 4, from + row, e, f, g, h, scores);
    }
  }
}

/** The same for models with categorical nodes: every step also reads a bit, which numeric nodes find empty. */
function addMixedTrees(flat: FlatTrees, { rowValues, rowCodes, count }: Block, scores: Float64Array, from: number): void {
  const { thresholds, links, setLinks, sets, roots, groupDepths } = flat;
  const width = flat.valueSlots.length, codeWidth = flat.codeSlots.length;
  const step = (node: number, base: number, codeBase: number): number => {
    const code = rowCodes[codeBase + setLinks[node + 1]!]!;
    const bit = (sets[setLinks[node]! + (code >>> 5)]! >>> (code & 31)) & 1;
    return links[2 * node + 2]! + 2 * (+(rowValues[base + links[2 * node + 3]!]! > thresholds[node]!) | bit);
  };
  for (let first = 0; first < roots.length; first += 4) {
    const depth = groupDepths[Math.floor(first / TREES_PER_GROUP)]!;
    for (let row = 0; row < count; row++) {
      const base = row * width, codeBase = row * codeWidth;
      let a = roots[first]!, b = roots[first + 1]!, c = roots[first + 2]!, d = roots[first + 3]!;
      for (let i = 0, before = -1; i < depth; i++) {
        a = step(a, base, codeBase);
        b = step(b, base, codeBase);
        c = step(c, base, codeBase);
        d = step(d, base, codeBase);
        const sum = (a + b + c + d) | 0;
        if (sum === before) break;
        before = sum;
      }
      addLeaves(flat, first, from + row, a, b, c, d, scores);
    }
  }
}

/** Adds four leaves' values in tree order; tree t belongs to output t % outputs. */
function addLeaves({ values, outputs }: FlatTrees, tree: number, row: number, a: number, b: number, c: number, d: number, scores: Float64Array): void {
  if (outputs === 1) {
    scores[row] = scores[row]! + values[a >>> 1]! + values[b >>> 1]! + values[c >>> 1]! + values[d >>> 1]!;
    return;
  }
  const start = row * outputs;
  scores[start + (tree % outputs)]! += values[a >>> 1]!;
  scores[start + ((tree + 1) % outputs)]! += values[b >>> 1]!;
  scores[start + ((tree + 2) % outputs)]! += values[c >>> 1]!;
  scores[start + ((tree + 3) % outputs)]! += values[d >>> 1]!;
}

function sigmoid(scores: Float64Array): void {
  for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + Math.exp(-scores[i]!));
}

/** Over each row's outputs, shifted by the largest so that nothing overflows. */
function softmax(scores: Float64Array, outputs: number): void {
  for (let start = 0; start < scores.length; start += outputs) {
    let largest = -Infinity, sum = 0;
    for (let i = start; i < start + outputs; i++) largest = Math.max(largest, scores[i]!);
    for (let i = start; i < start + outputs; i++) sum += scores[i] = Math.exp(scores[i]! - largest);
    for (let i = start; i < start + outputs; i++) scores[i]! /= sum;
  }
}
