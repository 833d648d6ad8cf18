/** A request's body as JSON: strict UTF-8 (RFC 8259, section 8.1), and no deeper than anything that is ever asked for. */
import { isUtf8 } from "node:buffer";
import { StrataError, reasonOf } from "../kernel/errors.ts";

/** Far beyond any real request, far within what a recursion over the value can take. */
const MAX_DEPTH = 100;

/** BODY_INVALID when the bytes are no JSON, or lists and objects in it lie deeper than 100 in each other. */
export function parseJsonBody(body: Buffer): unknown {
  const value = parseJson(body);
  if (isDeeperThan(MAX_DEPTH, value)) throw new StrataError("BODY_INVALID", { format: "JSON", reason: `it is nested deeper than ${MAX_DEPTH} levels.` });
  return value;
}

/** The same without the look at its depth, for bodies whose shape is checked anyway. `format` names what they were to be. */
export function parseJson(body: Buffer, format = "JSON"): unknown {
  if (!isUtf8(body)) throw new StrataError("BODY_INVALID", { format, reason: "it is not UTF-8." });
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch (thrown) {
    throw new StrataError("BODY_INVALID", { format, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(levels - 1, member));
}
