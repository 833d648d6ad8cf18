/**
 * Tensors on the wire of the Open Inference Protocol: raw little-endian bytes after a JSON header where the server
 * takes them, JSON data where it does not. JSON keeps 64-bit integers whole: they are written and read as digits.
 */
import { DATATYPES, elementCount } from "../../kernel/tensor.ts";
import type { Datatype, Tensor, TensorData } from "../../kernel/tensor.ts";
import { tensorFromBytes } from "../../kernel/tensor-bytes.ts";
import type { TensorShape } from "../../kernel/tensor-bytes.ts";

/** What a server says about one tensor of its answer. */
export interface WireTensor extends TensorShape {
  readonly data?: unknown;
  readonly parameters?: { readonly binary_data_size?: number };
}

const refuseOutput = (name: string, problem: string): never => { throw new Error(`output "${name}" ${problem}`); };

/** Reads raw bytes of the answer; throws a sentence when they do not fit the shape. */
export function outputFromBytes(shape: WireTensor, bytes: Uint8Array): Tensor {
  return tensorFromBytes(shape, bytes, refuseOutput);
}

/** JSON text of the data: numbers as digits, text for BYTES. */
export function tensorJson({ datatype, data }: Tensor): string {
  if (datatype === "BYTES") return JSON.stringify((data as readonly Uint8Array[]).map((element) => new TextDecoder().decode(element)));
  if (datatype === "BOOL") return JSON.stringify(Array.from(data as Uint8Array, (value) => value !== 0));
  return `[${(data as Float32Array).join(",")}]`; // bigints join as digits, too
}

/** Reads JSON data, flat or nested; throws a sentence when it does not fit. 64-bit integers may be bigints (see kernel/exact-json.ts). */
export function tensorFromJson({ name, datatype, shape, data }: WireTensor): Tensor {
  const cells = Array.isArray(data) ? data.flat(Number.POSITIVE_INFINITY) as unknown[] : undefined;
  if (cells === undefined) throw new Error(`output "${name}" has no data`);
  if (cells.length !== elementCount(shape)) throw new Error(`output "${name}" has ${cells.length} elements; its shape [${shape.join(",")}] asks for ${elementCount(shape)}`);
  return { name, datatype, shape, data: dataOf(datatype, cells) };
}

function dataOf(datatype: Datatype, cells: readonly unknown[]): TensorData {
  if (datatype === "BYTES") return cells.map((cell) => new TextEncoder().encode(String(cell)));
  if (datatype === "INT64") return BigInt64Array.from(cells, (cell) => BigInt(cell as number));
  if (datatype === "UINT64") return BigUint64Array.from(cells, (cell) => BigInt(cell as number));
  if (datatype === "FP16" || datatype === "BF16") throw new Error(`${datatype} has no form in JSON`);
  const data = new DATATYPES[datatype].array(cells.length);
  for (let i = 0; i < cells.length; i++) data[i] = cells[i] === null ? Number.NaN : Number(cells[i]);
  return data;
}
