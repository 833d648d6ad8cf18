/** How the console stands to its server, and when it tries again: pure. */

export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** Between two attempts, or during one. */
  | { readonly kind: "reconnecting" | "gone"; readonly failures: number; readonly retryAtMs: number };

export type ConnectionEvent = { readonly kind: "message" } | { readonly kind: "failure"; readonly nowMs: number };

/** After so many failures in a row (about 15 s of trying) a restart is no longer the likely reason. */
export const GONE_AFTER_FAILURES = 5;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 10_000;

/** 1, 2, 4, 8, 10, 10, … seconds. */
export function retryDelayMs(failures: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (Math.max(1, failures) - 1));
}

export function connectionAfter(connection: Connection, event: ConnectionEvent): Connection {
  if (event.kind === "message") return { kind: "live" };
  const failures = ("failures" in connection ? connection.failures : 0) + 1;
  return { kind: failures >= GONE_AFTER_FAILURES ? "gone" : "reconnecting", failures, retryAtMs: event.nowMs + retryDelayMs(failures) };
}
