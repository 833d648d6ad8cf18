/** JavaScript values as SQLite takes them, so that what is stored is what was meant. */
import type { SQLInputValue } from "node:sqlite";

/**
 * Booleans become 0/1. Whole numbers become integers: node:sqlite binds every number as REAL, which shows as `5.0` in
 * JSON and in columns without a type. NaN and objects are refused: SQLite would store NULL for the one, and node:sqlite
 * would take the other for named parameters.
 */
export function bindable(value: unknown): SQLInputValue {
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return bindableNumber(value);
  if (value === null || typeof value === "string" || typeof value === "bigint" || ArrayBuffer.isView(value)) return value as SQLInputValue; // the line's checks
  throw new TypeError(`a value of type ${value === undefined ? "undefined" : Object.prototype.toString.call(value).slice(8, -1)} cannot be stored; store text, numbers, booleans, bytes or null`);
}

function bindableNumber(value: number): number | bigint {
  if (Number.isNaN(value)) throw new TypeError("NaN cannot be stored; use null for a missing number");
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
}
