/** A message of the Messages API as a chat completion. */
import type { JsonObject } from "../../kernel/json-object.ts";

export function completionOf({ id, model, content, stop_reason: reason, usage }: JsonObject, created: number): JsonObject {
  const blocks = content as readonly JsonObject[]; // checked by the caller
  const join = (type: string, member: string): string => blocks.filter((block) => block["type"] === type).map((block) => (typeof block[member] === "string" ? block[member] : "")).join("");
  const text = join("text", "text");
  const reasoning = join("thinking", "thinking");
  const calls = blocks.filter(({ type }) => type === "tool_use").map((block) => ({
    id: block["id"], type: "function", function: { name: block["name"], arguments: JSON.stringify(block["input"] ?? {}) },
  }));
  const message = {
    role: "assistant", content: text === "" && calls.length > 0 ? null : text,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }), ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return {
    id, object: "chat.completion", created, model,
    choices: [{ index: 0, message, finish_reason: finishReasonOf(reason), logprobs: null }], ...(usage === undefined ? {} : { usage: usageInChatWords(usage as JsonObject) }),
  };
}

export function finishReasonOf(reason: unknown): string {
  switch (reason) {
    case "max_tokens": case "model_context_window_exceeded": return "length";
    case "tool_use": return "tool_calls";
    case "refusal": return "content_filter";
    default: return "stop";
  }
}

/** Anthropic counts what its cache held or took apart from the input; OpenAI counts it as part of it. */
export function usageInChatWords(usage: JsonObject): JsonObject {
  const figure = (member: string): number => (typeof usage[member] === "number" ? usage[member] : 0);
  const read = figure("cache_read_input_tokens");
  const written = figure("cache_creation_input_tokens");
  const prompt = figure("input_tokens") + read + written;
  const completion = figure("output_tokens");
  return {
    prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: read, ...(written === 0 ? {} : { cache_creation_tokens: written }) },
  };
}
