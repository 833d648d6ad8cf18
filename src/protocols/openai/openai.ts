/**
 * OpenAI's API in front of the gateway: chat completions, completions, embeddings, responses. Requests keep all members
 * that we do not know; answers keep their bytes. Responses are translated to chats and back, whatever the upstream.
 */
import type { LanguageAnswer, LanguageGateway } from "../../gateway/index.ts";
import type { IdSource } from "../../kernel/ids.ts";
import { StrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { EVENT_STREAM_HEADERS, eventStream } from "./event-stream.ts";
import { callOf, objectBody, requestIdOf, requireInput, requireMessages } from "./language-request.ts";
import { openAiErrorResponse } from "./openai-error.ts";
import { responseOfCompletion } from "./responses-object.ts";
import { chatRequestOf } from "./responses-request.ts";
import { responseStream } from "./responses-stream.ts";

export interface OpenAiParts {
  readonly gateway: LanguageGateway;
  readonly ids: IdSource;
  /** When the process began to serve: what OpenAI's list says when a model was created. */
  readonly startedMs: number;
  /** Seconds since the epoch. */
  readonly nowSeconds: () => number;
}

type Handler = (parts: OpenAiParts, request: HttpRequest, requestId: string) => Promise<HttpResponse>;

const HANDLERS = new Map<string, Handler>([
  ["/v1/chat/completions", async ({ gateway }, request, requestId) => {
    const body = objectBody(request);
    requireMessages(body);
    return responseOf(await gateway.call(callOf(request, { operation: "chat", body, requestId })), requestId);
  }],
  ["/v1/completions", async ({ gateway }, request, requestId) => {
    const body = objectBody(request);
    requireInput(body, "prompt");
    return responseOf(await gateway.call(callOf(request, { operation: "text_completion", body, requestId })), requestId);
  }],
  ["/v1/responses", async ({ gateway, ids, nowSeconds }, request, requestId) => {
    const asked = objectBody(request);
    const answer = await gateway.call(callOf(request, { operation: "responses", body: chatRequestOf(asked), requestId }));
    const head = { id: `resp_${ids.next()}`, createdSeconds: nowSeconds(), request: asked };
    const headers = headersOf(answer.note, requestId);
    if (answer.kind === "stream") return { status: 200, headers: { ...EVENT_STREAM_HEADERS, ...headers }, body: responseStream(head, answer.batches, ids) };
    return jsonResponse(responseOfCompletion(head, answer.json, ids), 200, headers);
  }],
  ["/v1/embeddings", async ({ gateway }, request, requestId) => {
    const body = objectBody(request);
    requireInput(body, "input");
    return responseOf(await gateway.call(callOf(request, { operation: "embeddings", body, requestId })), requestId);
  }],
]);

/** Paths that this protocol answers, for GET /v1. */
export const OPENAI_ROUTES = [
  { method: "POST", pattern: "/v1/chat/completions", summary: "OpenAI: chat, also as a stream" },
  { method: "POST", pattern: "/v1/completions", summary: "OpenAI: text completion, also as a stream" },
  { method: "POST", pattern: "/v1/responses", summary: "OpenAI: responses without a store, also as a stream" },
  { method: "POST", pattern: "/v1/embeddings", summary: "OpenAI: embeddings" },
] as const;

/** OpenAI's list of models; one with the given name, or undefined. */
export function openAiModels({ gateway, startedMs }: Pick<OpenAiParts, "gateway" | "startedMs">) {
  const created = Math.floor(startedMs / 1000);
  const data = gateway.models().map(({ name, description }) => ({ id: name, object: "model" as const, created, owned_by: "strata", ...(description === "" ? {} : { description }) }));
  return { object: "list" as const, data };
}

/** undefined when the path is not one of this protocol's. Errors are in OpenAI's words. */
export async function handleOpenAi(parts: OpenAiParts, request: HttpRequest): Promise<HttpResponse | undefined> {
  const handler = HANDLERS.get(request.path);
  if (handler === undefined) return undefined;
  const requestId = requestIdOf(request, parts.ids);
  try {
    if (request.method !== "POST") throw new StrataError("METHOD_NOT_ALLOWED", { method: request.method, path: request.path, allowed: "POST" });
    return await handler(parts, request, requestId);
  } catch (thrown) {
    return openAiErrorResponse(thrown, { "x-request-id": requestId });
  }
}

export function responseOf(answer: LanguageAnswer, requestId: string): HttpResponse {
  const headers = headersOf(answer.note, requestId);
  if (answer.kind === "stream") return { status: 200, headers: { ...EVENT_STREAM_HEADERS, ...headers }, body: eventStream(answer.batches) };
  return { status: 200, headers: { "content-type": "application/json", ...headers }, body: answer.bytes };
}

/** Server-Timing (W3C): the milliseconds that the gateway added before the first byte. */
export function headersOf({ upstream, attempts, addedMs, cache, isCutByBudget }: LanguageAnswer["note"], requestId: string): Record<string, string> {
  return {
    "x-request-id": requestId, "strata-upstream": upstream, "server-timing": `gateway;dur=${addedMs.toFixed(3)}`,
    ...(attempts > 1 ? { "strata-attempts": String(attempts) } : {}),
    ...(cache === undefined ? {} : { "strata-cache": cache }),
    ...(isCutByBudget ? { "strata-budget": "exhausted" } : {}),
  };
}
