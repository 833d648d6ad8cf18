/**
 * The mergeable part of count, sum, mean, min and max: six doubles in a row of a Float64Array. Windows, tiles and
 * evicted history all hold this same shape, and merging is exact, so the way a window is cut never shows.
 */
import { addExact, addLanes } from "./exact-sum.ts";

/** Offsets within one partial aggregate. */
export const COUNT = 0;
export const SUM = 1;
export const MIN = 4;
export const MAX = 5;
/** Doubles per partial aggregate. */
export const PARTIAL = 6;

export function resetPartial(partial: Float64Array, at: number): void {
  partial.fill(0, at, at + MIN);
  partial[at + MIN] = Number.POSITIVE_INFINITY;
  partial[at + MAX] = Number.NEGATIVE_INFINITY;
}

/** Takes in `values[from .. to - 1]`; NaN does not take part. */
export function addValues(partial: Float64Array, at: number, values: Float64Array, from: number, to: number): void {
  for (let row = from; row < to; row++) addValue(partial, at, values[row]!);
}

export function addValue(partial: Float64Array, at: number, value: number): void {
  if (Number.isNaN(value)) return;
  partial[at + COUNT]! += 1;
  addExact(partial, at + SUM, value);
  if (value < partial[at + MIN]!) partial[at + MIN] = value;
  if (value > partial[at + MAX]!) partial[at + MAX] = value;
}

export function mergePartial(into: Float64Array, at: number, from: Float64Array, fromAt: number): void {
  into[at + COUNT]! += from[fromAt + COUNT]!;
  addLanes(into, at + SUM, from, fromAt + SUM);
  if (from[fromAt + MIN]! < into[at + MIN]!) into[at + MIN] = from[fromAt + MIN]!;
  if (from[fromAt + MAX]! > into[at + MAX]!) into[at + MAX] = from[fromAt + MAX]!;
}
