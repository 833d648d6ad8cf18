/** The bodies of an inference over REST: a JSON header, followed by raw tensors where the server takes them. */
import { parseExactJson } from "../../kernel/exact-json.ts";
import { isDatatype } from "../../kernel/tensor.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import { bytesOfTensor } from "../../kernel/tensor-bytes.ts";
import type { InferenceParameters } from "../../ports/inference-model.ts";
import { outputFromBytes, tensorFromJson, tensorJson } from "./tensor-wire.ts";
import type { WireTensor } from "./tensor-wire.ts";

export interface RequestParts {
  readonly tensors: readonly Tensor[];
  readonly wanted: readonly string[];
  readonly isBinary: boolean;
  readonly parameters: InferenceParameters | undefined;
  /** What is left of the deadline; the server may drop the request after it. */
  readonly timeoutMs: number | undefined;
}

export function writeRequest(parts: RequestParts): { readonly headers: Record<string, string>; readonly body: Buffer } {
  const raw = parts.isBinary ? parts.tensors.map(bytesOfTensor) : [];
  const header = Buffer.from(headerText(parts, raw));
  if (!parts.isBinary) return { headers: { "content-type": "application/json" }, body: header };
  return {
    headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(header.length) },
    body: Buffer.concat([header, ...raw]),
  };
}

/** Written by hand: JSON.stringify has no bigints, and data is the larger part. */
function headerText({ tensors, wanted, isBinary, parameters, timeoutMs }: RequestParts, raw: readonly Uint8Array[]): string {
  const inputs = tensors.map((tensor, at) => {
    const { name, datatype, shape } = tensor;
    const content = isBinary ? `"parameters":{"binary_data_size":${raw[at]!.length}}` : `"data":${tensorJson(tensor)}`;
    return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(",")}],${content}}`;
  });
  const outputs = wanted.map((name) => `{"name":${JSON.stringify(name)}${isBinary ? `,"parameters":{"binary_data":true}` : ""}}`);
  const passed = Object.entries(parameters ?? {}).filter(([name]) => !OUR_PARAMETERS.has(name)).map(([name, value]) => `${JSON.stringify(name)}:${typeof value === "bigint" ? String(value) : JSON.stringify(value)}`);
  if (timeoutMs !== undefined) passed.push(`"timeout":${Math.max(1, Math.round(timeoutMs * 1_000))}`); // microseconds, as Triton's schedule policy has it
  return `{"inputs":[${inputs.join(",")}],"outputs":[${outputs.join(",")}]${passed.length === 0 ? "" : `,"parameters":{${passed.join(",")}}`}}`;
}

/** Said anew for each hop. */
const OUR_PARAMETERS = new Set(["timeout", "binary_data_output", "binary_data_size", "binary_data"]);

/** The wanted outputs, in that order; throws a sentence when the answer cannot be read or lacks one. */
export function readAnswer(bytes: Uint8Array, headerLength: number | undefined, wanted: readonly string[]): readonly Tensor[] {
  const header = parseExactJson(new TextDecoder().decode(headerLength === undefined ? bytes : bytes.subarray(0, headerLength))) as { readonly outputs?: unknown };
  if (!Array.isArray(header.outputs)) throw new Error("its answer has no outputs");
  let at = headerLength ?? bytes.length;
  const tensors = new Map<string, Tensor>();
  for (const output of header.outputs as readonly WireTensor[]) {
    if (typeof output.name !== "string" || !isDatatype(output.datatype) || !Array.isArray(output.shape)) throw new Error("its answer has an output that cannot be read");
    const size = output.parameters?.binary_data_size;
    tensors.set(output.name, size === undefined ? tensorFromJson(output) : outputFromBytes(output, bytes.subarray(at, at + size)));
    at += size ?? 0;
  }
  return wanted.map((name) => tensors.get(name) ?? missing(name));
}

function missing(name: string): never {
  throw new Error(`its answer has no output "${name}"`);
}
