/**
 * Exact search by scanning: codes first, in WebAssembly, which leaves only rows whose bound may still reach the k-th
 * best; those are measured with floats. The threshold rises as it goes. Manhattan has no codes and measures every row.
 */
import type { RowBits } from "../../ports/vector-index.ts";
import { BLOCK_ROWS, LIST_ROWS } from "./arena-layout.ts";
import { KIND } from "./arena.ts";
import type { Arena } from "./arena.ts";
import type { Nearest } from "./nearest.ts";

/** The first step is small: its rows are all measured. */
const FIRST_STEP = 128;
/** For the rounding of what `constant` is made of. */
const SLACK = 2e-6;

export interface ScanTarget {
  readonly arena: Arena;
  readonly nearest: Nearest;
  /** What the kernels leave out: encodeQuery. */
  readonly constant: number;
}

export function hasBit(bits: RowBits, row: number): boolean {
  return ((bits[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0;
}

/** Every row that is there, below `end`; with `accepts`, of those. */
export function scanRows({ arena, nearest, constant }: ScanTarget, end: number, accepts?: (row: number) => boolean): void {
  const { kernels, desk, words } = arena;
  for (let from = 0, step = FIRST_STEP; from < end; from += step, step = Math.min(BLOCK_ROWS, step * 2)) {
    step = Math.min(step, BLOCK_ROWS - (from & (BLOCK_ROWS - 1)));
    let count = kernels.scan(from, Math.min(end, from + step), thresholdOf(nearest, constant), desk.list);
    if (accepts && count > 0) {
      const base = desk.list / 4;
      let kept = 0;
      for (let i = 0; i < count; i++) if (accepts(words[base + i]!)) words[base + kept++] = words[base + i]!;
      count = kept;
    }
    if (count > 0) measureRows({ arena, nearest, constant }, count);
  }
}

/** Rows of a list that are there. */
export function scanList(target: ScanTarget, rows: Int32Array | readonly number[]): void {
  const { arena: { kernels, desk, words, layout }, nearest, constant } = target;
  const base = desk.list / 4;
  for (let from = 0, step = FIRST_STEP; from < rows.length; from += step, step = Math.min(LIST_ROWS, step * 2)) {
    const length = Math.min(step, rows.length - from);
    for (let i = 0; i < length; i++) words[base + i] = rows[from + i]!;
    const count = layout.distance === "manhattan" ? length : kernels.scanList(desk.list, length, thresholdOf(nearest, constant), desk.list);
    if (count > 0) measureRows(target, count);
  }
}

/** The rows of a set, ascending. */
export function listOf(bits: RowBits, end: number, accepts: (row: number) => boolean): Int32Array {
  const rows = new Int32Array(end);
  let count = 0;
  for (let word = 0; word < bits.length; word++) {
    for (let left = bits[word]!; left !== 0; left &= left - 1) {
      const row = word * 32 + 31 - Math.clz32(left & -left);
      if (row < end && accepts(row)) rows[count++] = row;
    }
  }
  return rows.subarray(0, count);
}

function measureRows({ arena: { kernels, desk, words, floats, layout }, nearest }: ScanTarget, count: number): void {
  kernels.exact(desk.list, count, desk.out, KIND[layout.distance]);
  const rows = desk.list / 4, out = desk.out / 4;
  for (let i = 0; i < count; i++) if (floats[out + i]! >= nearest.threshold) nearest.offer(words[rows + i]!, floats[out + i]!);
}

function thresholdOf({ threshold }: Nearest, constant: number): number {
  return threshold + constant - SLACK * (Math.abs(threshold === -Infinity ? 0 : threshold) + constant);
}
