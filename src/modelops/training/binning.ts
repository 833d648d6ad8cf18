/**
 * Turns columns into bins that fit a byte: bin 0 for missing values, bins 1 .. binCount for the rest.
 * Numeric bins hold about equally many sampled rows each (as in Ke et al. 2017); a categorical bin is one code,
 * the most frequent codes first, and codes that get no bin share bin 0 because no split can name them.
 */
import type { Random } from "../../kernel/random.ts";
import { thresholdBetween } from "./float32.ts";
import { checkCategory, type TrainingColumn } from "./training-data.ts";

export interface NumericBins {
  readonly kind: "numeric";
  readonly binCount: number;
  /** Bin b holds values in (upperBounds[b - 2], upperBounds[b - 1]]; the last bin has no bound. */
  readonly upperBounds: Float64Array;
}

export interface CategoricalBins {
  readonly kind: "categorical";
  readonly binCount: number;
  /** Bin b is code codes[b - 1]. */
  readonly codes: Uint32Array;
}

export type Bins = NumericBins | CategoricalBins;

/** About 256 sampled values per bin: a bin's share is right within some 6 % (binomial); sorting more costs more than it gives. */
const SAMPLE_ROWS = 65_536;

/** Chooses a column's bins; the random draws depend on the number of rows only. */
export function chooseBins(column: TrainingColumn, maxBins: number, random: Random): Bins {
  return column.kind === "numeric" ? numericBins(sortedSample(column.values, random), maxBins) : categoricalBins(column, maxBins);
}

/** One draw per equal stretch of rows: even coverage, without the aliasing of a fixed step on periodic data. */
function sortedSample(values: Float64Array, random: Random): Float64Array {
  const rows = values.length;
  const sample = new Float64Array(Math.min(rows, SAMPLE_ROWS));
  const step = rows / sample.length;
  let size = 0;
  for (let i = 0; i < sample.length; i++) {
    const value = values[step === 1 ? i : Math.min(rows - 1, Math.floor((i + random.next()) * step))]!;
    if (!Number.isNaN(value)) sample[size++] = Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
  }
  return sample.subarray(0, size).toSorted();
}

function numericBins(sorted: Float64Array, maxBins: number): NumericBins {
  const { values, counts } = distinctOf(sorted);
  const ends = values.length <= maxBins ? Array.from(values, (_, i) => i) : equalFrequencyEnds(counts, sorted.length, maxBins);
  const upperBounds = Float64Array.from(ends.slice(0, -1), (end) => thresholdBetween(values[end]!, values[end + 1]!));
  return { kind: "numeric", binCount: Math.max(1, ends.length), upperBounds };
}

function distinctOf(sorted: Float64Array): { readonly values: Float64Array; readonly counts: Uint32Array } {
  const values = new Float64Array(sorted.length), counts = new Uint32Array(sorted.length);
  let distinct = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i]! !== sorted[i - 1]!) values[distinct++] = sorted[i]!;
    counts[distinct - 1]! += 1;
  }
  return { values: values.subarray(0, distinct), counts: counts.subarray(0, distinct) };
}

/** Last distinct value of each bin. A bin closes when it has its share of what is left, or before a value that fills a bin alone. */
function equalFrequencyEnds(counts: Uint32Array, rows: number, maxBins: number): number[] {
  const ends: number[] = [];
  let rowsLeft = rows, inBin = 0;
  for (let i = 0; i + 1 < counts.length && ends.length + 1 < maxBins; i++) {
    inBin += counts[i]!;
    const share = rowsLeft / (maxBins - ends.length);
    if (inBin < share && counts[i + 1]! < share) continue;
    ends.push(i);
    rowsLeft -= inBin;
    inBin = 0;
  }
  ends.push(counts.length - 1);
  return ends;
}

function categoricalBins(column: TrainingColumn, maxBins: number): CategoricalBins {
  const counts = new Map<number, number>();
  column.values.forEach((value, row) => {
    if (Number.isNaN(value)) return;
    checkCategory(value, row, column);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  });
  const frequent = [...counts].toSorted(([a, countA], [b, countB]) => countB - countA || a - b).slice(0, maxBins);
  return { kind: "categorical", binCount: Math.max(1, frequent.length), codes: Uint32Array.from(frequent, ([code]) => code) };
}

/** Writes the bins of values[from .. to) to out at the same positions. */
export type BinWriter = (values: Float64Array, out: Uint8Array, from: number, to: number) => void;

export function createBinWriter(bins: Bins): BinWriter {
  return bins.kind === "numeric" ? numericWriter(bins.upperBounds) : categoricalWriter(bins.codes);
}

/** Branch-free search: the bounds as a complete binary tree in level order, padded with infinity. */
function numericWriter(upperBounds: Float64Array): BinWriter {
  const levels = Math.ceil(Math.log2(upperBounds.length + 1));
  const size = 2 ** levels - 1;
  const tree = levelOrder(upperBounds, size);
  return (values, out, from, to) => {
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      let at = 0;
      for (let level = 0; level < levels; level++) at = 2 * at + 1 + +(value > tree[at]!);
      out[row] = value === value ? at - size + 1 : 0;
    }
  };
}

function levelOrder(sorted: Float64Array, size: number): Float64Array {
  const tree = new Float64Array(size).fill(Infinity);
  let next = 0;
  const fill = (at: number): void => {
    if (at >= size) return;
    fill(2 * at + 1);
    if (next < sorted.length) tree[at] = sorted[next++]!;
    fill(2 * at + 2);
  };
  fill(0);
  return tree;
}

function categoricalWriter(codes: Uint32Array): BinWriter {
  const binOf = new Map<number, number>(Array.from(codes, (code, i) => [code, i + 1]));
  return (values, out, from, to) => {
    for (let row = from; row < to; row++) out[row] = binOf.get(values[row]!) ?? 0;
  };
}
