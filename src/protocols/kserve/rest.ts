/**
 * Open Inference Protocol v2, REST: health, metadata, readiness and inference on the models that Strata serves.
 * Without a version the champion answers. Error bodies are `{"error": "…"}`, as the protocol asks.
 */
import { z } from "zod";
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import type { ModelPool, ServingVersion } from "../../serving/index.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { parseJson } from "../json-body.ts";
import { matrixOf, refuse } from "./tensor.ts";

export interface InferenceServer {
  readonly name: string;
  readonly version: string;
  readonly pool: ModelPool;
  /** Model names of the definition. */
  readonly models: () => readonly string[];
  /** The version that answers when the caller names none. */
  readonly defaultVersion: (model: string) => number | undefined;
  readonly isReady: () => boolean;
}

const inferenceRequest = z.object({
  id: z.string().optional(),
  inputs: z.array(z.object({ name: z.string(), shape: z.array(z.number().int().nonnegative()).min(1), datatype: z.string(), data: z.unknown() })).min(1),
  outputs: z.array(z.object({ name: z.string() })).optional(),
});

/** Answers every path below /v2; undefined when the path is not of this protocol. */
export async function handleInferenceProtocol(server: InferenceServer, request: HttpRequest): Promise<HttpResponse | undefined> {
  const [root, ...parts] = request.path.split("/").filter((part) => part !== "");
  if (root !== "v2") return undefined;
  try {
    return await route(server, request, parts.map(decodePart));
  } catch (thrown) {
    const error = toStrataError(thrown);
    const wait = error.retryAfterSeconds === undefined ? {} : { "retry-after": String(error.retryAfterSeconds) };
    return jsonResponse({ error: error.message, code: error.code }, error.status, wait);
  }
}

async function route(server: InferenceServer, request: HttpRequest, parts: readonly string[]): Promise<HttpResponse> {
  const [area, model, ...rest] = parts;
  if (area === undefined) return get(request, () => ({ name: server.name, version: server.version, extensions: [] }));
  if (area === "health" && model === "live") return get(request, () => ({ live: true }));
  if (area === "health" && model === "ready") return get(request, () => ({ ready: server.isReady() }), server.isReady() ? 200 : 503);
  if (area !== "models") throw notFound(request);
  if (model === undefined) return get(request, () => ({ models: server.models().map((name) => ({ name })) }));
  const { version, action } = target(rest, request);
  if (action === "infer") {
    if (request.method !== "POST") throw new StrataError("METHOD_NOT_ALLOWED", { method: request.method, path: request.path, allowed: "POST" });
    return infer(await resolve(server, model, version), request);
  }
  if (action === "ready") {
    if (!server.models().includes(model)) throw new StrataError("MODEL_NOT_FOUND", { model, known: server.models().join(", ") });
    const isReady = await resolve(server, model, version).then(() => true, () => false);
    return get(request, () => ({ name: model, ready: isReady }), isReady ? 200 : 503);
  }
  const serving = await resolve(server, model, version);
  return get(request, () => metadata(serving));
}

function target(rest: readonly string[], request: HttpRequest): { readonly version: number | undefined; readonly action: string | undefined } {
  const hasVersion = rest[0] === "versions";
  const version = hasVersion ? rest[1] ?? "" : undefined;
  const [action, ...extra] = hasVersion ? rest.slice(2) : rest;
  const isVersion = version === undefined || /^[1-9]\d{0,14}$/.test(version);
  if (extra.length > 0 || (action !== undefined && action !== "infer" && action !== "ready") || !isVersion) throw notFound(request);
  return { version: version === undefined ? undefined : Number(version), action };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (thrown) {
    throw new StrataError("REQUEST_INVALID", { reason: `"${part.slice(0, 100)}" is not percent-encoded UTF-8.` }, { cause: thrown });
  }
}

async function resolve(server: InferenceServer, model: string, version: number | undefined): Promise<ServingVersion> {
  if (!server.models().includes(model)) throw new StrataError("MODEL_NOT_FOUND", { model, known: server.models().join(", ") });
  const wanted = version ?? server.defaultVersion(model);
  if (wanted === undefined) throw new StrataError("MODEL_NOT_READY", { model }, { retryAfterSeconds: 5 });
  return server.pool.get(model, wanted);
}

function metadata(serving: ServingVersion): unknown {
  return {
    name: serving.model, versions: [String(serving.version)], platform: "strata_trees",
    inputs: [{ name: "features", datatype: "FP64", shape: [-1, serving.columns.length] }],
    outputs: [{ name: "scores", datatype: "FP64", shape: serving.loaded.outputs === 1 ? [-1] : [-1, serving.loaded.outputs] }],
    properties: { columns: serving.columns.join(",") },
  };
}

async function infer(serving: ServingVersion, request: HttpRequest): Promise<HttpResponse> {
  const body = parseBody(request);
  const unknownOutput = body.outputs?.find((output) => output.name !== "scores");
  if (unknownOutput) refuse(`unknown output "${unknownOutput.name}"; the output is "scores"`);
  const matrix = matrixOf(body.inputs, serving);
  const scores = await serving.batcher.predict(matrix);
  const shape = serving.loaded.outputs === 1 ? [matrix.rows] : [matrix.rows, serving.loaded.outputs];
  return jsonResponse({
    model_name: serving.model, model_version: String(serving.version), ...(body.id === undefined ? {} : { id: body.id }),
    outputs: [{ name: "scores", datatype: "FP64", shape, data: [...scores] }],
  });
}

function parseBody({ headers, body }: HttpRequest): z.infer<typeof inferenceRequest> {
  if (headers["inference-header-content-length"] !== undefined) {
    throw new StrataError("MEDIA_TYPE_UNSUPPORTED", { type: `${headers["content-type"] ?? ""}" with binary tensors "`, accepted: "application/json with the data in it" });
  }
  const parsed = inferenceRequest.safeParse(parseJson(body));
  if (!parsed.success) refuse(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
  return parsed.data;
}

function get(request: HttpRequest, body: () => unknown, status = 200): HttpResponse {
  if (request.method !== "GET" && request.method !== "HEAD") throw new StrataError("METHOD_NOT_ALLOWED", { method: request.method, path: request.path, allowed: "GET" });
  return jsonResponse(body(), status);
}

function notFound(request: HttpRequest): StrataError {
  return new StrataError("ROUTE_NOT_FOUND", { method: request.method, path: request.path });
}
