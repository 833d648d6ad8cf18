/** Strata's errors in OpenAI's words: `{error: {message, type, param, code}}`, with the statuses its clients act on. */
import { toStrataError } from "../../kernel/errors.ts";
import type { ErrorCode, StrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import type { HttpResponse } from "../http.ts";

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

interface Row {
  readonly status?: number;
  readonly type: string;
  readonly code: string;
}

const ROWS: Partial<Readonly<Record<ErrorCode, Row>>> = {
  KEY_MISSING: { type: "invalid_request_error", code: "invalid_api_key" },
  KEY_INVALID: { type: "invalid_request_error", code: "invalid_api_key" },
  KEY_FORBIDDEN: { type: "permission_error", code: "model_not_allowed" },
  LANGUAGE_MODEL_NOT_FOUND: { type: "invalid_request_error", code: "model_not_found" },
  RATE_LIMITED: { type: "rate_limit_error", code: "rate_limit_exceeded" },
  UPSTREAM_BUSY: { type: "rate_limit_error", code: "rate_limit_exceeded" },
  // 402 makes clients give up without a reason; OpenAI itself says 429 here, and its clients know the code
  BUDGET_EXHAUSTED: { status: 429, type: "insufficient_quota", code: "insufficient_quota" },
  BUDGET_SPENT: { status: 429, type: "insufficient_quota", code: "budget_exhausted" },
  GUARDRAIL_REFUSED: { type: "invalid_request_error", code: "content_filter" },
};

/** Any thrown value as an error answer. */
export function openAiErrorResponse(thrown: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const error = toStrataError(thrown);
  return jsonResponse({ error: openAiErrorOf(error) }, openAiStatusOf(error), { ...headers, ...retryAfterOf(error) });
}

/** Whole seconds, as the header wants them. */
export function retryAfterOf({ retryAfterSeconds }: StrataError): Readonly<Record<string, string>> {
  return retryAfterSeconds === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterSeconds))) };
}

export function openAiErrorOf(error: StrataError): OpenAiError {
  const said = error.code === "UPSTREAM_REFUSED" ? error.details["error"] : undefined;
  if (typeof said === "object" && said !== null) return { message: error.message, type: "invalid_request_error", param: null, code: null, ...said };
  const row = ROWS[error.code];
  const message = [error.message, error.hint].filter((part) => part !== "").map(asSentence).join(" ");
  return { message, type: row?.type ?? (error.fault === "caller" ? "invalid_request_error" : "server_error"), param: paramOf(error), code: row?.code ?? error.code.toLowerCase() };
}

/** A reason that somebody else worded may end without a full stop. */
const asSentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

export function openAiStatusOf(error: StrataError): number {
  if (error.code === "UPSTREAM_REFUSED" && typeof error.details["status"] === "number") return error.details["status"];
  return ROWS[error.code]?.status ?? error.status;
}

function paramOf({ details, code }: StrataError): string | null {
  if (code === "LANGUAGE_MODEL_NOT_FOUND") return "model";
  return typeof details["param"] === "string" ? details["param"] : null;
}
