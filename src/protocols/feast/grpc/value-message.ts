/** Feast's Value message and ours: keys and frames in, features out. */
import type { Scalar } from "../../../define/index.ts";

/** One member is set; `val` names it. 64-bit integers are text. */
export interface ValueMessage {
  readonly val?: string;
  readonly [kind: string]: unknown;
}

export interface RepeatedValueMessage { readonly val: readonly ValueMessage[] }

/** Numbers for all kinds of numbers, text for all kinds of text, base64 for bytes; null where there is no value. */
export function plainValue(message: ValueMessage): Scalar | null {
  const kind = message.val;
  const value = kind === undefined ? undefined : message[kind];
  switch (kind) {
    case undefined: case "null_val": return null;
    case "int64_val": case "unix_timestamp_val": return Number(value);
    case "bytes_val": return (value as Buffer).toString("base64"); // the loader gives bytes as a Buffer
    default: return value as Scalar; // the other kinds of the description
  }
}

/** The text that a key has in events: that of its number, exactly, where it is one. */
export function keyValue(message: ValueMessage): Scalar | null {
  return message.val === "int64_val" ? String(message["int64_val"]) : plainValue(message);
}

export function valueMessage(value: Scalar | null | readonly (Scalar | null)[], isFloat: boolean): ValueMessage {
  if (value === null) return {};
  if (typeof value === "object") return listMessage(value.filter((each) => each !== null), isFloat); // only the end of a list can be missing
  if (typeof value === "string") return { string_val: value };
  if (typeof value === "boolean") return { bool_val: value };
  return isFloat || !Number.isSafeInteger(value) ? { double_val: value } : { int64_val: value };
}

function listMessage(values: readonly Scalar[], isFloat: boolean): ValueMessage {
  if (typeof values[0] === "string") return { string_list_val: { val: values } };
  if (typeof values[0] === "boolean") return { bool_list_val: { val: values } };
  return isFloat || !values.every(Number.isSafeInteger) ? { double_list_val: { val: values } } : { int64_list_val: { val: values } };
}
