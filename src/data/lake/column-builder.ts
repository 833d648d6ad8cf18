/**
 * Rows into columns, as they arrive: typed arrays that grow, and a dictionary per text column. A value that does not
 * fit its field's kind (the schema was another one when it was accepted) is missing.
 */
import type { Column, ColumnKind } from "../../ports/analytics.ts";
import { textOf } from "./field-kind.ts";

type Row = Readonly<Record<string, unknown>>;

export interface ColumnBuilder {
  append(rows: readonly Row[]): void;
  readonly rows: number;
  /** The columns so far, by field. */
  finish(): ReadonlyMap<string, Column>;
}

interface FieldColumn {
  append(rows: readonly Row[]): void;
  finish(): Column;
}

export function createColumnBuilder(kinds: ReadonlyMap<string, ColumnKind>): ColumnBuilder {
  const fields = new Map([...kinds].map(([field, kind]): [string, FieldColumn] => [field, FIELD_COLUMNS[kind](field)]));
  let rows = 0;
  return {
    get rows() { return rows; },
    append: (added) => {
      for (const field of fields.values()) field.append(added);
      rows += added.length;
    },
    finish: () => new Map([...fields].map(([field, column]) => [field, column.finish()])),
  };
}

const FIELD_COLUMNS: Readonly<Record<ColumnKind, (field: string) => FieldColumn>> = { number: numberColumn, text: textColumn, boolean: booleanColumn };

const FIRST_CAPACITY = 1_024;

function numberColumn(field: string): FieldColumn {
  const array = growing((capacity) => new Float64Array(capacity));
  return {
    append: (rows) => {
      const { values, from } = array.extend(rows.length);
      for (let i = 0; i < rows.length; i++) {
        const value = rows[i]![field];
        values[from + i] = typeof value === "number" ? value : Number.NaN;
      }
    },
    finish: () => ({ kind: "number", values: array.finish() }),
  };
}

function booleanColumn(field: string): FieldColumn {
  const array = growing((capacity) => new Int8Array(capacity));
  return {
    append: (rows) => {
      const { values, from } = array.extend(rows.length);
      for (let i = 0; i < rows.length; i++) {
        const value = rows[i]![field];
        values[from + i] = typeof value === "boolean" ? Number(value) : -1;
      }
    },
    finish: () => ({ kind: "boolean", values: array.finish() }),
  };
}

/** After so many values a column that hardly repeats (ids) stops looking for repetitions: the lookup costs more than it saves. */
const JUDGED_VALUES = 1_024;
const MOSTLY_DISTINCT = 0.9;

function textColumn(field: string): FieldColumn {
  const array = growing((capacity) => new Int32Array(capacity));
  const dictionary: string[] = [];
  let codes: Map<string, number> | undefined = new Map();
  let seen = 0;
  const encode = (value: string | undefined): number => {
    if (value === undefined) return -1;
    const known = codes?.get(value);
    seen += 1;
    if (known !== undefined) return known;
    const code = dictionary.push(value) - 1;
    codes?.set(value, code);
    if (seen === JUDGED_VALUES && dictionary.length > MOSTLY_DISTINCT * seen) codes = undefined;
    return code;
  };
  return {
    append: (rows) => {
      const { values, from } = array.extend(rows.length);
      for (let i = 0; i < rows.length; i++) values[from + i] = encode(textOf(rows[i]![field]));
    },
    finish: () => ({ kind: "text", codes: array.finish(), dictionary }),
  };
}

interface Growing<Values> {
  /** Room for `count` more values, from index `from` on. */
  extend(count: number): { readonly values: Values; readonly from: number };
  finish(): Values;
}

function growing<Values extends Float64Array | Int32Array | Int8Array>(make: (capacity: number) => Values): Growing<Values> {
  let values = make(FIRST_CAPACITY);
  let used = 0;
  return {
    extend: (count) => {
      if (used + count > values.length) {
        const larger = make(Math.max(used + count, values.length * 2));
        larger.set(values);
        values = larger;
      }
      used += count;
      return { values, from: used - count };
    },
    finish: () => values.subarray(0, used) as Values, // the same kind of array
  };
}
