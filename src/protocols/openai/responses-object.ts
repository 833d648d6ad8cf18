/** The response object of the Responses API and its items, made from chat answers. */
import type { IdSource } from "../../kernel/ids.ts";
import type { Json } from "./language-request.ts";

export type Item = Json & { readonly id: string; readonly type: "message" | "function_call" | "reasoning" };

export interface ResponseHead {
  readonly id: string;
  readonly createdSeconds: number;
  /** The request, whose settings a response repeats. */
  readonly request: Json;
}

export interface ResponseEnd {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly output: readonly Item[];
  readonly finishReason?: string | undefined;
  readonly usage?: unknown;
  readonly error?: Json;
}

export function responseObject({ id, createdSeconds, request }: ResponseHead, { status, output, finishReason, usage, error }: ResponseEnd): Json {
  const setting = (member: string, otherwise: unknown): unknown => request[member] ?? otherwise;
  const cutBy = finishReason === "length" ? "max_output_tokens" : "content_filter";
  return {
    id, object: "response", created_at: createdSeconds, status, background: false, error: error ?? null,
    incomplete_details: status === "incomplete" ? { reason: cutBy } : null,
    instructions: setting("instructions", null), max_output_tokens: setting("max_output_tokens", null), model: request["model"], output,
    parallel_tool_calls: setting("parallel_tool_calls", true), previous_response_id: null, reasoning: setting("reasoning", { effort: null, summary: null }), store: false,
    temperature: setting("temperature", 1), text: setting("text", { format: { type: "text" } }), tool_choice: setting("tool_choice", "auto"), tools: setting("tools", []),
    top_p: setting("top_p", 1), truncation: setting("truncation", "disabled"), usage: usageOf(usage), user: setting("user", null), metadata: setting("metadata", {}),
  };
}

/** An answer that a limit or a filter ended is not complete. */
export function statusOf(finishReason: string | undefined): "completed" | "incomplete" {
  return finishReason === "length" || finishReason === "content_filter" ? "incomplete" : "completed";
}

/** A whole chat answer as a response. */
export function responseOfCompletion(head: ResponseHead, completion: Json, ids: IdSource): Json {
  const choice = (completion["choices"] as readonly Json[] | undefined)?.[0] ?? {};
  const finishReason = typeof choice["finish_reason"] === "string" ? choice["finish_reason"] : undefined;
  const status = statusOf(finishReason);
  return responseObject(head, { status, output: itemsOf((choice["message"] ?? {}) as Json, status, ids), finishReason, usage: completion["usage"] });
}

function itemsOf(message: Json, status: string, ids: IdSource): readonly Item[] {
  const { content, refusal, tool_calls: calls } = message;
  const reasoning = message["reasoning_content"] ?? message["reasoning"];
  const parts = [
    ...(typeof content === "string" && content !== "" ? [outputText(content)] : []),
    ...(typeof refusal === "string" && refusal !== "" ? [{ type: "refusal", refusal }] : []),
  ];
  return [
    ...(typeof reasoning === "string" && reasoning !== "" ? [{ id: `rs_${ids.next()}`, type: "reasoning" as const, summary: [], content: [{ type: "reasoning_text", text: reasoning }], status }] : []),
    ...(parts.length > 0 || !Array.isArray(calls) ? [{ id: `msg_${ids.next()}`, type: "message" as const, status, role: "assistant", content: parts }] : []),
    ...(Array.isArray(calls) ? (calls as readonly Json[]).map((call) => functionCall({ id: `fc_${ids.next()}`, callId: call["id"], called: (call["function"] ?? {}) as Json, status })) : []),
  ];
}

export function outputText(text: string): Json {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

export function functionCall({ id, callId, called, status }: { readonly id: string; readonly callId: unknown; readonly called: Json; readonly status: string }): Item {
  return { id, type: "function_call", call_id: callId, name: called["name"], arguments: called["arguments"] ?? "", status };
}

function usageOf(usage: unknown): Json | null {
  if (typeof usage !== "object" || usage === null) return null;
  const figures = usage as { readonly prompt_tokens?: number; readonly completion_tokens?: number; readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null; readonly completion_tokens_details?: { readonly reasoning_tokens?: number } | null };
  const [input, output] = [figures.prompt_tokens ?? 0, figures.completion_tokens ?? 0];
  return {
    input_tokens: input, input_tokens_details: { cached_tokens: figures.prompt_tokens_details?.cached_tokens ?? 0 },
    output_tokens: output, output_tokens_details: { reasoning_tokens: figures.completion_tokens_details?.reasoning_tokens ?? 0 }, total_tokens: input + output,
  };
}
