/**
 * Anthropic's Messages API. Chats are translated both ways: system prompts, images, tools and their results, thinking,
 * stop reasons, usage with what its cache held. Members that it has no counterpart for are left out; wishes that would
 * change what an answer is (several choices, a response format) are refused.
 */
import { StrataError } from "../../kernel/errors.ts";
import { parseObject } from "../../kernel/json-object.ts";
import type { LanguageUpstream, UpstreamAnswer, UpstreamCall } from "../../ports/language-upstream.ts";
import { refusalOf } from "../../ports/upstream-refusal.ts";
import type { UpstreamTransport } from "../../ports/upstream-transport.ts";
import { messagesRequestOf } from "./messages-request.ts";
import { completionOf } from "./completion.ts";
import { readMessageStream } from "./message-stream.ts";

export interface AnthropicUpstreamOptions {
  readonly name: string;
  readonly apiKey: string | undefined;
  /** Its address ends with "/v1". */
  readonly transport: UpstreamTransport;
  /** Seconds since the epoch, for the `created` of answers, which Anthropic does not tell. */
  readonly nowSeconds: () => number;
}

const VERSION = "2023-06-01";
const ANSWER_BYTES = 32 * 1024 * 1024;
const ERROR_BYTES = 1024 * 1024;

export function createAnthropicUpstream({ name, apiKey, transport, nowSeconds }: AnthropicUpstreamOptions): LanguageUpstream {
  const headers = { "content-type": "application/json", "anthropic-version": VERSION, ...(apiKey === undefined ? {} : { "x-api-key": apiKey }) };
  return {
    call: async (call) => {
      requireChat(name, call);
      const response = await transport.send({ method: "POST", path: "/messages", headers, body: JSON.stringify(messagesRequestOf(call)), signal: call.signal });
      if (response.status !== 200) throw refusalOf(name, response, await response.body.whole(ERROR_BYTES).catch(() => undefined));
      const context = { upstream: name, created: nowSeconds() };
      if (call.isStream) return { kind: "stream", batches: readMessageStream(context, response.body) };
      return whole(context, await response.body.whole(ANSWER_BYTES));
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

function whole({ upstream, created }: { readonly upstream: string; readonly created: number }, bytes: Buffer): UpstreamAnswer {
  const message = parseObject(bytes);
  if (message === undefined || !Array.isArray(message["content"])) throw new StrataError("UPSTREAM_FAILED", { upstream, reason: "its answer is not a message" });
  const json = completionOf(message, created);
  return { kind: "whole", json, bytes: Buffer.from(JSON.stringify(json)) };
}

function requireChat(upstream: string, { operation, body }: UpstreamCall): void {
  const refuse = (reason: string): never => { throw new StrataError("OPERATION_UNSUPPORTED", { model: upstream, operation, reason }); };
  if (operation !== "chat") refuse("Anthropic's API has only chats");
  if (body["n"] !== undefined && body["n"] !== null && body["n"] !== 1) refuse("Anthropic's API gives one answer at a time, not `n`");
  const format = body["response_format"] as { readonly type?: unknown } | undefined | null;
  if (format && format.type !== "text") refuse("Anthropic's API has no `response_format`");
}
