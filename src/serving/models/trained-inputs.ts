/**
 * Tensors → feature matrix of a trained model. It takes either one "features" tensor [rows, columns] or one tensor per
 * column, [rows] or [rows, 1]: numbers of any datatype (NaN is missing), or text for columns with learned categories.
 */
import { StrataError } from "../../kernel/errors.ts";
import { elementCount } from "../../kernel/tensor.ts";
import type { Datatype, Tensor } from "../../kernel/tensor.ts";
import type { Matrix } from "../../ports/model-runtime.ts";

export interface TrainedInputs {
  readonly model: string;
  readonly columns: readonly string[];
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

const NUMERIC: readonly Datatype[] = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP32", "FP64"];
/** Rows of one request; larger ones should be split so that they do not starve others. */
const MAX_ROWS = 65_536;

/** Reads the request's tensors into a matrix; INFERENCE_INVALID says which tensor and why. */
export function matrixOf(tensors: readonly Tensor[], inputs: TrainedInputs): Matrix {
  try {
    const whole = tensors.length === 1 && tensors[0]!.name === "features" ? tensors[0]! : undefined;
    return whole ? wholeMatrix(whole, inputs.columns.length) : columnMatrix(tensors, inputs);
  } catch (thrown) {
    if (thrown instanceof Refusal) throw new StrataError("INFERENCE_INVALID", { reason: thrown.message, model: inputs.model });
    throw thrown;
  }
}

function wholeMatrix(tensor: Tensor, columns: number): Matrix {
  const [rows, width] = tensor.shape;
  if (tensor.shape.length !== 2 || width !== columns) refuse(`input "features" has shape [${tensor.shape.join(",")}]; expected [rows,${columns}]`);
  checkRows(rows!);
  checkSize(tensor, rows! * columns);
  return { values: numbersOf(tensor), rows: rows!, columns };
}

function columnMatrix(tensors: readonly Tensor[], { columns, categories }: TrainedInputs): Matrix {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  if (byName.size < tensors.length) refuse(`input "${tensors.find(({ name }, at) => tensors.findIndex((one) => one.name === name) < at)!.name}" is given twice`);
  const unknown = tensors.filter((tensor) => !columns.includes(tensor.name));
  if (unknown.length > 0) refuse(`unknown input "${unknown[0]!.name}"; inputs are "features" or ${columns.join(", ")}`);
  const missing = columns.filter((column) => !byName.has(column));
  if (missing.length > 0) refuse(`missing input ${missing.map((name) => `"${name}"`).join(", ")}`);
  const rows = byName.get(columns[0]!)!.shape[0] ?? 0;
  checkRows(rows);
  const values = new Float64Array(rows * columns.length);
  columns.forEach((column, at) => {
    const tensor = byName.get(column)!;
    if (tensor.shape[0] !== rows || (tensor.shape[1] ?? 1) !== 1 || tensor.shape.length > 2) refuse(`input "${column}" has shape [${tensor.shape.join(",")}]; expected [${rows}]`);
    checkSize(tensor, rows);
    const cells = tensor.datatype === "BYTES" ? codesOf(tensor, categories[column]) : numbersOf(tensor);
    for (let row = 0; row < rows; row++) values[row * columns.length + at] = cells[row]!;
  });
  return { values, rows, columns: columns.length };
}

function checkRows(rows: number): void {
  if (!Number.isInteger(rows) || rows < 1 || rows > MAX_ROWS) refuse(`${rows} rows; expected 1 to ${MAX_ROWS}`);
}

function checkSize({ name, shape, data }: Tensor, expected: number): void {
  if (data.length !== expected || elementCount(shape) !== expected) refuse(`input "${name}" has ${data.length} elements; its shape asks for ${expected}`);
}

function numbersOf({ name, datatype, data }: Tensor): Float64Array {
  if (!NUMERIC.includes(datatype)) refuse(`input "${name}" has datatype ${datatype}; expected one of ${NUMERIC.join(", ")}`);
  if (data instanceof Float64Array) return data;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data as BigInt64Array, Number);
  return Float64Array.from(data as Float32Array); // the other numeric datatypes are arrays of numbers
}

function codesOf({ name, data }: Tensor, categories: readonly string[] | undefined): Float64Array {
  if (categories === undefined) refuse(`input "${name}" is numeric; BYTES is for text columns`);
  const codes = new Map(categories.map((category, code) => [category, code]));
  const decoder = new TextDecoder();
  return Float64Array.from(data as readonly Uint8Array[], (cell) => codes.get(decoder.decode(cell)) ?? Number.NaN);
}

class Refusal extends Error {}

function refuse(reason: string): never {
  throw new Refusal(reason);
}
