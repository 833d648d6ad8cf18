/** Chat chunks as the events of a streamed message: start, blocks with their deltas, the message's delta with its usage, stop. */
import type { LanguageAnswer } from "../../gateway/index.ts";
import { toStrataError } from "../../kernel/errors.ts";
import type { Json } from "../openai/language-request.ts";
import { anthropicErrorOf } from "./anthropic-error.ts";
import { stopReasonOf, usageOf } from "./message-object.ts";

type Batches = Extract<LanguageAnswer, { readonly kind: "stream" }>["batches"];

/** Raises after the error event, so that the connection is cut. */
export async function* messageEvents(head: { readonly id: string; readonly model: string }, batches: Batches): AsyncGenerator<string> {
  const writer = createWriter();
  yield event("message_start", { message: { ...head, type: "message", role: "assistant", content: [], stop_reason: null, stop_sequence: null, usage: usageOf(undefined) } });
  try {
    for await (const batch of batches) {
      const text = batch.map(({ chunk }) => writer.chunk(chunk)).join("");
      if (text !== "") yield text;
    }
  } catch (thrown) {
    yield event("error", { error: anthropicErrorOf(toStrataError(thrown)).error });
    throw thrown;
  }
  yield writer.end();
}

function event(type: string, rest: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

function createWriter() {
  let index = -1;
  /** "thinking", "text", or "tool" and its index. */
  let open = "";
  let finish: unknown;
  let usage: unknown;

  const close = (): string => (open === "" ? "" : event("content_block_stop", { index }));
  const begin = (kind: string, block: Json): string => {
    const closed = close();
    open = kind;
    index += 1;
    return closed + event("content_block_start", { index, content_block: block });
  };
  const delta = (change: Json): string => event("content_block_delta", { index, delta: change });
  const say = (kind: "thinking" | "text", text: unknown): string => {
    if (typeof text !== "string" || text === "") return "";
    const begun = open === kind ? "" : begin(kind, kind === "text" ? { type: "text", text: "" } : { type: "thinking", thinking: "", signature: "" });
    return begun + delta(kind === "text" ? { type: "text_delta", text } : { type: "thinking_delta", thinking: text });
  };
  const call = (part: Json, position: number): string => {
    const called = (part["function"] ?? {}) as Json;
    const kind = `tool ${typeof part["index"] === "number" ? part["index"] : position}`;
    const begun = open === kind ? "" : begin(kind, { type: "tool_use", id: part["id"], name: called["name"], input: {} });
    const text = called["arguments"];
    return begun + (typeof text === "string" && text !== "" ? delta({ type: "input_json_delta", partial_json: text }) : "");
  };
  return {
    chunk: (chunk: Json): string => {
      usage = chunk["usage"] ?? usage;
      const choice = (chunk["choices"] as readonly Json[] | undefined)?.[0];
      if (choice === undefined) return "";
      finish = choice["finish_reason"] ?? finish;
      const change = (choice["delta"] ?? {}) as Json;
      const calls = Array.isArray(change["tool_calls"]) ? (change["tool_calls"] as readonly Json[]).map(call).join("") : "";
      return say("thinking", change["reasoning_content"] ?? change["reasoning"]) + say("text", change["content"] ?? change["refusal"]) + calls;
    },
    end: (): string => close() + event("message_delta", { delta: { stop_reason: stopReasonOf(finish), stop_sequence: null }, usage: usageOf(usage) }) + event("message_stop", {}),
  };
}
