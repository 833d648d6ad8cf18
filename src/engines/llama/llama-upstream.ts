/**
 * A GGUF file as an upstream: chats, completions and embeddings by llama.cpp in this process's threads. Sequences share
 * one context, so a few calls run together and the others wait their turn. Tools and several choices are refused.
 */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { JsonObject } from "../../kernel/json-object.ts";
import type { LanguageUpstream, StreamBatches, StreamPiece, UpstreamAnswer, UpstreamCall } from "../../ports/language-upstream.ts";
import { createLlamaModel } from "./llama-model.ts";
import type { GeneratedAnswer, LlamaModelOptions } from "./llama-model.ts";
import { createPieceQueue } from "./piece-queue.ts";

export interface LlamaUpstreamOptions extends LlamaModelOptions {
  /** Seconds since the epoch. */
  readonly nowSeconds: () => number;
}

export function createLlamaUpstream(options: LlamaUpstreamOptions): LanguageUpstream {
  const model = createLlamaModel(options);
  const headOf = (call: UpstreamCall, object: string): JsonObject => ({ id: `llama-${call.requestId}`, object, created: options.nowSeconds(), model: call.model });

  const whole = async (call: UpstreamCall): Promise<UpstreamAnswer> => {
    const { text, finishReason, usage } = await model.generate(call, () => undefined);
    const isChat = call.operation === "chat";
    const choice = { index: 0, ...(isChat ? { message: { role: "assistant", content: text } } : { text }), finish_reason: finishReason, logprobs: null };
    return answerOf({ ...headOf(call, isChat ? "chat.completion" : "text_completion"), choices: [choice], usage });
  };
  return {
    call: async (call) => {
      requireSupported(options.name, call);
      if (call.operation === "embeddings") return answerOf(await embeddings(call, model.embed));
      if (!call.isStream) return whole(call);
      await model.open(call.signal); // a model that cannot be loaded is an error before the stream
      return { kind: "stream", batches: stream(headOf(call, call.operation === "chat" ? "chat.completion.chunk" : "text_completion"), call, { name: options.name, generate: model.generate }) };
    },
    [Symbol.asyncDispose]: () => model.close(),
  };
}

interface Generator {
  readonly name: string;
  readonly generate: (call: UpstreamCall, onText: (text: string) => void) => Promise<GeneratedAnswer>;
}

async function* stream(head: JsonObject, call: UpstreamCall, { name, generate }: Generator): StreamBatches {
  const isChat = call.operation === "chat";
  const stop = new AbortController();
  const signal = AbortSignal.any([call.signal, stop.signal]);
  const queue = createPieceQueue();
  const say = (rest: JsonObject): void => queue.push(pieceOf({ ...head, ...rest }));
  const choice = (text: string, finish: string | null): JsonObject => ({ choices: [{ index: 0, ...(isChat ? { delta: text === "" ? {} : { content: text } } : { text }), finish_reason: finish }] });
  if (isChat) say({ choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }] });
  generate({ ...call, signal }, (text) => say(choice(text, null))).then(({ finishReason, usage }) => {
    say(choice("", finishReason));
    say({ choices: [], usage });
    queue.end();
  }, (thrown: unknown) => queue.fail(isStrataError(thrown) ? thrown : new StrataError("STREAM_BROKEN", { upstream: name, pieces: queue.count(), reason: reasonOf(thrown) }, { cause: thrown })));
  try {
    yield* queue.batches();
  } finally {
    stop.abort(new StrataError("ABORTED", { what: "The stream" }));
  }
}

async function embeddings(call: UpstreamCall, embed: (text: string, signal: AbortSignal) => Promise<{ readonly vector: readonly number[]; readonly tokens: number }>): Promise<JsonObject> {
  const inputs = [call.body["input"]].flat();
  if (inputs.some((input) => typeof input !== "string")) throw new StrataError("REQUEST_INVALID", { reason: "a local model embeds texts, not tokens.", param: "input" });
  const asBase64 = call.body["encoding_format"] === "base64";
  let tokens = 0;
  const data: JsonObject[] = [];
  for (const [index, input] of (inputs as readonly string[]).entries()) {
    const embedded = await embed(input, call.signal);
    tokens += embedded.tokens;
    data.push({ object: "embedding", index, embedding: asBase64 ? Buffer.from(Float32Array.from(embedded.vector).buffer).toString("base64") : embedded.vector });
  }
  return { object: "list", data, model: call.model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function requireSupported(model: string, { operation, body }: UpstreamCall): void {
  const refuse = (reason: string): never => { throw new StrataError("OPERATION_UNSUPPORTED", { model, operation, reason }); };
  if (Array.isArray(body["tools"]) && body["tools"].length > 0) refuse("local models are not given tools yet");
  if (typeof body["n"] === "number" && body["n"] > 1) refuse("local models give one answer at a time, not `n`");
  const format = body["response_format"] as { readonly type?: unknown } | undefined | null;
  if (format && format.type !== "text") refuse("local models have no `response_format`");
}

function answerOf(json: JsonObject): UpstreamAnswer {
  return { kind: "whole", json, bytes: Buffer.from(JSON.stringify(json)) };
}

function pieceOf(chunk: JsonObject): StreamPiece {
  return { chunk, bytes: Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`) };
}
