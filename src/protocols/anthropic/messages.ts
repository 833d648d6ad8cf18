/**
 * Anthropic's Messages API in front of the gateway, also as a stream. Requests are translated to chats and answers back,
 * whatever the upstream: a thought's signature and members of Anthropic's own tools do not survive that.
 */
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { callOf, objectBody, requestIdOf } from "../openai/language-request.ts";
import { EVENT_STREAM_HEADERS } from "../openai/event-stream.ts";
import { headersOf } from "../openai/openai.ts";
import type { OpenAiParts } from "../openai/openai.ts";
import { openAiStatusOf, retryAfterOf } from "../openai/openai-error.ts";
import { anthropicErrorOf } from "./anthropic-error.ts";
import { chatRequestOf } from "./chat-request.ts";
import { messageEvents } from "./message-events.ts";
import { messageOf } from "./message-object.ts";

export const MESSAGES_ROUTE = { method: "POST", pattern: "/v1/messages", summary: "Anthropic: messages, also as a stream" } as const;

/** undefined when the path is another. */
export async function handleMessages(parts: OpenAiParts, request: HttpRequest): Promise<HttpResponse | undefined> {
  if (request.path !== MESSAGES_ROUTE.pattern) return undefined;
  const requestId = requestIdOf(request, parts.ids);
  try {
    if (request.method !== "POST") throw new StrataError("METHOD_NOT_ALLOWED", { method: request.method, path: request.path, allowed: "POST" });
    return await answer(parts, request, requestId);
  } catch (thrown) {
    const error = toStrataError(thrown);
    return jsonResponse({ ...anthropicErrorOf(error), request_id: requestId }, openAiStatusOf(error), { "x-request-id": requestId, "request-id": requestId, ...retryAfterOf(error) });
  }
}

async function answer({ gateway, ids }: OpenAiParts, request: HttpRequest, requestId: string): Promise<HttpResponse> {
  const call = callOf(request, { operation: "messages", body: chatRequestOf(objectBody(request)), requestId });
  const given = await gateway.call(call);
  const head = { id: `msg_${ids.next()}`, model: call.model };
  const headers = { ...headersOf(given.note, requestId), "request-id": requestId };
  if (given.kind === "stream") return { status: 200, headers: { ...EVENT_STREAM_HEADERS, ...headers }, body: messageEvents(head, given.batches) };
  return jsonResponse(messageOf(head.id, given.json, head.model), 200, headers);
}
