/** Event time of a row: the stream's time field as RFC 3339 text with offset, milliseconds since the epoch, or a Date. */
import type { Problem } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import { parseIsoTime } from "./iso-time.ts";

/** The largest time a Date can hold, in ms either side of the epoch (ECMA-262, 21.4.1.1). */
const MAX_TIME_MS = 8.64e15;

/** ms since the epoch; undefined when the row has no value in the time field (or the stream has no such field); or what is wrong with it. */
export type TimeReader = (row: Readonly<Record<string, unknown>>) => number | undefined | Problem;

export function compileTimeReader(stream: Pick<Stream, "time">): TimeReader {
  const field = stream.time;
  if (field === undefined) return () => undefined;
  return (row) => {
    const value = row[field];
    if (value === undefined || value === null) return undefined;
    const timeMs = millisecondsOf(value);
    return Math.abs(timeMs) <= MAX_TIME_MS ? timeMs : refuse(field, value);
  };
}

function millisecondsOf(value: unknown): number {
  if (typeof value === "string") return parseIsoTime(value);
  if (typeof value === "number") return value;
  return value instanceof Date ? value.getTime() : Number.NaN;
}

function refuse(field: string, value: unknown): Problem {
  const found = (typeof value === "string" ? JSON.stringify(value) : String(value)).slice(0, 60);
  return { path: field, message: `is no event time: ${found}; write RFC 3339 text with an offset, or milliseconds since the epoch`, code: "invalid time" };
}
