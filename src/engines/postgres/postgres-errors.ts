/** PostgreSQL's SQLSTATEs (its manual, appendix A) and the client's own failures as StrataErrors; the driver's error stays as cause. */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";

/** Class 23; `details.constraint` carries the name. */
const CONSTRAINTS: Readonly<Record<string, string>> = { "23505": "unique", "23503": "foreign-key", "23514": "check", "23502": "not-null" };

/** serialization_failure and deadlock_detected: the transaction was undone for the sake of another one. */
const CONFLICTS: ReadonlySet<string> = new Set(["40001", "40P01"]);

/** Shut down, crashed, starting, out of connections; 25006: after a failover this is a replica, which only reads. */
const AWAY: ReadonlySet<string> = new Set(["57P01", "57P02", "57P03", "53300", "25006"]);
const NODE_AWAY: ReadonlySet<string> = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"]);

/** The driver throws these without a code. */
const AWAY_SENTENCES = /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|The server is not available)/;

export function postgresError(thrown: unknown, place: string): StrataError {
  if (isStrataError(thrown)) return thrown;
  const code = codeOf(thrown);
  const reason = reasonOf(thrown);
  if (code.startsWith("23")) return new StrataError("SQL_CONSTRAINT", { reason, constraint: CONSTRAINTS[code] ?? "other" }, { cause: thrown });
  if (CONFLICTS.has(code)) return new StrataError("SQL_CONFLICT", { reason }, { cause: thrown });
  if (isConnectionLost(thrown)) return new StrataError("SQL_UNREACHABLE", { place, reason }, { cause: thrown });
  return new StrataError("SQL_FAILED", { reason }, { cause: thrown });
}

/** Whether the server or the way to it is gone, rather than the statement wrong. */
export function isConnectionLost(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code.startsWith("08") || AWAY.has(code) || NODE_AWAY.has(code) || (thrown instanceof Error && AWAY_SENTENCES.test(thrown.message));
}

/** Trying again may end otherwise: it lost against others, or the connection broke before anything was kept. */
export function isUndone(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (isStrataError(error) && (error.code === "SQL_CONFLICT" || error.code === "SQL_UNREACHABLE")) return true;
  }
  return false;
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
}
