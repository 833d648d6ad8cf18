/** Writes an event's values into the columns of its view: one rule for events of a stream and rows of the lake. */
import type { EventColumn } from "../lake/event-columns.ts";
import { MISSING_CODE } from "./dictionary.ts";
import type { EventRow } from "./entity-key.ts";
import { toNumber, toValueOfType } from "./value-type.ts";
import type { WindowColumns } from "./window-columns.ts";
import type { Slot } from "./window-plan.ts";

/** Puts the event's value for the slot into row `at`. */
export function writeSlot(slot: Slot, columns: WindowColumns, event: { readonly row: EventRow; readonly timeMs: number }, at: number): void {
  const { row, timeMs } = event;
  const takesPart = slot.condition === undefined || slot.condition(row, timeMs) === true;
  switch (slot.storage) {
    case "rows": return;
    case "flag":
      columns.flags[slot.column]![at] = takesPart ? 1 : 0;
      return;
    case "number":
      columns.numbers[slot.column]![at] = takesPart ? toNumber(slot.value!(row, timeMs), slot.type) : Number.NaN;
      return;
    case "code": {
      const value = takesPart ? toValueOfType(slot.value!(row, timeMs), slot.type) : undefined;
      columns.codes[slot.column]![at] = value === undefined ? MISSING_CODE : columns.dictionaries[slot.column]!.encode(value);
      return;
    }
    case "bucket": {
      const value = takesPart ? toValueOfType(slot.value!(row, timeMs), slot.type) : undefined;
      columns.codes[slot.column]![at] = value === undefined ? MISSING_CODE : slot.bucketOf!(value);
    }
  }
}

/** The stored column that holds a slot's values as they are; undefined when they must be computed row by row. */
export function plainColumn(slot: Slot, columns: Readonly<Record<string, EventColumn>>): EventColumn | undefined {
  if (slot.of?.op !== "field" || slot.where !== undefined || !Object.hasOwn(columns, slot.of.name)) return undefined;
  const column = columns[slot.of.name]!;
  const fits = slot.storage === "number" ? column.kind === "number" && slot.type === "number" : slot.storage === "code" && column.kind === "text" && slot.type === "text";
  return fits ? column : undefined;
}

/** Puts a whole stored column into the rows `rowOf[i]`; -1 leaves an event out. */
export function writePlainColumn(slot: Slot, columns: WindowColumns, column: EventColumn, rowOf: Int32Array): void {
  if (column.kind === "number") scatterNumbers(column.values, columns.numbers[slot.column]!, rowOf);
  else if (column.kind === "text") scatterCodes(column, columns, slot.column, rowOf);
}

function scatterNumbers(values: Float64Array, into: Float64Array, rowOf: Int32Array): void {
  for (let index = 0; index < rowOf.length; index++) {
    const value = values[index]!;
    if (rowOf[index]! >= 0) into[rowOf[index]!] = Number.isFinite(value) ? value + 0 : Number.NaN;
  }
}

function scatterCodes({ codes, dictionary }: Extract<EventColumn, { readonly kind: "text" }>, columns: WindowColumns, column: number, rowOf: Int32Array): void {
  const target = columns.dictionaries[column]!;
  const newCodes = Int32Array.from(dictionary, (text) => target.encode(text));
  const into = columns.codes[column]!;
  for (let index = 0; index < rowOf.length; index++) {
    if (rowOf[index]! >= 0) into[rowOf[index]!] = codes[index]! < 0 ? MISSING_CODE : newCodes[codes[index]!]!;
  }
}
