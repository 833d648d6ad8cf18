/**
 * Open Inference Protocol v2 over REST, with Triton's extensions: health, metadata, inference, the model repository,
 * statistics and configuration. Without a version the model server chooses. Error bodies are `{"error": "…"}`.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { ModelServer } from "../../serving/index.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { parseJsonBody } from "../json-body.ts";
import { unpackBody } from "./body-coding.ts";
import { dialectResponse } from "./dialect.ts";
import type { ErrorContext } from "./dialect.ts";
import { inferOverHttp } from "./infer.ts";
import type { InferenceProtocol } from "./infer.ts";
import { loadOptionsOf } from "./load-options.ts";
import { refuse, shown } from "./refusal.ts";
import { describeServer, describeStatistics } from "./server-description.ts";

/** Answers every path below /v2; undefined when the path is not of this protocol. */
export async function handleInferenceProtocol(protocol: InferenceProtocol, request: HttpRequest): Promise<HttpResponse | undefined> {
  const [root, ...parts] = request.path.split("/").filter((part) => part !== "");
  if (root !== "v2") return undefined;
  let context: ErrorContext = {};
  try {
    const route = routeOf(parts.map(decodePart), request);
    context = route;
    return await answer(protocol, route, request);
  } catch (thrown) {
    return dialectResponse(thrown, context);
  }
}

type Action = "server" | "live" | "server-ready" | "list" | "metadata" | "ready" | "infer" | "stats" | "config" | "index" | "load" | "unload";

interface Route {
  readonly action: Action;
  readonly model?: string;
  readonly version?: string | undefined;
}

/** Reads the path; ROUTE_NOT_FOUND when nothing is there. */
function routeOf(parts: readonly string[], request: HttpRequest): Route {
  const [area, first, ...rest] = parts;
  if (area === undefined) return { action: "server" };
  if (area === "health" && rest.length === 0 && (first === "live" || first === "ready")) return { action: first === "live" ? "live" : "server-ready" };
  if (area === "models") return modelRoute(first, rest, request);
  if (area === "repository" && first === "index" && rest.length === 0) return { action: "index" };
  if (area === "repository" && first === "models" && rest.length === 2 && (rest[1] === "load" || rest[1] === "unload")) return { action: rest[1], model: rest[0]! };
  throw notFound(request);
}

const MODEL_ACTIONS: ReadonlySet<string> = new Set<Action>(["ready", "infer", "stats", "config"]);

function modelRoute(model: string | undefined, rest: readonly string[], request: HttpRequest): Route {
  if (model === undefined) return { action: "list" };
  if (model === "stats" && rest.length === 0) return { action: "stats" };
  const hasVersion = rest[0] === "versions";
  const version = hasVersion ? rest[1] : undefined;
  const [action, ...extra] = hasVersion ? rest.slice(2) : rest;
  if (extra.length > 0 || (hasVersion && version === undefined) || (action !== undefined && !MODEL_ACTIONS.has(action))) throw notFound(request);
  return { action: (action ?? "metadata") as Action, model, version }; // the set holds nothing else
}

async function answer(protocol: InferenceProtocol, { action, model = "", version }: Route, request: HttpRequest): Promise<HttpResponse> {
  const { models } = protocol;
  const isPost = POSTS.has(action);
  if (isPost ? request.method !== "POST" : request.method !== "GET" && request.method !== "HEAD") {
    throw new StrataError("METHOD_NOT_ALLOWED", { method: request.method, path: request.path, allowed: isPost ? "POST" : "GET" });
  }
  switch (action) {
    case "infer": return inferOverHttp(protocol, { model, version }, request);
    case "server": return jsonResponse(describeServer(protocol));
    case "live": return health({ live: models.isLive() }, models.isLive());
    case "server-ready": return health({ ready: models.isReady() }, models.isReady());
    case "list": return jsonResponse({ models: models.models().map((name) => ({ name })) });
    case "metadata": return jsonResponse(await models.metadata(model, version));
    case "ready": return modelReady(models, model, version);
    case "stats": return jsonResponse(describeStatistics(models, ...(model === "" ? [] : [model]), ...(version === undefined ? [] : [version])));
    case "config": return jsonResponse(await models.config(model, version));
    case "index": case "load": case "unload": return repository(protocol, { action, model }, request);
  }
}

const POSTS: ReadonlySet<Action> = new Set<Action>(["infer", "index", "load", "unload"]);

const health = (body: unknown, isWell: boolean): HttpResponse => jsonResponse(body, isWell ? 200 : 503, isWell ? {} : { "retry-after": "5" });

async function modelReady(models: ModelServer, model: string, version: string | undefined): Promise<HttpResponse> {
  const isReady = await models.isModelReady(model, version);
  return health({ name: model, ready: isReady }, isReady);
}

async function repository({ models, maxBodyBytes }: InferenceProtocol, { action, model }: { readonly action: "index" | "load" | "unload"; readonly model: string }, request: HttpRequest): Promise<HttpResponse> {
  const body = objectOf(await readBody(request, maxBodyBytes), "the body");
  if (action === "index") {
    if (body["ready"] !== undefined && typeof body["ready"] !== "boolean") refuse(`ready is ${shown(body["ready"])}; expected true or false`);
    return jsonResponse(models.index(body["ready"] === true ? { isReady: true } : {}));
  }
  const parameters = objectOf(body["parameters"] ?? {}, "parameters");
  if (action === "load") await models.load(model, loadOptionsOf(model, parameters));
  else await models.unload(model, { unloadDependents: parameters["unload_dependents"] === true });
  return jsonResponse({});
}

async function readBody({ body, headers }: HttpRequest, limitBytes: number): Promise<unknown> {
  const unpacked = await unpackBody(body, headers["content-encoding"] ?? "", limitBytes);
  return unpacked.length === 0 ? {} : parseJsonBody(unpacked);
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(`${what} is ${shown(value)}; expected an object`);
  return value as Readonly<Record<string, unknown>>; // checked above
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (thrown) {
    throw new StrataError("REQUEST_INVALID", { reason: `"${part.slice(0, 100)}" is not percent-encoded UTF-8.` }, { cause: thrown });
  }
}

function notFound(request: HttpRequest): StrataError {
  return new StrataError("ROUTE_NOT_FOUND", { method: request.method, path: request.path });
}
