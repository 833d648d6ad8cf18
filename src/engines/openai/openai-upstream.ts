/**
 * Any OpenAI-compatible server: OpenAI itself, vLLM, llama.cpp, Ollama, another Strata. Only the model's name, the limit
 * of output tokens and the wish for usage are written into a request; answers and frames keep their bytes.
 */
import { StrataError } from "../../kernel/errors.ts";
import { parseObject } from "../../kernel/json-object.ts";
import type { LanguageUpstream, UpstreamAnswer, UpstreamCall } from "../../ports/language-upstream.ts";
import { refusalOf } from "../../ports/upstream-refusal.ts";
import type { TransportResponse, UpstreamTransport } from "../../ports/upstream-transport.ts";
import { readStream } from "./openai-stream.ts";
import { limitMemberOf, requestBodyOf } from "./request-body.ts";

export interface OpenAiUpstreamOptions {
  readonly name: string;
  readonly url: string;
  /** undefined: none is sent. */
  readonly apiKey: string | undefined;
  readonly transport: UpstreamTransport;
}

const PATHS = { chat: "/chat/completions", text_completion: "/completions", embeddings: "/embeddings" } as const;
/** The largest batch of embeddings that OpenAI allows is about 60 MB of JSON. */
const ANSWER_BYTES = 128 * 1024 * 1024;
const ERROR_BYTES = 1024 * 1024;

export function createOpenAiUpstream({ name, url, apiKey, transport }: OpenAiUpstreamOptions): LanguageUpstream {
  const common = { "content-type": "application/json", ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) };
  const limitMember = limitMemberOf(url);
  return {
    call: async (call) => {
      const response = await transport.send({
        method: "POST", path: PATHS[call.operation], headers: { ...common, "x-request-id": call.requestId }, body: requestBodyOf(call, limitMember), signal: call.signal,
      });
      if (response.status !== 200) throw refusalOf(name, response, await response.body.whole(ERROR_BYTES).catch(() => undefined));
      return call.isStream ? stream(name, response, call) : whole(name, response, call);
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

async function whole(name: string, response: TransportResponse, call: UpstreamCall): Promise<UpstreamAnswer> {
  const bytes = await response.body.whole(ANSWER_BYTES);
  const json = parseObject(bytes);
  if (json === undefined) throw new StrataError("UPSTREAM_FAILED", { upstream: name, reason: "its answer is not a JSON object" });
  const list = json[call.operation === "embeddings" ? "data" : "choices"];
  if (Array.isArray(list)) return { kind: "whole", bytes, json };
  const said = json["error"] === undefined ? "" : `: ${JSON.stringify(json["error"]).slice(0, 300)}`;
  throw new StrataError("UPSTREAM_FAILED", { upstream: name, reason: `its answer has no list of ${call.operation === "embeddings" ? "embeddings" : "choices"}${said}` });
}

async function stream(name: string, response: TransportResponse, call: UpstreamCall): Promise<UpstreamAnswer> {
  const type = response.headers["content-type"];
  if (typeof type === "string" && type.startsWith("application/json")) return whole(name, response, call);
  if (typeof type === "string" && type.startsWith("text/event-stream")) return { kind: "stream", batches: readStream(name, response.body) };
  response.body.discard();
  throw new StrataError("UPSTREAM_FAILED", { upstream: name, reason: `it answered a streaming request with ${String(type ?? "no content type")}` });
}

