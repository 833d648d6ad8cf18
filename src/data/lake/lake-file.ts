/** A Parquet file of the lake: an unbroken range of a stream's offsets. */
import type { ColumnKind } from "../../ports/analytics.ts";

/** Columns that every file has, whatever the stream's fields are called. */
export const OFFSET_COLUMN = "strata_offset";
export const TIME_COLUMN = "strata_time_ms";
export const KNOWN_COLUMN = "strata_known_at_ms";

/** Where a field is stored. A field that changes its kind gets another column, so a column has one type for ever. */
export interface StoredField {
  readonly field: string;
  readonly kind: ColumnKind;
  readonly column: string;
}

export interface LakeFile {
  /** Name within the stream's folder. */
  readonly name: string;
  readonly fromOffset: number;
  /** One past the last offset. */
  readonly toOffset: number;
  readonly rows: number;
  readonly sizeBytes: number;
  /** Event times, ms since the epoch. */
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly fields: readonly StoredField[];
  /** What these rows took before they were written anew for the cold tier. */
  readonly hotBytes?: number;
}

/** The same range may be written more than once (again after a restore, smaller for the cold tier): each gets a name of its own. */
export function freeNameOf(fromOffset: number, toOffset: number, taken: { has(name: string): boolean }): string {
  const plain = fileNameOf(fromOffset, toOffset);
  let name = plain;
  for (let number = 2; taken.has(name); number++) name = plain.replace(".parquet", `-${number}.parquet`);
  return name;
}

/** Offsets as 15 digits (2^53 has 16, reached after 285 years at a million events a second), so that names sort by offset. */
export function fileNameOf(fromOffset: number, toOffset: number): string {
  return `${String(fromOffset).padStart(15, "0")}-${String(toOffset).padStart(15, "0")}.parquet`;
}

/** Gives each field its column: the field's own name, unless SQL cannot tell that apart from one that is taken. */
export function assignColumns(kinds: ReadonlyMap<string, ColumnKind>, known: readonly StoredField[]): readonly StoredField[] {
  const taken = new Set([OFFSET_COLUMN, TIME_COLUMN, KNOWN_COLUMN, ...known.map(({ column }) => column.toLowerCase())]);
  return [...kinds].map(([field, kind]) => {
    const stored = known.find((other) => other.field === field && other.kind === kind);
    if (stored) return stored;
    let column = field;
    for (let number = 2; taken.has(column.toLowerCase()); number++) column = `${field}_${number}`;
    taken.add(column.toLowerCase());
    return { field, kind, column };
  });
}
