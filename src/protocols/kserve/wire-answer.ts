/**
 * An answer's tensors → a response body: JSON, or JSON followed by binary tensors when some were asked for in binary.
 * The JSON is padded with spaces to a multiple of eight bytes, so that a reader may view the first tensor in place.
 */
import type { Tensor } from "../../kernel/tensor.ts";
import { bytesOfTensor } from "../../kernel/tensor-bytes.ts";
import { jsonOfTensor } from "./tensor-json.ts";

export interface AnswerParts {
  readonly model: string;
  readonly version: string;
  readonly id?: string;
  readonly outputs: readonly AnswerOutput[];
}

export interface AnswerOutput {
  readonly tensor: Tensor;
  readonly isBinary: boolean;
}

/** Elements that would be written as JSON: what decides whether another thread writes them. */
export function jsonElements({ outputs }: AnswerParts): number {
  return outputs.reduce((sum, { tensor, isBinary }) => sum + (isBinary ? 0 : tensor.data.length), 0);
}

/** The JSON of an answer. INFERENCE_INVALID when an output has no JSON form. `sizes` are the byte sizes of the binary outputs. */
export function answerJson({ model, version, id, outputs }: AnswerParts, sizes: readonly number[] = []): string {
  let at = 0;
  const members = outputs.map(({ tensor, isBinary }) => {
    const content = isBinary ? `"parameters":{"binary_data_size":${sizes[at++]!}}` : `"data":${jsonOfTensor(tensor)}`;
    return `{"name":${JSON.stringify(tensor.name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape.join(",")}],${content}}`;
  });
  return `{"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)},${id === undefined ? "" : `"id":${JSON.stringify(id)},`}"outputs":[${members.join(",")}]}`;
}

export interface AnswerBody {
  readonly body: string | Uint8Array;
  /** Length of the JSON when binary tensors follow it. */
  readonly headerBytes?: number;
}

/** Body and, when it is mixed, the length of its JSON. */
export function answerBody(answer: AnswerParts): AnswerBody {
  const blobs = answer.outputs.filter(({ isBinary }) => isBinary).map(({ tensor }) => bytesOfTensor(tensor));
  if (blobs.length === 0) return { body: answerJson(answer) };
  const json = answerJson(answer, blobs.map(({ length }) => length));
  const jsonBytes = Buffer.byteLength(json);
  const headerBytes = (jsonBytes + ALIGNMENT - 1) & -ALIGNMENT;
  const body = Buffer.allocUnsafe(blobs.reduce((sum, { length }) => sum + length, headerBytes));
  body.fill(0x20, body.write(json), headerBytes);
  let at = headerBytes;
  for (const blob of blobs) {
    body.set(blob, at);
    at += blob.length;
  }
  return { body, headerBytes };
}

/** The widest datatype. */
const ALIGNMENT = 8;
