/** What an upstream's status other than 200 means, as the port's coded error: whose fault it is decides whether another one is asked. */
import { StrataError } from "../kernel/errors.ts";
import { parseObject } from "../kernel/json-object.ts";
import type { TransportResponse } from "./upstream-transport.ts";

/** Anthropic's own status for a moment without room. */
const ANTHROPIC_OVERLOADED = 529;
/** The caller's own mistakes; another upstream would say the same. */
const REFUSALS = new Set([400, 413, 415, 422]);

export function refusalOf(upstream: string, { status, headers }: Pick<TransportResponse, "status" | "headers">, body: Buffer | undefined): StrataError {
  const said = body === undefined ? undefined : parseObject(body);
  const error = said?.["error"] ?? said;
  const reason = messageOf(error) ?? (body === undefined || body.length === 0 ? `status ${status}` : `status ${status}: ${body.toString("utf8", 0, 300)}`);
  const details = { upstream, reason, status, ...(typeof error === "object" && error !== null ? { error } : {}) };
  if (status === 429 || status === ANTHROPIC_OVERLOADED) return new StrataError("UPSTREAM_BUSY", details, retryAfter(headers));
  if (REFUSALS.has(status)) return new StrataError("UPSTREAM_REFUSED", details);
  return new StrataError("UPSTREAM_FAILED", details, retryAfter(headers));
}

function messageOf(error: unknown): string | undefined {
  if (typeof error === "string") return error;
  const message = typeof error === "object" && error !== null ? (error as { readonly message?: unknown }).message : undefined;
  return typeof message === "string" ? message : undefined;
}

/** Retry-After in seconds, or OpenAI's `retry-after-ms`. A date is not read: it would need the upstream's clock. */
function retryAfter(headers: TransportResponse["headers"]): { readonly retryAfterSeconds?: number } {
  const ms = Number(headers["retry-after-ms"] ?? Number.NaN);
  const seconds = Number.isFinite(ms) ? ms / 1000 : Number(headers["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterSeconds: seconds } : {};
}
