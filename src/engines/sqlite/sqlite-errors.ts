/** SQLite's result codes (sqlite.org/rescode.html) as StrataErrors; the driver's error stays as cause. */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";

const BUSY = 5;
const LOCKED = 6;
const CONSTRAINT = 19;

/** Extended codes of the constraints that have a name of their own; `details.constraint` carries it. */
const CONSTRAINTS: Readonly<Record<number, string>> = {
  275: "check", 787: "foreign-key", 1299: "not-null", 1555: "unique", 2067: "unique", 2579: "unique",
};

export function sqlError(thrown: unknown, file: string): StrataError {
  if (isStrataError(thrown)) return thrown;
  const code = thrown instanceof Error && "errcode" in thrown && typeof thrown.errcode === "number" ? thrown.errcode : 0;
  const primary = code & 0xff; // the low byte is the primary result code
  const reason = reasonOf(thrown);
  if (primary === CONSTRAINT) return new StrataError("SQL_CONSTRAINT", { reason, constraint: CONSTRAINTS[code] ?? "other" }, { cause: thrown });
  if (primary === BUSY || primary === LOCKED) return new StrataError("SQL_BUSY", { file }, { cause: thrown });
  return new StrataError("SQL_FAILED", { reason }, { cause: thrown });
}
