/**
 * KServe V1, the protocol before Open Inference: POST /v1/models/{model}:predict with `instances`, answered with
 * `predictions`, row by row. An instance is the value of the model's only input, or an object with a value for each input
 * (or column, for trained models). Bytes that are no text come as {"b64": "…"}. GET /v1/models/{model} belongs to the admin API
 * for the models that it knows.
 */
import { StrataError } from "../../kernel/errors.ts";
import { elementCount } from "../../kernel/tensor.ts";
import type { Tensor, TensorSpec } from "../../kernel/tensor.ts";
import type { InferenceAnswer, ModelMetadata } from "../../serving/index.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { unpackBody } from "./body-coding.ts";
import { dialectResponse } from "./dialect.ts";
import type { InferenceProtocol, InferenceTarget } from "./infer.ts";
import { refuse, shown } from "./refusal.ts";
import { jsonCells, tensorFromJson } from "./tensor-json.ts";
import { readJson } from "./wire-request.ts";

/** Answers a prediction; undefined when the path is none. */
export async function handlePredict(protocol: InferenceProtocol, request: HttpRequest): Promise<HttpResponse | undefined> {
  const target = targetOf(request.path);
  if (target === undefined) return undefined;
  try {
    if (request.method !== "POST") throw new StrataError("METHOD_NOT_ALLOWED", { method: request.method, path: request.path, allowed: "POST" });
    return await predict(protocol, target, request);
  } catch (thrown) {
    return dialectResponse(thrown, target);
  }
}

/** GET /v1/models/{model} of a model that only the model server knows: its name and whether it is ready. */
export async function handleModelReadiness({ models }: Pick<InferenceProtocol, "models">, request: HttpRequest): Promise<HttpResponse | undefined> {
  const [, part] = /^\/v1\/models\/([^/:]+)$/.exec(request.path) ?? [];
  if (part === undefined || (request.method !== "GET" && request.method !== "HEAD")) return undefined;
  const model = decoded(part);
  if (!models.models().includes(model)) return undefined;
  const isReady = await models.isModelReady(model);
  return jsonResponse({ name: model, ready: isReady }, isReady ? 200 : 503);
}

function targetOf(path: string): InferenceTarget | undefined {
  const [, model, version] = /^\/v1\/models\/([^/]+?)(?:\/versions\/([^/]+?))?(?::|%3[Aa])predict$/.exec(path) ?? [];
  return model === undefined ? undefined : { model: decoded(model), version: version === undefined ? undefined : decoded(version) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // no model has such a name
  }
}

async function predict({ models, clock, maxBodyBytes }: InferenceProtocol, { model, version }: InferenceTarget, request: HttpRequest): Promise<HttpResponse> {
  const metadata = await models.metadata(model, version);
  const body = readJson(await unpackBody(request.body, request.headers["content-encoding"] ?? "", maxBodyBytes));
  const instances = instancesOf(body);
  const timeout = Number(request.headers["strata-timeout-ms"] ?? Number.NaN);
  const { "strata-key": key, "strata-variant": variant } = request.headers;
  const answer = await models.infer({
    model, inputs: tensorsOf(instances, metadata), signal: request.clientGone ?? request.signal, ...(version === undefined ? {} : { version }),
    ...(timeout > 0 ? { deadlineAtMs: clock.monotonicMs() + timeout } : {}), ...(key === undefined ? {} : { routingKey: key }), ...(variant === undefined ? {} : { variant }),
    header: (name) => request.headers[name],
  });
  return { status: 200, headers: { "content-type": "application/json" }, body: `{"predictions":[${predictions(answer, instances.length).join(",")}]}` };
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const isBase64 = (value: unknown): value is { readonly b64: string } => isObject(value) && typeof value["b64"] === "string" && Object.keys(value).length === 1;

function instancesOf(body: unknown): readonly unknown[] {
  const instances = isObject(body) ? body["instances"] : undefined;
  return Array.isArray(instances) && instances.length > 0 ? instances : refuse("instances must be a list of at least one instance");
}

function tensorsOf(instances: readonly unknown[], { inputs, properties }: ModelMetadata): readonly Tensor[] {
  const isNamed = isObject(instances[0]) && !isBase64(instances[0]);
  if (!isNamed) return inputs.length === 1 ? [tensorOf(inputs[0]!, instances)] : refuse(`the model has ${inputs.length} inputs; an instance must be an object with ${inputs.map(({ name }) => name).join(", ")}`);
  const columns = properties?.["columns"]?.split(",");
  const names = Object.keys(instances[0] as Fields);
  const known = new Map(inputs.map((input) => [input.name, input]));
  return names.map((name) => {
    const values = instances.map((instance, at) => (isObject(instance) && Object.hasOwn(instance, name) ? instance[name] : refuse(`instances.${at} has no "${name}"`)));
    const spec = known.get(name) ?? (columns?.includes(name) === true ? columnSpec(name, values) : refuse(`the model has no input "${name}"; it has ${[...known.keys(), ...columns ?? []].join(", ")}`));
    return tensorOf(spec, values);
  });
}

/** A trained model takes numbers and text, each column alone. */
function columnSpec(name: string, values: readonly unknown[]): TensorSpec {
  return { name, datatype: values.some((value) => typeof value === "string") ? "BYTES" : "FP64", shape: [-1] };
}

function tensorOf({ name, datatype, shape: wanted }: TensorSpec, values: readonly unknown[]): Tensor {
  const found = shapeOf(values);
  const shape = [...found, ...Array.from({ length: Math.max(0, wanted.length - found.length) }, () => 1)]; // plain values for [-1, 1]
  const flat = values.flat(Infinity);
  if (datatype !== "BYTES" || !flat.some(isBase64)) return tensorFromJson({ name, datatype, shape }, flat);
  if (flat.length !== elementCount(shape)) refuse(`input "${name}" has ${flat.length} elements; its shape [${shape.join(",")}] asks for ${elementCount(shape)}`);
  return { name, datatype, shape, data: flat.map((cell) => (isBase64(cell) ? Buffer.from(cell.b64, "base64") : typeof cell === "string" ? Buffer.from(cell) : refuse(`input "${name}" holds ${shown(cell)}; expected text or {"b64": "…"}`))) };
}

/** By the first of each level; tensorFromJson refuses what does not fit it. */
function shapeOf(values: readonly unknown[]): readonly number[] {
  const [first] = values;
  return [values.length, ...(Array.isArray(first) ? shapeOf(first) : [])];
}

/** One JSON text per instance: the value of the only output, or an object of all. */
function predictions({ outputs }: InferenceAnswer, instances: number): readonly string[] {
  const rows = outputs.map((output) => rowsOf(output, instances));
  if (outputs.length === 1) return rows[0]!;
  return Array.from({ length: instances }, (_, row) => `{${outputs.map(({ name }, at) => `${JSON.stringify(name)}:${rows[at]![row] ?? "null"}`).join(",")}}`);
}

function rowsOf(output: Tensor, instances: number): readonly string[] {
  const [rows, ...inner] = output.shape;
  if (rows !== instances) return [nested(jsonCells(output), output.shape)];
  const cells = jsonCells(output);
  const width = elementCount(inner);
  return Array.from({ length: rows }, (_, row) => nested(cells.slice(row * width, (row + 1) * width), inner));
}

function nested(cells: readonly string[], shape: readonly number[]): string {
  const [size, ...inner] = shape;
  if (size === undefined) return cells[0] ?? "null";
  const width = elementCount(inner);
  return `[${Array.from({ length: size }, (_, at) => nested(cells.slice(at * width, (at + 1) * width), inner)).join(",")}]`;
}
