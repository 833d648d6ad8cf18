/** Makes a range of freshly written rows readable: orders them, links equal values, builds the tiles. */
import type { LastSeen } from "./last-seen.ts";
import { linkOccurrences } from "./occurrences.ts";
import { orderByTime, permuteRows } from "./row-order.ts";
import { rowsUpTo } from "./row-search.ts";
import type { WindowColumns } from "./window-columns.ts";
import { buildTiles } from "./window-tiles.ts";
import type { RowRange } from "./window-tiles.ts";

/**
 * Rows `[start, from)` of the entity are settled; `[from, end)` were written after them, in order of offset, at any
 * times. Afterwards all are in order of (time, offset).
 */
export function settleRows(columns: WindowColumns, range: RowRange, seen: LastSeen): void {
  const moved = orderRows(columns, range);
  linkColumns(columns, moved, seen);
  buildTiles(columns, moved);
}

/** Links equal values in every column that counts distinct ones. */
export function linkColumns(columns: WindowColumns, range: RowRange, seen: LastSeen): void {
  columns.gaps.forEach((gaps, column) => {
    if (gaps.length === 0) return;
    linkOccurrences({ codes: columns.codes[column]!, gaps, dictionarySize: columns.dictionaries[column]!.values.length }, range, seen);
  });
}

/** Sorts the new rows in among the settled ones; the answer begins at the first row that moved. */
function orderRows(columns: WindowColumns, range: RowRange): RowRange {
  const { times } = columns;
  const { start, from, end } = range;
  let earliest = Number.POSITIVE_INFINITY;
  for (let row = from; row < end; row++) if (times[row]! < earliest) earliest = times[row]!;
  const first = rowsUpTo(times, { from: start, to: from, timeMs: earliest });
  const order = orderByTime(times, first, end);
  if (order !== undefined) permuteRows(columns, first, order);
  return { start, from: Math.min(first, from), end };
}

/** Below this many rows a plain loop is faster than the call into V8's copyWithin. */
const LOOP_ROWS = 32;

/** Copies rows to another place, to overlapping ones only downwards; tiles must be built anew there. */
export function copyRows(columns: WindowColumns, range: RowCopy): void {
  copyColumn(columns.times, range);
  copyColumn(columns.known, range);
  for (const list of [columns.numbers, columns.codes, columns.flags, columns.gaps]) {
    for (let column = 0; column < list.length; column++) copyColumn(list[column]!, range);
  }
}

interface RowCopy {
  readonly from: number;
  readonly count: number;
  readonly to: number;
}

function copyColumn(column: Float64Array | Int32Array | Uint8Array, { from, count, to }: RowCopy): void {
  if (column.length === 0) return;
  if (count > LOOP_ROWS) column.copyWithin(to, from, from + count);
  else for (let row = 0; row < count; row++) column[to + row] = column[from + row]!;
}
