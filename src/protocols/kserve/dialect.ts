/**
 * Errors as this protocol says them: `{"error": "…"}` with our code beside it. Scripts of existing clients look for
 * certain words ("Request for unknown model", "failed to load"), so those sentences begin with them here, and only here.
 */
import { toStrataError } from "../../kernel/errors.ts";
import type { StrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import type { HttpResponse } from "../http.ts";

/** What was asked for, where it changes the words. */
export interface ErrorContext {
  readonly action?: string | undefined;
  readonly model?: string | undefined;
  readonly version?: string | undefined;
}

/** The error's sentence in the words of the protocol. */
export function dialectMessage(error: StrataError, { action, model = "", version = "" }: ErrorContext = {}): string {
  if (action === "load" && error.code !== "MODEL_LOAD_FAILED" && error.fault !== "dependency") return `failed to load '${model}': ${error.message}`;
  if (error.code === "MODEL_NOT_FOUND") return `Request for unknown model: ${error.message}`;
  if (error.code !== "MODEL_VERSION_NOT_FOUND") return error.message;
  const isNumber = /^\d+$/.test(version);
  return isNumber ? `Request for unknown model version: ${error.message}` : `failed to get model version from specified version string '${version}': ${error.message}`;
}

/** Any thrown value as a response of the protocol. */
export function dialectResponse(thrown: unknown, context: ErrorContext = {}): HttpResponse {
  const error = toStrataError(thrown);
  const wait = error.retryAfterSeconds ?? RETRY_AFTER_SECONDS[error.status];
  const headers = wait === undefined ? undefined : { "retry-after": String(Math.max(1, Math.ceil(wait))) };
  return jsonResponse({ error: dialectMessage(error, context), code: error.code, hint: hintOf(error, context) }, error.status, headers);
}

/** Where an error does not know how long to wait: a queue empties quickly, a model takes longer to come. */
const RETRY_AFTER_SECONDS: Readonly<Record<number, number>> = { 429: 1, 503: 5 };

/** Readers do not know the model's name when they refuse; it is in the path. */
function hintOf(error: StrataError, { model = "" }: ErrorContext): string {
  return error.hint.replace("{model}", model);
}
