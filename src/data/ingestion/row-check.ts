/** What a stream's definition makes of one parsed value: a row with its id and event time, or every problem it has. Pure. */
import type { Problem } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import { compileSchema } from "../streams/schema-check.ts";
import { compileTimeReader } from "../streams/time-reader.ts";
import { ownId } from "./event-id.ts";

/** What a stream's rules of data quality have against a row that its schema accepts; undefined when nothing. */
export type RowRules = (row: Readonly<Record<string, unknown>>, timeMs: number) => readonly Problem[] | undefined;

export interface CheckedRow {
  /** The schema's output. */
  readonly row: Readonly<Record<string, unknown>>;
  /** Event time in the row, ms since the epoch. */
  readonly timeMs: number | undefined;
  /** The event's own id in the row, as a record id. */
  readonly id: string | undefined;
}

export type RowCheck = (value: unknown) => CheckedRow | readonly Problem[];

export const NOT_AN_OBJECT: readonly Problem[] = [{ path: "", message: "is not a JSON object", code: "not an object" }];

/** `rulesOf` is asked at each row, so that a new definition's rules hold at once. */
export function compileRowCheck(stream: Stream, rulesOf: () => RowRules | undefined = () => undefined): RowCheck {
  const checkSchema = compileSchema(stream.schema);
  const readTime = compileTimeReader(stream);
  const { id: idField } = stream;
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return NOT_AN_OBJECT;
    const checked = checkSchema(value);
    if (!checked.success) return checked.problems;
    const row = checked.data;
    const timeMs = readTime(row);
    const id = idField === undefined ? undefined : ownId(row[idField], idField);
    if (typeof timeMs === "object" || typeof id === "object") return [timeMs, id].filter((part) => typeof part === "object");
    const refused = rulesOf()?.(row, timeMs ?? Number.NaN);
    return refused ?? { row, timeMs, id };
  };
}

export function isRefusal(checked: CheckedRow | readonly Problem[]): checked is readonly Problem[] {
  return Array.isArray(checked);
}
