/**
 * Tensor data ↔ JSON arrays. Reading takes nested or flat data, exactly: a number outside its datatype, text among
 * numbers or a fraction among integers is refused. `null` is NaN in FP32 and FP64, both ways, because JSON has no NaN.
 * Infinity, FP16, BF16 and BYTES that are no UTF-8 travel in binary only; the messages say so.
 */
import { isUtf8 } from "node:buffer";
import { DATATYPES, elementCount } from "../../kernel/tensor.ts";
import type { DataOf, Datatype, Tensor, TensorData } from "../../kernel/tensor.ts";
import type { TensorShape } from "../../kernel/tensor-bytes.ts";
import { refuse, shown } from "./refusal.ts";

const INTEGER_RANGE: Readonly<Partial<Record<Datatype, readonly [low: number, high: number]>>> = {
  UINT8: [0, 0xff], UINT16: [0, 0xffff], UINT32: [0, 0xffff_ffff],
  INT8: [-0x80, 0x7f], INT16: [-0x8000, 0x7fff], INT32: [-0x8000_0000, 0x7fff_ffff],
};
const LONG_RANGE: Readonly<Partial<Record<Datatype, readonly [low: bigint, high: bigint]>>> = {
  UINT64: [0n, (1n << 64n) - 1n], INT64: [-(1n << 63n), (1n << 63n) - 1n],
};

/** Reads a tensor; INFERENCE_INVALID says which input, where and why. */
export function tensorFromJson({ name, datatype, shape }: TensorShape, data: unknown): Tensor {
  if (datatype === "FP16" || datatype === "BF16") refuse(`input "${name}" is ${datatype}, which has no JSON form; send it in binary (parameters.binary_data_size)`);
  if (!Array.isArray(data)) refuse(`input "${name}" has no data array`);
  const count = elementCount(shape);
  const cells = Array.isArray(data[0]) && shape.length > 0 ? unnested({ name, datatype, shape }, data, count) : data as readonly unknown[];
  if (cells.length !== count) refuse(`input "${name}" has ${cells.length} elements; its shape [${shape.join(",")}] asks for ${count}`);
  return { name, datatype, shape, data: read(name, datatype, cells) };
}

/** The cells of nested data, level by level as the shape says. */
function unnested({ name, shape }: TensorShape, data: readonly unknown[], count: number): readonly unknown[] {
  const cells: unknown[] = [];
  const walk = (part: unknown, level: number): void => {
    if (!Array.isArray(part) || part.length !== shape[level]) refuse(`input "${name}" is not nested as its shape [${shape.join(",")}] says`);
    if (cells.length + part.length > count) refuse(`input "${name}" has more elements than its shape [${shape.join(",")}]`);
    for (const inner of part as readonly unknown[]) if (level === shape.length - 1) cells.push(inner); else walk(inner, level + 1);
  };
  walk(data, 0);
  return cells;
}

function read(name: string, datatype: Exclude<Datatype, "FP16" | "BF16">, cells: readonly unknown[]): TensorData {
  if (datatype === "BYTES") return readTexts(name, cells);
  if (datatype === "BOOL") return readTruths(name, cells);
  if (datatype === "FP32" || datatype === "FP64") return readFloats(name, datatype, cells);
  return datatype === "INT64" || datatype === "UINT64" ? readLongs(name, datatype, cells) : readIntegers(name, datatype, cells);
}

const unfit = (name: string, at: number, cell: unknown, expected: string): never => refuse(`input "${name}" holds ${shown(cell)} at position ${at}; expected ${expected}`);

function readFloats(name: string, datatype: "FP32" | "FP64", cells: readonly unknown[]): TensorData {
  const values = new DATATYPES[datatype].array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    const value = typeof cell === "number" ? cell : cell === null ? Number.NaN : typeof cell === "bigint" ? Number(cell) : unfit(name, i, cell, "a number or null");
    values[i] = value;
    if (cell !== null && !Number.isFinite(values[i])) unfit(name, i, cell, `a number within ${datatype}; infinities travel in binary`);
  }
  return values;
}

function readIntegers(name: string, datatype: Datatype, cells: readonly unknown[]): TensorData {
  const [low, high] = INTEGER_RANGE[datatype]!;
  const values = new DATATYPES[datatype as "INT32"].array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    if (typeof cell !== "number" || !Number.isInteger(cell) || cell < low || cell > high) unfit(name, i, cell, `a whole number from ${low} to ${high} (${datatype})`);
    values[i] = cell as number; // checked above
  }
  return values;
}

function readLongs(name: string, datatype: "INT64" | "UINT64", cells: readonly unknown[]): TensorData {
  const [low, high] = LONG_RANGE[datatype]!;
  const values = new DATATYPES[datatype].array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    const value = typeof cell === "bigint" ? cell : typeof cell === "number" && Number.isInteger(cell) ? BigInt(cell) : unfit(name, i, cell, `a whole number (${datatype})`);
    if (value < low || value > high) unfit(name, i, cell, `a whole number from ${low} to ${high} (${datatype})`);
    values[i] = value;
  }
  return values;
}

function readTruths(name: string, cells: readonly unknown[]): Uint8Array {
  const values = new Uint8Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    values[i] = cell === true || cell === 1 ? 1 : cell === false || cell === 0 ? 0 : unfit(name, i, cell, "true or false");
  }
  return values;
}

/** All elements in one buffer, so that a tensor of many texts is one allocation. */
function readTexts(name: string, cells: readonly unknown[]): readonly Uint8Array[] {
  let size = 0;
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    if (typeof cell !== "string") return unfit(name, i, cell, "text");
    if (!cell.isWellFormed()) unfit(name, i, cell, "text without lone surrogates; other bytes travel in binary");
    size += Buffer.byteLength(cell);
  }
  const bytes = Buffer.from(new ArrayBuffer(size)); // not from the pool: it may be handed to another thread
  let at = 0;
  return (cells as readonly string[]).map((cell) => {
    const start = at;
    at += bytes.write(cell, start, "utf8");
    return new Uint8Array(bytes.buffer, start, at - start);
  });
}

/** The tensor's data as a JSON array, flat. INFERENCE_INVALID when JSON cannot carry it. */
export function jsonOfTensor({ name, datatype, data }: Tensor): string {
  if (datatype === "FP16" || datatype === "BF16") refuse(`output "${name}" is ${datatype}, which has no JSON form; ${ASK_BINARY}`);
  if (datatype === "BYTES") return `[${(data as DataOf<"BYTES">).map((element, at) => textOf(name, element, at)).join(",")}]`;
  if (datatype === "BOOL") return `[${Array.from(data as Uint8Array, (value) => (value === 0 ? "false" : "true")).join(",")}]`;
  if (datatype === "FP32" || datatype === "FP64") return floatsJson(name, data as Float32Array | Float64Array);
  return `[${(data as Int32Array).join(",")}]`; // BigInt arrays join to their digits too
}

/** Each element as JSON text, for those who arrange them anew. */
export function jsonCells(tensor: Tensor): readonly string[] {
  const { name, datatype, data } = tensor;
  if (datatype === "BYTES") return (data as DataOf<"BYTES">).map((element, at) => textOf(name, element, at));
  return data.length === 0 ? [] : jsonOfTensor(tensor).slice(1, -1).split(","); // no other datatype has a comma in an element
}

const ASK_BINARY = "ask for the output in binary (parameters.binary_data on the output)";

function textOf(name: string, element: Uint8Array, at: number): string {
  if (!isUtf8(element)) refuse(`output "${name}" holds bytes at position ${at} that are no UTF-8, so no JSON text; ${ASK_BINARY}`);
  return JSON.stringify(Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString("utf8"));
}

function floatsJson(name: string, values: Float32Array | Float64Array): string {
  let isPlain = true;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === Infinity || value === -Infinity) refuse(`output "${name}" holds ${value} at position ${i}, which is no JSON number; ${ASK_BINARY}`);
    if (value !== value || (value === 0 && 1 / value < 0)) isPlain = false;
  }
  return isPlain ? `[${values.join(",")}]` : `[${Array.from(values, (value) => (value !== value ? "null" : Object.is(value, -0) ? "-0.0" : String(value))).join(",")}]`;
}
