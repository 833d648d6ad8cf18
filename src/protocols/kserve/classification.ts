/**
 * The classification extension: instead of a tensor of scores, the highest classes as BYTES "value:index". The first
 * of several dimensions is the batch, all others together are the classes. Equal values: the lower index first.
 */
import type { Tensor } from "../../kernel/tensor.ts";
import { refuse } from "./refusal.ts";

/** The `count` highest classes of each row, or all when there are fewer. */
export function classify(tensor: Tensor, count: number): Tensor {
  const { name, datatype, shape, data } = tensor;
  if (datatype === "BYTES" || datatype === "FP16" || datatype === "BF16") refuse(`output "${name}" is ${datatype}, which cannot be classified`);
  const isBatched = shape.length > 1;
  const rows = isBatched ? shape[0]! : 1;
  const classes = rows === 0 ? 0 : data.length / rows;
  const kept = Math.min(count, classes);
  const values = data as Float64Array; // BigInt arrays compare and print alike
  const elements = Array.from({ length: rows }, (_, row) => highest(values, row * classes, classes).slice(0, kept)
    .map((index) => new TextEncoder().encode(`${values[row * classes + index]!}:${index}`)));
  return { name, datatype: "BYTES", shape: isBatched ? [rows, kept] : [kept], data: elements.flat() };
}

/** Indexes by falling value; NaN is below everything. */
function highest(values: Float64Array, start: number, classes: number): readonly number[] {
  const above = (a: number, b: number): number => (values[start + a]! > values[start + b]! ? -1 : values[start + a]! < values[start + b]! ? 1 : 0);
  const isNumber = (index: number): boolean => !Number.isNaN(Number(values[start + index]));
  return Array.from({ length: classes }, (_, index) => index).toSorted((a, b) => Number(isNumber(b)) - Number(isNumber(a)) || above(a, b) || a - b);
}
