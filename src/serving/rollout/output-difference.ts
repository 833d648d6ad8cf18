/** How two answers to the same request differ, output by output. Pure; numbers of all datatypes are compared as numbers. */
import type { Tensor } from "../../kernel/tensor.ts";

export type DifferenceKind = "equal" | "different" | "shape" | "datatype" | "missing" | "extra";

export interface OutputDifference {
  readonly output: string;
  readonly kind: DifferenceKind;
  /** Of numbers; for texts and truths, 1 where elements differ. */
  readonly meanAbsolute: number;
  readonly maximumAbsolute: number;
  /** Share of elements within the tolerance. */
  readonly equalShare: number;
}

export function compareOutputs(expected: readonly Tensor[], actual: readonly Tensor[], tolerance: number): readonly OutputDifference[] {
  const found = new Map(actual.map((tensor) => [tensor.name, tensor]));
  const known = new Set(expected.map(({ name }) => name));
  return [
    ...expected.map((tensor) => compareTensor(tensor, found.get(tensor.name), tolerance)),
    ...actual.filter(({ name }) => !known.has(name)).map(({ name }) => misfit(name, "extra")),
  ];
}

function misfit(output: string, kind: DifferenceKind): OutputDifference {
  return { output, kind, meanAbsolute: 0, maximumAbsolute: 0, equalShare: 0 };
}

function compareTensor(expected: Tensor, actual: Tensor | undefined, tolerance: number): OutputDifference {
  if (actual === undefined) return misfit(expected.name, "missing");
  if (actual.datatype !== expected.datatype) return misfit(expected.name, "datatype");
  if (actual.shape.join() !== expected.shape.join()) return misfit(expected.name, "shape");
  const differenceAt = differenceOf(expected, actual);
  const { length } = expected.data;
  let [sum, maximum, equal] = [0, 0, 0];
  for (let index = 0; index < length; index++) {
    const difference = differenceAt(index);
    sum += difference;
    if (difference > maximum) maximum = difference;
    if (difference <= tolerance) equal++;
  }
  return { output: expected.name, kind: equal === length ? "equal" : "different", meanAbsolute: length === 0 ? 0 : sum / length, maximumAbsolute: maximum, equalShare: length === 0 ? 1 : equal / length };
}

function differenceOf(expected: Tensor, actual: Tensor): (index: number) => number {
  const [a, b] = [valuesOf(expected), valuesOf(actual)];
  return (index) => {
    const [left, right] = [a(index), b(index)];
    if (typeof left === "string" || typeof right === "string") return left === right ? 0 : 1;
    if (Object.is(left, right) || left === right) return 0; // also two NaN, and two infinities
    const difference = Math.abs(left - right);
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  };
}

/** An element as a number, or as text where it is bytes. */
export function valuesOf({ datatype, data }: Tensor): (index: number) => number | string {
  switch (datatype) {
    case "BYTES": {
      const items = data as readonly Uint8Array[]; // what BYTES is kept in
      return (index) => Buffer.from(items[index]!).toString("latin1");
    }
    case "FP16": return (index) => halfOf(data[index] as number);
    case "BF16": return (index) => brainOf(data[index] as number);
    default: return (index) => Number(data[index]);
  }
}

const word = new DataView(new ArrayBuffer(4));

function brainOf(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 === 0 ? 1 : -1, (bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1_024) * 2 ** (exponent - 15);
}
