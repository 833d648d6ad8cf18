/**
 * HTTP as plain values: a protocol is a function from HttpRequest to HttpResponse, tested without a socket.
 * The platform's listener makes the request (body read whole, within its size limit) and writes the response.
 */
import { toStrataError } from "../kernel/errors.ts";

export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** The target's path as sent, still percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; a repeated header's values joined with ", ". */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** Fires when the client went away, and when the server shuts down. */
  readonly signal: AbortSignal;
  /** Fires only when the client went away: an answer on its way is finished while the server shuts down. Absent: `signal`. */
  readonly clientGone?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An iterable is sent piece by piece as it yields; when it raises, the connection is cut after what it yielded, so that the answer is not taken for whole. */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
  /** Nothing refers to the request's body once this answer is written: its memory may be used for another. */
  readonly isDoneWithBody?: true;
}

export function jsonResponse(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { "content-type": "application/json; charset=utf-8", ...headers }, body: JSON.stringify(value) };
}

/** Any thrown value in Strata's own dialect: `{"error": {code, message, hint, ...}}`, with Retry-After where waiting helps. */
export function errorResponse(thrown: unknown): HttpResponse {
  const error = toStrataError(thrown);
  const headers = error.retryAfterSeconds === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(error.retryAfterSeconds))) };
  return jsonResponse({ error: error.toJSON() }, error.status, headers);
}

/** The media type of a Content-Type header in lower case, without parameters; "" when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}
