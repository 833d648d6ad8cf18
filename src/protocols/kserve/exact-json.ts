/**
 * A request's JSON with integers as they were written. `JSON.parse` rounds integers beyond 2^53, which destroys INT64
 * and UINT64 tensors; reading every number's source text costs many times a plain parse, so a body is read again
 * only when the first reading met such an integer where it matters.
 */
import { reasonOf, StrataError } from "../../kernel/errors.ts";
import { parseExactJson } from "../../kernel/exact-json.ts";

/** The value with every integer beyond 2^53 as a bigint. BODY_INVALID. */
export function parseExactly(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (thrown) {
    throw new StrataError("BODY_INVALID", { format: "JSON", reason: reasonOf(thrown) }, { cause: thrown });
  }
}

/** Whether the value, or anything in it, is an integer that a double may have rounded. Deeper than 64 levels nothing is looked at. */
export function hasRoundedInteger(value: unknown, depth = 64): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null || depth === 0) return false;
  return Array.isArray(value) ? value.some((member) => hasRoundedInteger(member, depth - 1)) : Object.values(value).some((member) => hasRoundedInteger(member, depth - 1));
}
