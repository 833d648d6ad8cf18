/** `strata loadtest oip`: models behind the Open Inference Protocol, with tensors made from their own metadata. */
import { StrataError } from "../../../kernel/errors.ts";
import { createRandom } from "../../../kernel/random.ts";
import type { Tensor, TensorSpec } from "../../../kernel/tensor.ts";
import { INFER_METHOD, binaryRequest, grpcModelInputs, grpcRequest, inputsOf, jsonRequest, randomTensor } from "../../../platform/load-test.ts";
import type { Exchange } from "../../../platform/load-test.ts";
import { createApiClient } from "../../api-client.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import type { OptionValues } from "../../option.ts";
import { formatBytes } from "../../terminal/format.ts";
import { LOAD_OPTIONS, addressOf, headersOf } from "./load-options.ts";
import type { Address, LoadOptionValues } from "./load-options.ts";
import type { LoadTarget } from "./load-target.ts";
import { renderResult } from "./render-result.ts";
import { runOrSearch } from "./run-or-search.ts";
import { SEARCH_OPTIONS } from "./search-options.ts";

const INFERENCE_OPTIONS = {
  model: { type: "string", required: true, description: "Name of the model" },
  modelVersion: { type: "string", description: "A version, instead of the one the server chooses" },
  rows: { type: "number", integer: true, minimum: 1, default: 1, description: "Rows per request: the size of the first open dimension of each input" },
  shape: { type: "string", multiple: true, placeholder: "input=2,16", description: "Shape of one input, where rows do not say enough" },
  binary: { type: "boolean", description: "Send tensors as bytes after the JSON (binary data extension) instead of numbers in it" },
  grpc: { type: "boolean", description: "Call ModelInfer over gRPC; the address is that of the gRPC server" },
  streamsPerConnection: { type: "number", integer: true, minimum: 1, maximum: 1_000, default: 16, description: "With --grpc: requests that may share a connection" },
} as const;

export const inferenceLoad = defineCommand({
  name: "oip",
  summary: "Load on a model behind the Open Inference Protocol (KServe v2)",
  description: "Asks the server what tensors the model takes, makes random ones that fit, and sends them as JSON, as binary tensors, or over gRPC. Works with any server of the protocol.",
  options: { ...INFERENCE_OPTIONS, ...LOAD_OPTIONS, ...SEARCH_OPTIONS },
  positionals: { url: { description: "Address of the server, without /v2" } },
  examples: [
    { command: "strata loadtest oip http://127.0.0.1:4180 --model ranker --rows 8 --rate 500", note: "eight rows a request, 500 requests a second" },
    { command: "strata loadtest oip http://127.0.0.1:4180 --model vision --binary --connections 8", note: "large tensors as bytes" },
    { command: "strata loadtest oip 127.0.0.1:4181 --model ranker --grpc --search --p99 50ms", note: "the most requests/s over gRPC with a p99 of 50 ms" },
  ],
  run: async (context) => runOrSearch(await inferenceTarget(context), context),
  render: (result, context) => renderResult(result, context),
});

interface InferenceContext extends Pick<CommandContext, "usageError" | "signal"> {
  readonly options: LoadOptionValues & OptionValues<typeof INFERENCE_OPTIONS>;
  readonly positionals: { readonly url: string };
}

/** Enough that trees and caches see different rows, and bounded for tensors of megabytes. */
const REQUESTS = 64;
const TOTAL_BYTES = 64 << 20;

async function inferenceTarget(context: InferenceContext): Promise<LoadTarget> {
  const { options, positionals: { url }, usageError } = context;
  const address = addressOf(url, { insecure: options.insecure, usageError });
  const headers = headersOf(options.header, usageError);
  const specs = options.grpc ? await grpcInputs(address, headers, options) : await restInputs(address, headers, context);
  const tensors = tensorsOf(specs, options, usageError);
  const exchange = options.grpc ? grpcExchange(tensors, headers, options) : restExchange(address, tensors, { headers, options });
  const bytes = exchange.kind === "grpc" ? exchange.messages[0]!.length : exchange.bodies[0]!.length;
  const form = options.grpc ? "gRPC" : options.binary ? "binary tensors" : "JSON";
  return {
    title: `inference of ${options.model} at ${address.origin}, ${form}`, address, exchange,
    notes: [`${tensors[0]!.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(", ")}]`).join(", ")}; ${formatBytes(bytes)} a request`],
  };
}

async function restInputs(address: Address, headers: Readonly<Record<string, string>>, { options, signal }: InferenceContext): Promise<readonly TensorSpec[]> {
  await using client = createApiClient({ url: address.origin, timeoutMs: options.requestTimeout });
  const path = modelPath(address, options);
  const specs = inputsOf(await client.get(path, { headers, signal }));
  if (specs === undefined) throw new StrataError("LOAD_TARGET_FAILED", { url: `${address.origin}${path}`, reason: "its answer names no inputs" });
  return specs;
}

function grpcInputs({ origin }: Address, metadata: Readonly<Record<string, string>>, options: InferenceContext["options"]): Promise<readonly TensorSpec[]> {
  return grpcModelInputs(options.model, options.modelVersion, { origin, metadata, allowsAnyCertificate: options.insecure, timeoutMs: options.requestTimeout });
}

function modelPath({ path }: Address, { model, modelVersion }: InferenceContext["options"]): string {
  const version = modelVersion === undefined ? "" : `/versions/${encodeURIComponent(modelVersion)}`;
  return `${path.replace(/\/+(?:v2\/?)?$/, "")}/v2/models/${encodeURIComponent(model)}${version}`;
}

function tensorsOf(specs: readonly TensorSpec[], { rows, shape, seed }: InferenceContext["options"], usageError: InferenceContext["usageError"]): readonly (readonly Tensor[])[] {
  const dimensions = Object.fromEntries(shape.map((text) => {
    const [, name, sizes] = /^([^=]+)=(\d+(?:,\d+)*)$/.exec(text) ?? [];
    if (name === undefined || sizes === undefined) throw usageError(`--shape "${text}" is not input=2,16.`);
    if (!specs.some((spec) => spec.name === name)) throw usageError(`--shape: the model has no input "${name}"; it has ${specs.map((spec) => spec.name).join(", ")}.`);
    return [name, sizes.split(",").map(Number)] as const;
  }));
  const random = createRandom(seed);
  const make = (): readonly Tensor[] => specs.map((spec) => randomTensor(spec, { rows, dimensions }, random));
  const first = make();
  const bytes = first.reduce((sum, { data }) => sum + ("byteLength" in data ? data.byteLength : data.length * 16), 1);
  return [first, ...Array.from({ length: Math.max(0, Math.min(REQUESTS, Math.floor(TOTAL_BYTES / bytes)) - 1) }, make)];
}

function grpcExchange(tensors: readonly (readonly Tensor[])[], metadata: Readonly<Record<string, string>>, { model, modelVersion, streamsPerConnection }: InferenceContext["options"]): Exchange & { readonly kind: "grpc" } {
  return { kind: "grpc", path: INFER_METHOD, metadata, messages: tensors.map((inputs) => grpcRequest(model, modelVersion, inputs)), streamsPerConnection };
}

interface RestOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly options: InferenceContext["options"];
}

function restExchange(address: Address, tensors: readonly (readonly Tensor[])[], { headers, options }: RestOptions): Exchange & { readonly kind: "http" } {
  const path = `${modelPath(address, options)}/infer`;
  if (!options.binary) return { kind: "http", method: "POST", path, headers: { "content-type": "application/json", ...headers }, bodies: tensors.map(jsonRequest) };
  const requests = tensors.map((inputs) => binaryRequest(inputs)); // the same shapes, so heads of the same length
  return {
    kind: "http", method: "POST", path, bodies: requests.map(({ body }) => body),
    headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(requests[0]!.headBytes), ...headers },
  };
}
