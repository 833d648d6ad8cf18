/**
 * What a call's end says about the replica that took it, and whether another attempt may help. One table for models,
 * upstreams and everything else that is balanced.
 */
import { isStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";

/**
 * - ok: it answered.
 * - refused: the caller's mistake; the replica is fine and another would say the same.
 * - busy: it is fine but has no room now; another may have.
 * - faulty: it failed on this call, perhaps because of the call; judged only against the fleet.
 * - failed: it did not do its work, whoever asks.
 * - cancelled: nobody waited for the answer; says nothing.
 */
export type CallOutcome = "ok" | "refused" | "busy" | "faulty" | "failed" | "cancelled";

/** Codes that mean something else here than their row in the error table says. */
const BY_CODE: Partial<Readonly<Record<ErrorCode, CallOutcome>>> = {
  ABORTED: "cancelled",
  QUEUE_FULL: "busy", OVERLOADED: "busy", RATE_LIMITED: "busy", MODEL_BUSY: "busy", MODEL_NOT_READY: "busy", MODEL_MEMORY_EXCEEDED: "busy",
  DEADLINE_EXCEEDED: "faulty", // a caller with a tiny deadline must not open every breaker
  INFERENCE_FAILED: "faulty", // so must not a poisonous input
  UPSTREAM_FAILED: "failed", UPSTREAM_UNAVAILABLE: "failed", STREAM_BROKEN: "failed", CLOSED: "failed",
};

export function outcomeOf(thrown: unknown): CallOutcome {
  if (!isStrataError(thrown)) return isAbort(thrown) ? "cancelled" : "faulty";
  return BY_CODE[thrown.code] ?? (thrown.fault === "caller" ? "refused" : thrown.fault === "dependency" ? "failed" : "faulty");
}

/** Whether another replica may do better. A fault of the call itself (a poisonous input, a passed deadline) would only spread. */
export function mayRetry(outcome: CallOutcome): boolean {
  return outcome === "failed" || outcome === "busy";
}

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}
