/**
 * Tensors as the Open Inference Protocol v2 has them: a name, a datatype, a shape, and row-major data in the typed
 * array that holds the datatype exactly. Plain values without behaviour, so that models, runtimes and wire formats agree.
 */

/** How each datatype lies in memory: its typed array, and bytes per element (0: variable length). */
export const DATATYPES = {
  BOOL: { bytes: 1, array: Uint8Array }, // 0 or 1
  UINT8: { bytes: 1, array: Uint8Array }, UINT16: { bytes: 2, array: Uint16Array }, UINT32: { bytes: 4, array: Uint32Array }, UINT64: { bytes: 8, array: BigUint64Array },
  INT8: { bytes: 1, array: Int8Array }, INT16: { bytes: 2, array: Int16Array }, INT32: { bytes: 4, array: Int32Array }, INT64: { bytes: 8, array: BigInt64Array },
  FP16: { bytes: 2, array: Uint16Array }, BF16: { bytes: 2, array: Uint16Array }, // raw bits: Float16Array is not in every supported Node
  FP32: { bytes: 4, array: Float32Array }, FP64: { bytes: 8, array: Float64Array },
  BYTES: { bytes: 0, array: undefined },
} as const;

export type Datatype = keyof typeof DATATYPES;

/** The data that a datatype's elements are kept in; BYTES is one Uint8Array per element. */
export type DataOf<D extends Datatype> =
  D extends "BOOL" | "UINT8" ? Uint8Array : D extends "UINT16" | "FP16" | "BF16" ? Uint16Array : D extends "UINT32" ? Uint32Array
  : D extends "UINT64" ? BigUint64Array : D extends "INT8" ? Int8Array : D extends "INT16" ? Int16Array : D extends "INT32" ? Int32Array
  : D extends "INT64" ? BigInt64Array : D extends "FP32" ? Float32Array : D extends "FP64" ? Float64Array : readonly Uint8Array[];

export type TensorData = DataOf<Datatype>;

export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Every dimension known; their product is the number of elements. The first is the batch where a model batches. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** What a model takes or gives: -1 is a dimension of any size. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

export function isDatatype(text: string): text is Datatype {
  return Object.hasOwn(DATATYPES, text);
}

/** The number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The same tensor with data of its own. Tensors are often views: into a request's body, or into the answer of a whole
 * batch, which a keeper would keep alive and a transfer to a thread would take along.
 */
export function ownTensor(tensor: Tensor): Tensor {
  const { data } = tensor;
  return { ...tensor, shape: [...tensor.shape], data: ArrayBuffer.isView(data) ? ownData(data) : data.map(ownData) };
}

function ownData<Data extends Exclude<TensorData, readonly Uint8Array[]>>(data: Data): Data {
  const bytes = new Uint8Array(data.byteLength);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (data instanceof Uint8Array) return bytes as unknown as Data; // a Buffer, too, becomes plain bytes
  const Type = data.constructor as new (buffer: ArrayBuffer) => Data;
  return new Type(bytes.buffer);
}
