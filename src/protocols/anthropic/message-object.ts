/** A chat completion as a message of Anthropic's Messages API. */
import type { Json } from "../openai/language-request.ts";

export function messageOf(id: string, completion: Json, model: string): Json {
  const choice = (completion["choices"] as readonly Json[] | undefined)?.[0] ?? {};
  return {
    id, type: "message", role: "assistant", model, content: contentOf((choice["message"] ?? {}) as Json),
    stop_reason: stopReasonOf(choice["finish_reason"]), stop_sequence: null, usage: usageOf(completion["usage"]),
  };
}

export function stopReasonOf(finish: unknown): string {
  switch (finish) {
    case "length": return "max_tokens";
    case "tool_calls": case "function_call": return "tool_use";
    case "content_filter": return "refusal";
    default: return "end_turn";
  }
}

/** Anthropic counts what a cache held apart from the input. */
export function usageOf(usage: unknown): Json {
  const { prompt_tokens: input = 0, completion_tokens: output = 0, prompt_tokens_details: details } = (usage ?? {}) as {
    readonly prompt_tokens?: number; readonly completion_tokens?: number; readonly prompt_tokens_details?: { readonly cached_tokens?: number; readonly cache_creation_tokens?: number } | null;
  };
  const [read, written] = [details?.cached_tokens ?? 0, details?.cache_creation_tokens ?? 0];
  return { input_tokens: Math.max(0, input - read - written), cache_creation_input_tokens: written, cache_read_input_tokens: read, output_tokens: output };
}

function contentOf(message: Json): readonly Json[] {
  const thought = message["reasoning_content"] ?? message["reasoning"];
  const text = message["content"] ?? message["refusal"];
  const calls = Array.isArray(message["tool_calls"]) ? (message["tool_calls"] as readonly Json[]) : [];
  return [
    ...(typeof thought === "string" && thought !== "" ? [{ type: "thinking", thinking: thought, signature: "" }] : []),
    ...(typeof text === "string" && text !== "" ? [{ type: "text", text }] : []),
    ...calls.map((call) => {
      const called = (call["function"] ?? {}) as Json;
      return { type: "tool_use", id: call["id"], name: called["name"], input: inputOf(called["arguments"]) };
    }),
  ];
}

/** A model may write arguments that are no JSON; they are not lost. */
function inputOf(text: unknown): unknown {
  if (typeof text !== "string" || text === "") return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return { arguments: text };
  }
}
