/** One GGUF file: opened when it is first needed, its sequences lent to one call each, first come first served. */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { JsonObject } from "../../kernel/json-object.ts";
import type { UpstreamCall } from "../../ports/language-upstream.ts";
import type { GenerationOptions, HistoryItem, LlamaContext, LlamaEmbeddingContext, LlamaLibrary, LlamaModel, LlamaSequence } from "./llama-library.ts";

export interface LlamaModelOptions {
  readonly name: string;
  /** The GGUF file. */
  readonly file: string;
  /** Calls that run together. */
  readonly sequences: number;
  /** llama.cpp's threads spin while they wait: more than there are idle cores makes it a thousand times slower (10 ms became 10 s for 16 tokens). */
  readonly threads: number;
  readonly load: () => Promise<LlamaLibrary>;
}

export interface GeneratedAnswer {
  readonly text: string;
  readonly finishReason: "stop" | "length";
  /** In OpenAI's words, as llama.cpp counted. */
  readonly usage: JsonObject;
}

export interface LocalModel {
  open(signal: AbortSignal): Promise<void>;
  generate(call: UpstreamCall, onText: (text: string) => void): Promise<GeneratedAnswer>;
  embed(text: string, signal: AbortSignal): Promise<{ readonly vector: readonly number[]; readonly tokens: number }>;
  close(): Promise<void>;
}

interface Opened {
  readonly library: LlamaLibrary;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly free: LlamaSequence[];
  readonly dispose: () => Promise<void>;
}

export function createLlamaModel(options: LlamaModelOptions): LocalModel {
  let opening: Promise<Opened> | undefined;
  let embedding: Promise<LlamaEmbeddingContext> | undefined;
  const waiting: (() => void)[] = [];
  const opened = (): Promise<Opened> => {
    opening ??= openModel(options).catch((thrown: unknown) => {
      opening = undefined; // it may be installed or repaired meanwhile
      throw thrown;
    });
    return opening;
  };
  const borrow = async ({ free }: Opened, signal: AbortSignal): Promise<LlamaSequence> => {
    for (;;) {
      signal.throwIfAborted();
      const sequence = free.pop();
      if (sequence) return sequence;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  };
  const giveBack = ({ free }: Opened, sequence: LlamaSequence): void => {
    free.push(sequence);
    for (const wake of waiting.splice(0)) wake();
  };

  return {
    open: async (signal) => {
      await opened();
      signal.throwIfAborted();
    },
    generate: async (call, onText) => {
      const loaded = await opened();
      const sequence = await borrow(loaded, call.signal);
      try {
        return await generate(loaded.library, sequence, { call, onText });
      } catch (thrown) {
        if (call.signal.aborted) throw call.signal.reason;
        throw thrown instanceof Error && "code" in thrown ? thrown : new StrataError("UPSTREAM_FAILED", { upstream: options.name, reason: reasonOf(thrown) }, { cause: thrown });
      } finally {
        giveBack(loaded, sequence);
      }
    },
    embed: async (text, signal) => {
      const { model } = await opened();
      signal.throwIfAborted();
      const context = await (embedding ??= model.createEmbeddingContext());
      const { vector } = await context.getEmbeddingFor(text);
      return { vector, tokens: context.calculateInputLength(text) };
    },
    close: async () => {
      const known = await opening?.catch(() => undefined);
      opening = undefined;
      await (await embedding)?.dispose();
      await known?.dispose();
    },
  };
}

/** Prebuilt binaries only: nothing is downloaded or compiled. */
async function openModel({ name, file, sequences, threads, load }: LlamaModelOptions): Promise<Opened> {
  const library = await load();
  try {
    const llama = await library.getLlama({ gpu: "auto", build: "never", skipDownload: true, maxThreads: threads });
    const model = await llama.loadModel({ modelPath: file });
    const context = await model.createContext({ sequences });
    const free = Array.from({ length: sequences }, () => context.getSequence());
    const dispose = async (): Promise<void> => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    };
    return { library, model, context, free, dispose };
  } catch (thrown) {
    throw new StrataError("UPSTREAM_FAILED", { upstream: name, reason: `${file} could not be loaded: ${reasonOf(thrown)}` }, { cause: thrown });
  }
}

interface Generation {
  readonly call: UpstreamCall;
  readonly onText: (text: string) => void;
}

async function generate({ LlamaChat, LlamaCompletion }: LlamaLibrary, sequence: LlamaSequence, { call, onText }: Generation): Promise<GeneratedAnswer> {
  const { body, operation } = call;
  await sequence.clearHistory(); // of another call; nobody's text may answer somebody else's
  const { usedInputTokens, usedOutputTokens } = sequence.tokenMeter;
  const before = [usedInputTokens, usedOutputTokens] as const;
  const options = optionsOf(call, onText);
  const writer = operation === "chat" ? new LlamaChat({ contextSequence: sequence }) : new LlamaCompletion({ contextSequence: sequence });
  try {
    const { response, metadata } = await ("generateResponse" in writer ? writer.generateResponse(historyOf(body), options) : writer.generateCompletionWithMeta(promptOf(body), options));
    const input = sequence.tokenMeter.usedInputTokens - before[0];
    const isCut = metadata.stopReason === "maxTokens";
    const evaluated = sequence.tokenMeter.usedOutputTokens - before[1]; // one more than was written, where a limit ends a completion
    const output = isCut ? Math.min(evaluated, call.maxOutputTokens ?? evaluated) : evaluated;
    return {
      text: response, finishReason: isCut ? "length" : "stop",
      usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
    };
  } finally {
    writer.dispose({ disposeSequence: false });
  }
}

function optionsOf({ body, signal, maxOutputTokens }: UpstreamCall, onTextChunk: (text: string) => void): GenerationOptions {
  const { temperature, top_p: topP, seed, stop } = body;
  const stops = typeof stop === "string" ? [stop] : Array.isArray(stop) ? (stop as readonly string[]) : undefined;
  return {
    onTextChunk, signal, ...(maxOutputTokens === undefined ? {} : { maxTokens: maxOutputTokens }),
    temperature: typeof temperature === "number" ? temperature : 1, ...(typeof topP === "number" ? { topP } : {}), ...(typeof seed === "number" ? { seed } : {}),
    ...(stops ? { customStopTriggers: stops } : {}),
  };
}

/** llama.cpp wants a last, empty turn of the model to write into. */
function historyOf({ messages }: JsonObject): readonly HistoryItem[] {
  const items = (messages as readonly JsonObject[]).map(({ role, content }): HistoryItem => {
    const text = textOf(content);
    if (role === "assistant") return { type: "model", response: [text] };
    return { type: role === "system" || role === "developer" ? "system" : "user", text };
  });
  return items.at(-1)?.type === "model" ? items : [...items, { type: "model", response: [] }];
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return (content as readonly JsonObject[]).map((part) => {
    if (typeof part["text"] === "string") return part["text"];
    throw new StrataError("REQUEST_INVALID", { reason: "a local model reads texts only.", param: "messages" });
  }).join("\n");
}

function promptOf({ prompt }: JsonObject): string {
  if (typeof prompt === "string") return prompt;
  throw new StrataError("REQUEST_INVALID", { reason: "a local model completes one text at a time.", param: "prompt" });
}
