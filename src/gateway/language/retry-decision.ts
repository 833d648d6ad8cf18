/**
 * What to do when an attempt failed before its first token: ask another target, wait and ask again, or tell the
 * caller. Pure.
 */
import type { StrataError } from "../../kernel/errors.ts";

/**
 * - refused: the caller's mistake, the same everywhere.
 * - busy: the target has no room now.
 * - failed: it did not do its work.
 * - slow: it did not begin in time.
 * - misconfigured: our key, address or model name is wrong there.
 * - unsupported: it has no such operation.
 * - cancelled: nobody waits for the answer.
 */
export type FailureKind = "refused" | "busy" | "failed" | "slow" | "misconfigured" | "unsupported" | "cancelled";

export function failureKindOf(error: StrataError): FailureKind {
  switch (error.code) {
    case "ABORTED": return "cancelled";
    case "UPSTREAM_BUSY": case "QUEUE_FULL": case "OVERLOADED": return "busy";
    case "DEADLINE_EXCEEDED": return "slow";
    case "OPERATION_UNSUPPORTED": case "RUNTIME_MISSING": return "unsupported";
    case "UPSTREAM_FAILED": return [401, 403, 404, 405].includes(Number(error.details["status"])) ? "misconfigured" : "failed";
    default: return error.fault === "caller" ? "refused" : "failed";
  }
}

export interface FailedAttempt {
  readonly kind: FailureKind;
  /** What the upstream asked for. */
  readonly retryAfterSeconds: number | undefined;
  /** Attempts made, this one included. */
  readonly attempts: number;
  readonly retries: number;
  /** A target that this call has not asked is in order. */
  readonly hasUntried: boolean;
  /** A wait for as long as this would be too long. */
  readonly remainingMs: number;
  /** Uniform in [0, 1). */
  readonly draw: number;
}

export type RetryDecision = { readonly action: "fail" } | { readonly action: "retry"; readonly waitMs: number };

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

export function decideRetry({ kind, retryAfterSeconds, attempts, retries, hasUntried, remainingMs, draw }: FailedAttempt): RetryDecision {
  if (kind === "refused" || kind === "cancelled" || attempts > retries) return { action: "fail" };
  if (hasUntried) return { action: "retry", waitMs: 0 };
  if (kind === "misconfigured" || kind === "unsupported") return { action: "fail" };
  const backoffMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1)) * (0.5 + draw / 2);
  const waitMs = retryAfterSeconds === undefined ? backoffMs : retryAfterSeconds * 1_000;
  return waitMs < remainingMs ? { action: "retry", waitMs } : { action: "fail" };
}
