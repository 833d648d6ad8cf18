/**
 * Brings rows into order of time without disturbing equal times: a natural merge sort over row numbers, linear for
 * rows that already are in order and for a sorted tail that must move in between.
 */
import type { WindowColumns } from "./window-columns.ts";

/** The rows `[from, to)` in stable order of time; undefined when they are in order already. */
export function orderByTime(times: Float64Array, from: number, to: number): Int32Array | undefined {
  let runs = findRuns(times, from, to);
  if (runs.length <= 2) return undefined;
  let order = Int32Array.from({ length: to - from }, (_, index) => from + index);
  let merged = new Int32Array(to - from);
  while (runs.length > 2) {
    const next = [0];
    for (let run = 0; run + 1 < runs.length; run += 2) {
      const middle = runs[run + 1]!;
      const end = runs[run + 2] ?? middle;
      mergeRuns(times, { order, merged }, { begin: runs[run]!, middle, end });
      next.push(end);
    }
    [order, merged] = [merged, order];
    runs = next;
  }
  return order;
}

/** Boundaries of the ascending runs, relative to `from`: [0, …, length]. */
function findRuns(times: Float64Array, from: number, to: number): number[] {
  const runs = [0];
  for (let row = from + 1; row < to; row++) if (times[row]! < times[row - 1]!) runs.push(row - from);
  runs.push(to - from);
  return runs;
}

/** Equal times are taken from the earlier run first. */
function mergeRuns(times: Float64Array, { order, merged }: { readonly order: Int32Array; readonly merged: Int32Array }, { begin, middle, end }: { readonly begin: number; readonly middle: number; readonly end: number }): void {
  let left = begin;
  let right = middle;
  for (let at = begin; at < end; at++) {
    const takeLeft = right >= end || (left < middle && times[order[left]!]! <= times[order[right]!]!);
    merged[at] = order[takeLeft ? left++ : right++]!;
  }
}

/** Puts the rows named by `order` at `from` and following, in every column but the gaps, which are linked anew. */
export function permuteRows(columns: WindowColumns, from: number, order: Int32Array): void {
  for (const column of [columns.times, columns.known, ...columns.numbers, ...columns.codes, ...columns.flags]) {
    if (column.length === 0) continue;
    const moved = column.slice(from, from + order.length);
    for (let index = 0; index < order.length; index++) column[from + index] = moved[order[index]! - from]!;
  }
}
