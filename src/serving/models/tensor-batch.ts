/** Joins the tensors of several requests along their first dimension, and gives each its own rows of the answer. */
import { DATATYPES } from "../../kernel/tensor.ts";
import type { Tensor, TensorData, TensorSpec } from "../../kernel/tensor.ts";

/** Rows of a request to a model whose first dimension is the batch. */
export function rowsOf(inputs: readonly Tensor[]): number {
  return inputs[0]?.shape[0] ?? 1;
}

/** What joining the request to others would copy. */
export function bytesOf(inputs: readonly Tensor[]): number {
  let bytes = 0;
  for (const { data } of inputs) {
    if (ArrayBuffer.isView(data)) bytes += data.byteLength;
    else for (const element of data) bytes += element.byteLength;
  }
  return bytes;
}

/** True when two valid requests may differ in more than their number of rows, and so may not fit together. */
export function hasFreeDimensions(specs: readonly TensorSpec[]): boolean {
  return specs.some(({ shape }) => shape.some((size, at) => at > 0 && size === -1));
}

/** The same for requests that can be joined. */
export function shapeKey(inputs: readonly Tensor[]): string {
  return inputs.map(({ shape }) => shape.slice(1).join("x")).join(";");
}

/** One tensor per input with the rows of all requests, in their order. The requests have equal names, datatypes and inner shapes. */
export function joinTensors(requests: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first] = requests;
  if (requests.length === 1) return first!;
  return first!.map((tensor, at) => {
    const parts = requests.map((request) => request[at]!);
    const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
    return { name: tensor.name, datatype: tensor.datatype, shape: [rows, ...tensor.shape.slice(1)], data: joinData(parts) };
  });
}

function joinData(parts: readonly Tensor[]): TensorData {
  const { datatype } = parts[0]!;
  if (datatype === "BYTES") return parts.flatMap((part) => part.data as readonly Uint8Array[]);
  const length = parts.reduce((sum, part) => sum + part.data.length, 0);
  const joined = new DATATYPES[datatype].array(length);
  let at = 0;
  for (const { data } of parts) {
    joined.set(data as never, at); // equal datatypes have equal arrays
    at += data.length;
  }
  return joined;
}

/** Each request's rows of the joined answer, as views into it. Throws when the answer has not as many rows as were asked. */
export function splitTensors(outputs: readonly Tensor[], rowsOfRequests: readonly number[]): readonly (readonly Tensor[])[] {
  const rows = rowsOfRequests.reduce((sum, count) => sum + count, 0);
  const wrong = outputs.find((output) => output.shape[0] !== rows);
  if (wrong) throw new Error(`output "${wrong.name}" has shape [${wrong.shape.join(",")}] for ${rows} rows; a model that batches answers every row`);
  if (rowsOfRequests.length === 1) return [outputs];
  let from = 0;
  return rowsOfRequests.map((count) => {
    const start = from;
    from += count;
    return outputs.map((output) => sliceRows(output, start, count));
  });
}

function sliceRows({ name, datatype, shape, data }: Tensor, start: number, count: number): Tensor {
  const width = shape[0] === 0 ? 0 : data.length / shape[0]!;
  const part = Array.isArray(data) ? data.slice(start * width, (start + count) * width) : (data as Float64Array).subarray(start * width, (start + count) * width);
  return { name, datatype, shape: [count, ...shape.slice(1)], data: part };
}
