/** Finds the latest and the earliest event that has a value, skipping whole tiles without one. */
import { COUNT, PARTIAL } from "./partial-aggregate.ts";
import { LEAF_ROWS } from "./window-columns.ts";
import type { TileLevel, WindowColumns } from "./window-columns.ts";
import type { Slot } from "./window-plan.ts";

/** What is looked for: a row with a value in the slot, known by the limit. */
export type ValueSlot = Pick<Slot, "storage" | "column">;

/** The last row of `[from, to)` with a value known by the limit; -1 when there is none. */
export function latestRow(columns: WindowColumns, slot: ValueSlot, { from, to, knownLimit }: { readonly from: number; readonly to: number; readonly knownLimit: number }): number {
  const isLimited = columns.known.length > 0 && knownLimit < Number.POSITIVE_INFINITY;
  let row = to - 1;
  while (row >= from) {
    if ((row + 1) % LEAF_ROWS === 0) {
      const skipped = emptyRowsBefore(columns, slot, { from, to: row + 1, knownLimit: isLimited ? knownLimit : Number.POSITIVE_INFINITY });
      row -= skipped;
      if (skipped > 0) continue;
    }
    if (hasValue(columns, slot, row) && !(isLimited && columns.known[row]! > knownLimit)) return row;
    row--;
  }
  return -1;
}

/** The first row of `[from, to)` with a value known by the limit; -1 when there is none. */
export function earliestRow(columns: WindowColumns, slot: ValueSlot, { from, to, knownLimit }: { readonly from: number; readonly to: number; readonly knownLimit: number }): number {
  const isLimited = columns.known.length > 0 && knownLimit < Number.POSITIVE_INFINITY;
  let row = from;
  while (row < to) {
    if (row % LEAF_ROWS === 0) {
      const skipped = emptyRowsFrom(columns, slot, { from: row, to, knownLimit: isLimited ? knownLimit : Number.POSITIVE_INFINITY });
      row += skipped;
      if (skipped > 0) continue;
    }
    if (hasValue(columns, slot, row) && !(isLimited && columns.known[row]! > knownLimit)) return row;
    row++;
  }
  return -1;
}

function hasValue(columns: WindowColumns, { storage, column }: ValueSlot, row: number): boolean {
  switch (storage) {
    case "rows": return true;
    case "flag": return columns.flags[column]![row] === 1;
    case "number": return !Number.isNaN(columns.numbers[column]![row]!);
    case "code": case "bucket": return columns.codes[column]![row]! >= 0;
  }
}

/** Rows of the largest tile that ends at `to` and holds nothing to find; 0 when there is none. */
function emptyRowsBefore(columns: WindowColumns, slot: ValueSlot, { from, to, knownLimit }: { readonly from: number; readonly to: number; readonly knownLimit: number }): number {
  let rows = 0;
  for (const level of columns.levels) {
    const size = 1 << level.shift;
    if ((to & (size - 1)) !== 0 || to - size < from || !isEmpty(level, slot, (to >> level.shift) - 1, knownLimit)) break;
    rows = size;
  }
  return rows;
}

/** Rows of the largest tile that begins at `from` and holds nothing to find; 0 when there is none. */
function emptyRowsFrom(columns: WindowColumns, slot: ValueSlot, { from, to, knownLimit }: { readonly from: number; readonly to: number; readonly knownLimit: number }): number {
  let rows = 0;
  for (const level of columns.levels) {
    const size = 1 << level.shift;
    if ((from & (size - 1)) !== 0 || from + size > to || !isEmpty(level, slot, from >> level.shift, knownLimit)) break;
    rows = size;
  }
  return rows;
}

function isEmpty(level: TileLevel, { storage, column }: ValueSlot, tile: number, knownLimit: number): boolean {
  if (knownLimit < Number.POSITIVE_INFINITY && level.knownMin[tile]! > knownLimit) return true;
  switch (storage) {
    case "rows": return false;
    case "flag": return level.flagCounts[column]![tile] === 0;
    case "number": return level.numbers[column]![tile * PARTIAL + COUNT] === 0;
    case "code": case "bucket": return level.codeCounts[column]![tile] === 0;
  }
}
