/**
 * A row over columns that moves: expressions compiled for events run on stored columns unchanged, because the cursor
 * shows the fields of one row at a time.
 */
import type { Scalar } from "../../define/index.ts";
import type { EventColumn, EventColumns } from "../lake/event-columns.ts";

export interface EventCursor {
  /** The fields of the current row; the same object for every row. */
  readonly row: Readonly<Record<string, unknown>>;
  moveTo(index: number): void;
}

/** A cursor over some fields; a field without a column is missing in every row. */
export function createEventCursor(columns: EventColumns, fields: Iterable<string>): EventCursor {
  const names = [...fields].filter((field) => Object.hasOwn(columns.columns, field));
  const row: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, undefined]));
  const sources = names.map((name) => columns.columns[name]!);
  return {
    row,
    moveTo: (index) => {
      for (let field = 0; field < names.length; field++) row[names[field]!] = valueAt(sources[field]!, index);
    },
  };
}

/** The value of one row; undefined when it is missing. */
export function valueAt(column: EventColumn, index: number): Scalar | undefined {
  switch (column.kind) {
    case "number": {
      const value = column.values[index]!;
      return Number.isNaN(value) ? undefined : value;
    }
    case "text": {
      const code = column.codes[index]!;
      return code < 0 ? undefined : column.dictionary[code];
    }
    case "boolean": {
      const value = column.values[index]!;
      return value < 0 ? undefined : value === 1;
    }
  }
}
