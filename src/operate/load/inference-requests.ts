/**
 * Requests of the Open Inference Protocol v2, encoded for a load: JSON, JSON with binary tensors (Triton's binary data
 * extension), and gRPC's ModelInfer with raw contents.
 */
import type { Tensor, TensorData } from "../../kernel/tensor.ts";
import { bytesField, packedField } from "./protobuf.ts";

export const INFER_METHOD = "/inference.GRPCInferenceService/ModelInfer";

export function jsonRequest(inputs: readonly Tensor[]): string {
  return JSON.stringify({ inputs: inputs.map(({ name, datatype, shape, data }) => ({ name, shape, datatype, data: jsonData(data, datatype) })) });
}

export interface BinaryRequest {
  readonly body: Uint8Array;
  /** For the header Inference-Header-Content-Length. */
  readonly headBytes: number;
}

/** The head is filled up with spaces so that every tensor begins at a multiple of 8 bytes, and to `headBytes` when given. */
export function binaryRequest(inputs: readonly Tensor[], headBytes = 0): BinaryRequest {
  const blobs = inputs.map(rawContents);
  const head = JSON.stringify({
    inputs: inputs.map(({ name, datatype, shape }, index) => ({ name, shape, datatype, parameters: { binary_data_size: blobs[index]!.length } })),
    parameters: { binary_data_output: true },
  });
  const bytes = Math.max(headBytes, Math.ceil(Buffer.byteLength(head) / 8) * 8);
  return { body: Buffer.concat([Buffer.from(head.padEnd(bytes - Buffer.byteLength(head) + head.length)), ...blobs]), headBytes: bytes };
}

/** ModelInferRequest: model_name 1, model_version 2, inputs 5 {name 1, datatype 2, shape 3}, raw_input_contents 7. */
export function grpcRequest(model: string, version: string | undefined, inputs: readonly Tensor[]): Uint8Array {
  return Buffer.concat([
    bytesField(1, model), ...(version === undefined ? [] : [bytesField(2, version)]),
    ...inputs.map(({ name, datatype, shape }) => bytesField(5, Buffer.concat([bytesField(1, name), bytesField(2, datatype), packedField(3, shape)]))),
    ...inputs.map((input) => bytesField(7, rawContents(input))),
  ]);
}

/** Little-endian, row-major; an element of BYTES is its length as uint32 and its bytes. */
export function rawContents({ data }: Tensor): Buffer {
  if (!isTexts(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat(data.flatMap((element) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(element.length);
    return [length, element];
  }));
}

const isTexts = (data: TensorData): data is readonly Uint8Array[] => Array.isArray(data);

function jsonData(data: TensorData, datatype: string): readonly unknown[] {
  if (isTexts(data)) return data.map((element) => Buffer.from(element).toString("utf8"));
  const numbers = Array.from<number | bigint, number>(data, Number);
  return datatype === "BOOL" ? numbers.map((value) => value === 1) : numbers;
}
