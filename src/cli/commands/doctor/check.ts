/** One finding of `strata doctor`. */
import { isStrataError, listProblems, reasonOf } from "../../../kernel/errors.ts";

export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** What was found, with its numbers. */
  readonly detail: string;
  /** What to do about it. */
  readonly next?: string;
}

/** A check that ended with an error, told with its own hint. */
export function failedCheck(name: string, thrown: unknown): Check {
  if (!isStrataError(thrown)) return { name, status: "failed", detail: reasonOf(thrown) };
  const inline = listProblems(thrown.problems);
  const detail = inline === "" || thrown.message.includes(inline) ? thrown.message : `${thrown.message} ${inline}`;
  return { name, status: "failed", detail, ...(thrown.hint === "" ? {} : { next: thrown.hint }) };
}
