/** A call as the body of an OpenAI request. */
import type { UpstreamCall } from "../../ports/language-upstream.ts";

/** OpenAI's newer models refuse `max_tokens`; many compatible servers know nothing else. */
export function limitMemberOf(url: string): "max_tokens" | "max_completion_tokens" {
  return new URL(url).hostname.endsWith("openai.com") ? "max_completion_tokens" : "max_tokens";
}

export function requestBodyOf({ operation, body, model, maxOutputTokens, isStream }: UpstreamCall, limitMember: string): string {
  const changed: Record<string, unknown> = { ...body, model };
  if (operation !== "embeddings") {
    if (maxOutputTokens !== undefined) {
      const known = "max_completion_tokens" in body ? "max_completion_tokens" : "max_tokens" in body ? "max_tokens" : limitMember;
      changed[operation === "text_completion" ? "max_tokens" : known] = maxOutputTokens;
    }
    if (isStream) changed["stream_options"] = { ...(body["stream_options"] as object | undefined), include_usage: true };
  }
  return JSON.stringify(changed);
}
