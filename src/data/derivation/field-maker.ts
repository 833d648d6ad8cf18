/** Makes the fields of an event by a field map; a missing value leaves its field out. */
import { compileExpression } from "../../define/index.ts";
import type { EventValue, FieldMap } from "../../define/index.ts";
import type { Row } from "../streams/recent-rows.ts";

export type FieldMaker = (row: Row, timeMs: number) => Row;

export function compileFieldMap(map: FieldMap): FieldMaker {
  const fields = Object.entries(map).map(([field, node]) => ({ field, evaluate: compileExpression(node) }));
  return (row, timeMs) => {
    const made: Record<string, EventValue> = {};
    for (const { field, evaluate } of fields) {
      const value = evaluate(row, timeMs);
      if (value !== undefined) made[field] = value;
    }
    return made;
  };
}

/** A key's text; undefined when a part is missing or not finite. Numbers and texts are told apart. */
export function keyOf(values: readonly EventValue[]): string | undefined {
  if (values.some((value) => value === undefined || (typeof value === "number" && !Number.isFinite(value)))) return undefined;
  return JSON.stringify(values);
}
