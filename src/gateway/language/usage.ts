/** Usage as upstreams report it, in OpenAI's words. Explicit zeros are figures like any other. */
import type { JsonObject } from "../../ports/language-upstream.ts";
import type { TokenUsage } from "./call-policy.ts";

export const NO_USAGE: TokenUsage = Object.freeze({ inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 });

/** The `usage` of an answer or a chunk; undefined when there is none (also `null`, as chunks before the last have it). */
export function usageOf({ usage }: JsonObject): TokenUsage | undefined {
  if (typeof usage !== "object" || usage === null) return undefined;
  const figures = usage as JsonObject;
  const inputTokens = count(figures["prompt_tokens"]);
  const outputTokens = count(figures["completion_tokens"]);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  return {
    inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0,
    cachedInputTokens: detail(figures["prompt_tokens_details"], "cached_tokens"), reasoningTokens: detail(figures["completion_tokens_details"], "reasoning_tokens"),
  };
}

/** The same in OpenAI's words. */
export function usageInWords({ inputTokens, cachedInputTokens, outputTokens, reasoningTokens }: TokenUsage): JsonObject {
  return {
    prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens }, completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function detail(details: unknown, member: string): number {
  return typeof details === "object" && details !== null ? count((details as JsonObject)[member]) ?? 0 : 0;
}
