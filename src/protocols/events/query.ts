/** Flags of a query string. */
import { StrataError } from "../../kernel/errors.ts";

/** `?name`, `?name=true` and `?name=1` mean yes; absent, `false` and `0` mean no; anything else is REQUEST_INVALID. */
export function readFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null || value === "false" || value === "0") return false;
  if (value === "" || value === "true" || value === "1") return true;
  throw new StrataError("REQUEST_INVALID", { reason: `${name} must be true or false, not "${value.slice(0, 50)}".` });
}
