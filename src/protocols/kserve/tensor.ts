/**
 * Open Inference Protocol v2 JSON tensors ↔ feature matrices. Data may be nested or flat, row-major; null means
 * missing. A model takes either one "features" tensor [rows, columns] or one tensor per column [rows] or [rows, 1].
 */
import { StrataError } from "../../kernel/errors.ts";
import type { Matrix } from "../../serving/index.ts";

export interface InferenceTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly data: unknown;
}

export interface ModelInputs {
  readonly columns: readonly string[];
  readonly categories: Readonly<Record<string, readonly string[]>>;
}

const NUMERIC = new Set(["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP32", "FP64"]);
/** Rows of one request; larger ones should be split so that they do not starve others. */
const MAX_ROWS = 65_536;

/** Reads the request's tensors into a matrix; INFERENCE_INVALID says which tensor and why. */
export function matrixOf(tensors: readonly InferenceTensor[], inputs: ModelInputs): Matrix {
  const whole = tensors.length === 1 && tensors[0]!.name === "features" ? tensors[0]! : undefined;
  return whole ? wholeMatrix(whole, inputs.columns.length) : columnMatrix(tensors, inputs);
}

function wholeMatrix(tensor: InferenceTensor, columns: number): Matrix {
  const [rows, width] = tensor.shape;
  if (tensor.shape.length !== 2 || width !== columns) refuse(`input "features" has shape [${tensor.shape.join(",")}]; expected [rows,${columns}]`);
  checkRows(rows!);
  const values = numbersOf(tensor, rows! * columns);
  return { values, rows: rows!, columns };
}

function columnMatrix(tensors: readonly InferenceTensor[], { columns, categories }: ModelInputs): Matrix {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  if (byName.size < tensors.length) refuse(`input "${tensors.find((tensor) => byName.get(tensor.name) !== tensor)!.name}" is given twice`);
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
    const cells = tensor.datatype === "BYTES" ? codesOf(tensor, categories[column], rows) : numbersOf(tensor, rows);
    for (let row = 0; row < rows; row++) values[row * columns.length + at] = cells[row]!;
  });
  return { values, rows, columns: columns.length };
}

function checkRows(rows: number): void {
  if (!Number.isInteger(rows) || rows < 1 || rows > MAX_ROWS) refuse(`${rows} rows; expected 1 to ${MAX_ROWS}`);
}

function numbersOf(tensor: InferenceTensor, expected: number): Float64Array {
  if (!NUMERIC.has(tensor.datatype)) refuse(`input "${tensor.name}" has datatype ${tensor.datatype}; expected one of ${[...NUMERIC].join(", ")}`);
  const cells = flatten(tensor, expected);
  const values = new Float64Array(expected);
  for (let i = 0; i < expected; i++) {
    const cell = cells[i];
    if (typeof cell === "number") values[i] = cell;
    else if (typeof cell === "boolean") values[i] = cell ? 1 : 0;
    else if (cell === null) values[i] = Number.NaN;
    else refuse(`input "${tensor.name}" holds ${JSON.stringify(cell)} at position ${i}; expected a number or null`);
  }
  return values;
}

function codesOf(tensor: InferenceTensor, categories: readonly string[] | undefined, expected: number): Float64Array {
  if (categories === undefined) refuse(`input "${tensor.name}" is numeric; BYTES is for text columns`);
  const codes = new Map(categories.map((category, code) => [category, code]));
  return Float64Array.from(flatten(tensor, expected), (cell) => codes.get(String(cell)) ?? Number.NaN);
}

function flatten(tensor: InferenceTensor, expected: number): readonly unknown[] {
  if (!Array.isArray(tensor.data)) refuse(`input "${tensor.name}" has no data array`);
  const cells = Array.isArray(tensor.data[0]) ? unnest(tensor, tensor.data, 0) : tensor.data as readonly unknown[];
  if (cells.length !== expected) refuse(`input "${tensor.name}" has ${cells.length} elements; its shape asks for ${expected}`);
  return cells;
}

/** Nested as the shape says, level by level. */
function unnest(tensor: InferenceTensor, data: unknown, level: number): readonly unknown[] {
  const { name, shape } = tensor;
  if (level === shape.length) return [data];
  if (!Array.isArray(data) || data.length !== shape[level]) refuse(`input "${name}" is not nested as its shape [${shape.join(",")}] says`);
  return data.flatMap((part) => unnest(tensor, part, level + 1));
}

export function refuse(reason: string): never {
  throw new StrataError("INFERENCE_INVALID", { reason, model: "…" });
}
