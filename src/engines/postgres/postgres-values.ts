/** The portable subset's values on their way to PostgreSQL and back: the same numbers, text and bytes that SQLite gives. */

/** 0/1 for booleans; what the portable subset does not have is refused, as by every engine. */
export function bindable(value: unknown): unknown {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number" && Number.isNaN(value)) throw new TypeError("NaN cannot be stored; use null for a missing number");
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`a value of type ${value === undefined ? "undefined" : Object.prototype.toString.call(value).slice(8, -1)} cannot be stored; store text, numbers, booleans, bytes or null`);
}

/** Type numbers of pg_type.dat. */
const BOOL = 16;
const BYTEA = 17;
const INT8 = 20;
const NUMBERS: ReadonlySet<number> = new Set([21, 23, 26, 700, 701, 1700]);

/** As the driver asks for it: the reader of a type's text form. */
export function parserOf(type: number): (text: string) => unknown {
  if (type === INT8) return wholeNumber;
  if (type === BOOL) return (text) => (text === "t" ? 1 : 0);
  if (type === BYTEA) return (text) => Buffer.from(text.slice(2), "hex"); // \x…
  if (NUMBERS.has(type)) return Number;
  return (text) => text;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is not exact as a number`);
  return value;
}
