/**
 * A refused request seen from the client: the body {"error": {...}} becomes the StrataError that the server raised,
 * with the server's own sentence; anything else is an answer from something that is not Strata.
 */
import { ERRORS, StrataError, type ErrorCode, type Problem } from "../kernel/errors.ts";

export interface RefusedResponse {
  readonly status: number;
  readonly url: string;
  readonly text: string;
  /** The Retry-After header, in seconds. */
  readonly retryAfter?: string | undefined;
}

/** What the body says beside the error, such as which rows were refused, is in `details`. */
export function errorOfResponse({ status, url, text, retryAfter }: RefusedResponse): StrataError {
  const document = parse(text);
  const body = memberOf(document, "error");
  const code = memberOf(body, "code");
  const message = memberOf(body, "message");
  if (typeof code !== "string" || typeof message !== "string") {
    return new StrataError("SERVER_UNREACHABLE", { url, reason: `what answers there is not Strata (HTTP ${status})` });
  }
  if (!isErrorCode(code)) return new StrataError("INTERNAL", { reason: `the server answered ${code} (HTTP ${status}): ${message}` });
  const seconds = Number(retryAfter);
  const error = new StrataError(code, besideError(document), {
    problems: problemsOf(memberOf(body, "problems")),
    ...(retryAfter !== undefined && Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {}),
  });
  return withSentences(error, message, memberOf(body, "hint"));
}

function besideError(document: unknown): Readonly<Record<string, unknown>> {
  const { error: _, ...rest } = document as Readonly<Record<string, unknown>>; // an object: it has an error with a code
  return rest;
}

/** The sentences were filled in on the server, where the details are; the table here has only their templates. */
function withSentences(error: StrataError, message: string, hint: unknown): StrataError {
  error.message = message;
  Object.defineProperty(error, "hint", { value: typeof hint === "string" ? hint : "", enumerable: true });
  Error.captureStackTrace(error, errorOfResponse); // the stack begins with the message
  return error;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function problemsOf(value: unknown): readonly Problem[] {
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown): Problem => {
    const code = memberOf(item, "code");
    return { path: textOf(memberOf(item, "path")), message: textOf(memberOf(item, "message")), ...(typeof code === "string" ? { code } : {}) };
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
