/**
 * Tensors on the wire of the Open Inference Protocol: raw little-endian bytes after a JSON header where the server
 * takes them, JSON data where it does not. JSON keeps 64-bit integers whole: they are written and read as digits.
 */
import { DATATYPES, elementCount } from "../../kernel/tensor.ts";
import type { Datatype, Tensor, TensorData } from "../../kernel/tensor.ts";

/** What a server says about one tensor of its answer. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data?: unknown;
  readonly parameters?: { readonly binary_data_size?: number };
}

/** The tensor's bytes; a view of its data for all datatypes but BYTES. */
export function tensorBytes({ datatype, data }: Tensor): Uint8Array {
  if (datatype !== "BYTES") {
    const { buffer, byteOffset, byteLength } = data as Float32Array; // every other datatype is a typed array
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  const elements = data as readonly Uint8Array[];
  const bytes = Buffer.allocUnsafe(elements.reduce((sum, element) => sum + 4 + element.length, 0));
  let at = 0;
  for (const element of elements) {
    bytes.writeUInt32LE(element.length, at);
    bytes.set(element, at + 4);
    at += 4 + element.length;
  }
  return bytes;
}

/** Reads raw bytes of the answer; throws a sentence when they do not fit the shape. */
export function tensorFromBytes({ name, datatype, shape }: WireTensor, bytes: Uint8Array): Tensor {
  const count = elementCount(shape);
  if (datatype === "BYTES") return { name, datatype, shape, data: elementsOf(name, bytes, count) };
  const { bytes: size, array } = DATATYPES[datatype];
  if (bytes.byteLength !== count * size) throw new Error(`output "${name}" has ${bytes.byteLength} bytes; ${datatype} [${shape.join(",")}] takes ${count * size}`);
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return { name, datatype, shape, data: new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, count) };
}

function elementsOf(name: string, bytes: Uint8Array, count: number): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (elements.length < count) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.length) throw new Error(`output "${name}" ends inside element ${elements.length} of ${count}`);
    elements.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  if (at !== bytes.length) throw new Error(`output "${name}" has ${bytes.length - at} bytes after its elements`);
  return elements;
}

/** JSON text of the data: numbers as digits, text for BYTES. */
export function tensorJson({ datatype, data }: Tensor): string {
  if (datatype === "BYTES") return JSON.stringify((data as readonly Uint8Array[]).map((element) => new TextDecoder().decode(element)));
  if (datatype === "BOOL") return JSON.stringify(Array.from(data as Uint8Array, (value) => value !== 0));
  return `[${(data as Float32Array).join(",")}]`; // bigints join as digits, too
}

/** Reads JSON data, flat or nested; throws a sentence when it does not fit. 64-bit integers may be bigints (see parseExact). */
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

/** JSON with integers beyond 2^53 as bigints: V8 tells the digits of each number to the reviver. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }) =>
    (typeof value === "number" && !Number.isSafeInteger(value) && context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value));
}
