/** Joins the answers of an ensemble's members: under their own names, as a mean, side by side, or by a function. Pure. */
import type { EnsembleStep, TensorValue } from "../../define/index.ts";
import { DATATYPES } from "../../kernel/tensor.ts";
import type { Datatype, Tensor, TensorData, TensorSpec } from "../../kernel/tensor.ts";

type Tensors = ReadonlyMap<string, Tensor>;

/** Throws a sentence when the answers cannot be joined. */
export async function combineTensors(answers: ReadonlyMap<string, Tensors>, combine: EnsembleStep["combine"], outputs: readonly TensorSpec[]): Promise<Tensors> {
  if (combine === undefined) return side(answers);
  if (typeof combine === "function") return byFunction(answers, combine, outputs);
  const [first, ...others] = [...answers.values()];
  const common = [...first!.keys()].filter((name) => others.every((other) => other.has(name)));
  const join = combine === "mean" ? meanOf : concatenated;
  return new Map(common.map((name) => [name, join([...answers.values()].map((tensors) => tensors.get(name)!))]));
}

function side(answers: ReadonlyMap<string, Tensors>): Tensors {
  const joined = new Map<string, Tensor>();
  for (const [member, tensors] of answers) {
    for (const [name, tensor] of tensors) {
      if (joined.has(name)) throw new TypeError(`member "${member}" and another one both made the tensor "${name}"`);
      joined.set(name, tensor);
    }
  }
  return joined;
}

function meanOf(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  const { name, datatype, shape } = first!;
  const other = tensors.find((tensor) => tensor.datatype !== datatype || tensor.shape.join() !== shape.join());
  if (other) throw new TypeError(`"${name}" cannot be averaged: one member gave ${datatype} [${shape.join(",")}], another ${other.datatype} [${other.shape.join(",")}]`);
  if (datatype !== "FP32" && datatype !== "FP64") throw new TypeError(`"${name}" cannot be averaged: it is ${datatype}; FP32 and FP64 can`);
  const sums = new Float64Array(first!.data.length);
  for (const { data } of tensors) for (let i = 0; i < sums.length; i++) sums[i]! += (data as Float64Array)[i]!;
  for (let i = 0; i < sums.length; i++) sums[i]! /= tensors.length;
  return { name, datatype, shape, data: datatype === "FP64" ? sums : Float32Array.from(sums) };
}

/** Along the second dimension: columns beside columns. A tensor [rows] is one column. */
function concatenated(tensors: readonly Tensor[]): Tensor {
  const columns = tensors.map(asColumns);
  const [first] = columns;
  const { name, datatype } = first!;
  const rows = first!.shape[0]!;
  const tail = first!.shape.slice(2);
  const wrong = columns.find((tensor) => tensor.datatype !== datatype || tensor.shape[0] !== rows || tensor.shape.slice(2).join() !== tail.join());
  if (wrong) throw new TypeError(`"${name}" cannot be concatenated: ${datatype} [${first!.shape.join(",")}] beside ${wrong.datatype} [${wrong.shape.join(",")}]`);
  const width = columns.reduce((sum, tensor) => sum + tensor.shape[1]!, 0);
  return { name, datatype, shape: [rows, width, ...tail], data: interleaved(datatype, columns, rows) };
}

function asColumns(tensor: Tensor): Tensor {
  return tensor.shape.length === 1 ? { ...tensor, shape: [tensor.shape[0]!, 1] } : tensor;
}

function interleaved(datatype: Datatype, columns: readonly Tensor[], rows: number): TensorData {
  const widths = columns.map(({ data }) => (rows === 0 ? 0 : data.length / rows));
  if (datatype === "BYTES") {
    return Array.from({ length: rows }, (_, row) => columns.flatMap(({ data }, at) => (data as readonly Uint8Array[]).slice(row * widths[at]!, (row + 1) * widths[at]!))).flat();
  }
  const joined = new DATATYPES[datatype].array(columns.reduce((sum, { data }) => sum + data.length, 0));
  let to = 0;
  for (let row = 0; row < rows; row++) {
    columns.forEach(({ data }, at) => {
      joined.set((data as Float64Array).subarray(row * widths[at]!, (row + 1) * widths[at]!) as never, to); // equal datatypes have equal arrays
      to += widths[at]!;
    });
  }
  return joined;
}

async function byFunction(answers: ReadonlyMap<string, Tensors>, combine: Extract<EnsembleStep["combine"], (...inputs: never) => unknown>, outputs: readonly TensorSpec[]): Promise<Tensors> {
  const given: Record<string, TensorValue> = {};
  for (const [member, tensors] of answers) for (const [name, { shape, data }] of tensors) given[`${member}.${name}`] = { shape, data };
  const made = await combine(given);
  return new Map(Object.entries(made).map(([name, { shape, data }]) => [name, { name, datatype: datatypeOf(name, data, outputs), shape, data }]));
}

/** What the graph declares for the name, else what the array stands for. */
function datatypeOf(name: string, data: TensorData, outputs: readonly TensorSpec[]): Datatype {
  const declared = outputs.find((output) => output.name === name)?.datatype;
  if (declared !== undefined && isArrayOf(declared, data)) return declared;
  const found = BY_ARRAY.find((datatype) => isArrayOf(datatype, data));
  if (found === undefined) throw new TypeError(`the combining function's "${name}" is no tensor data`);
  return found;
}

const BY_ARRAY: readonly Datatype[] = ["FP64", "FP32", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8", "BYTES"];

function isArrayOf(datatype: Datatype, data: unknown): boolean {
  const { array } = DATATYPES[datatype];
  return array === undefined ? Array.isArray(data) : data instanceof array;
}
