/** An HTTP request of OpenAI's API as a call of the gateway: only what policy and routing need is looked at. */
import { StrataError } from "../../kernel/errors.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { LanguageCall, Operation } from "../../gateway/index.ts";
import type { HttpRequest } from "../http.ts";
import { parseJsonBody } from "../json-body.ts";

export type Json = Readonly<Record<string, unknown>>;

/** The body as an object; BODY_INVALID, REQUEST_INVALID. */
export function objectBody(request: HttpRequest): Json {
  const value = parseJsonBody(request.body);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid("The body must be a JSON object.");
}

export function invalid(reason: string, param?: string): StrataError {
  return new StrataError("REQUEST_INVALID", { reason, ...(param === undefined ? {} : { param }) });
}

/** `body` in the words of the operation that goes upstream. */
export function callOf(request: HttpRequest, { operation, body, requestId }: { readonly operation: Operation; readonly body: Json; readonly requestId: string }): LanguageCall {
  const { model, stream } = body;
  if (typeof model !== "string" || model === "") throw invalid("you must provide a model parameter", "model");
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") throw invalid("stream must be true or false", "stream");
  return {
    operation, model, body, sizeBytes: request.body.length, isStream: stream === true && operation !== "embeddings", secret: secretOf(request), requestId,
    signal: request.clientGone ?? request.signal,
  };
}

export function requireMessages({ messages }: Json): void {
  if (!Array.isArray(messages) || messages.length === 0) throw invalid("messages must be a list with at least one message", "messages");
  if (messages.some((message) => typeof message !== "object" || message === null)) throw invalid("every message must be an object with a role", "messages");
}

export function requireInput(body: Json, member: "input" | "prompt"): void {
  const value = body[member];
  if (typeof value !== "string" && !(Array.isArray(value) && value.length > 0)) throw invalid(`${member} must be a text, or a list of texts or tokens that is not empty`, member);
}

/** A bearer token, or the header that Anthropic's or Azure's clients send instead. */
function secretOf({ headers }: HttpRequest): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim();
  return headers["x-api-key"] ?? headers["api-key"];
}

/** The caller's own id where it has one that can stand in a header. */
export function requestIdOf({ headers }: HttpRequest, ids: IdSource): string {
  const given = headers["x-request-id"];
  return given !== undefined && /^[\w.:-]{1,128}$/.test(given) ? given : `req_${ids.next()}`;
}
