/**
 * Tensor data ↔ raw bytes as the binary tensor extension and gRPC's raw contents have them: little-endian, row-major,
 * without padding; BOOL one byte; a BYTES element is its length as uint32 and then its bytes.
 * Reading copies only what is not aligned. Hosts are little-endian, as every platform of Node is.
 */
import { DATATYPES, elementCount } from "./tensor.ts";
import type { DataOf, Datatype, Tensor, TensorData } from "./tensor.ts";

/** What bytes are to be. */
export interface TensorShape {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** Raises in the words of the reader; `problem` goes on after the tensor's name, e.g. "has 3 bytes; FP32 [1] takes 4". */
export type RefuseTensor = (name: string, problem: string) => never;

/** A tensor over the bytes, a view of them where their place in memory allows it. */
export function tensorFromBytes({ name, datatype, shape }: TensorShape, bytes: Uint8Array, refuse: RefuseTensor): Tensor {
  const count = elementCount(shape);
  if (datatype === "BYTES") return { name, datatype, shape, data: readElements(name, bytes, { count, refuse }) };
  const size = DATATYPES[datatype].bytes;
  if (bytes.length !== count * size) refuse(name, `has ${bytes.length} bytes; ${datatype} [${shape.join(",")}] takes ${count * size}`);
  return { name, datatype, shape, data: readFixed(datatype, bytes, count) };
}

function readFixed(datatype: Exclude<Datatype, "BYTES">, bytes: Uint8Array, count: number): TensorData {
  const { bytes: size, array } = DATATYPES[datatype];
  if (bytes.byteOffset % size === 0) return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, count); // bodies are never shared memory
  const copy = new Uint8Array(bytes); // a fresh buffer, aligned to everything
  return new array(copy.buffer, 0, count);
}

function readElements(name: string, bytes: Uint8Array, { count, refuse }: { readonly count: number; readonly refuse: RefuseTensor }): readonly Uint8Array[] {
  if (count * 4 > bytes.length) refuse(name, `has ${bytes.length} bytes; ${count} elements of BYTES take at least ${count * 4}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = at + 4 > bytes.length ? -1 : view.getUint32(at, true);
    if (length < 0 || at + 4 + length > bytes.length) refuse(name, `ends inside element ${i} of ${count}`);
    elements.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  if (at !== bytes.length) refuse(name, `has ${bytes.length - at} bytes after its ${count} elements`);
  return elements;
}

/** The tensor's bytes; for all but BYTES a view of its data. */
export function bytesOfTensor({ datatype, data }: Tensor): Uint8Array {
  if (datatype === "BYTES") return writeElements(data as DataOf<"BYTES">);
  const array = data as Exclude<TensorData, readonly Uint8Array[]>; // every other datatype's data is a typed array
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function writeElements(elements: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(elements.reduce((sum, element) => sum + 4 + element.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.length, true);
    bytes.set(element, at + 4);
    at += 4 + element.length;
  }
  return bytes;
}
