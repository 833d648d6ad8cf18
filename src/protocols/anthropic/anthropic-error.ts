/** Strata's errors in Anthropic's words: `{type: "error", error: {type, message}}`. */
import type { StrataError } from "../../kernel/errors.ts";
import { openAiErrorOf, openAiStatusOf } from "../openai/openai-error.ts";

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error",
};

export function anthropicErrorOf(error: StrataError): { readonly type: "error"; readonly error: { readonly type: string; readonly message: string } } {
  const status = openAiStatusOf(error);
  return { type: "error", error: { type: TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error"), message: openAiErrorOf(error).message } };
}
