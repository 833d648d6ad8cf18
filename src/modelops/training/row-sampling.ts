/** Chance in training: the rows and columns a tree sees, and the rows the training metric is measured on. */
import type { Random } from "../../kernel/random.ts";

/**
 * Fills rowIndex with a random sample of `taken` rows, ascending, followed by all other rows, ascending
 * (Knuth, The Art of Computer Programming, vol. 2, algorithm S).
 */
export function sampleRows(rowIndex: Int32Array, taken: number, random: Random): void {
  const rows = rowIndex.length;
  let inside = 0, outside = taken;
  for (let row = 0; row < rows; row++) {
    const isTaken = taken === rows || random.next() * (rows - row) < taken - inside;
    rowIndex[isTaken ? inside++ : outside++] = row;
  }
}

/** `taken` of the numbers 0 .. count - 1, ascending. */
export function sampleColumns(count: number, taken: number, random: Random): Int32Array {
  const order = new Int32Array(count);
  sampleRows(order, taken, random);
  return order.subarray(0, taken);
}

/** Rows of a training metric: enough for two stable digits, cheap enough to measure after every tree. */
const METRIC_ROWS = 16_384;

export interface MetricSample {
  readonly rows: Int32Array;
  /** Sizes of the sampled queries; undefined without groups. */
  readonly groups: Uint32Array | undefined;
}

/** Evenly spaced rows, or whole queries, at most about METRIC_ROWS rows. */
export function chooseMetricSample(rows: number, groups: Uint32Array | undefined): MetricSample {
  const step = Math.max(1, rows / METRIC_ROWS);
  if (!groups) return { rows: Int32Array.from({ length: Math.floor(rows / step) }, (_, i) => Math.floor(i * step)), groups: undefined };
  const kept = Array.from({ length: Math.max(1, Math.floor(groups.length / step)) }, (_, i) => Math.min(groups.length - 1, Math.floor(i * step)));
  const starts = groupStarts(groups);
  return {
    rows: Int32Array.from(kept.flatMap((query) => Array.from({ length: groups[query]! }, (_, i) => starts[query]! + i))),
    groups: Uint32Array.from(kept, (query) => groups[query]!),
  };
}

/** First row of each query, and one past the last: sizes.length + 1 entries. */
export function groupStarts(sizes: Uint32Array): Int32Array {
  const starts = new Int32Array(sizes.length + 1);
  sizes.forEach((size, query) => { starts[query + 1] = starts[query]! + size; });
  return starts;
}
