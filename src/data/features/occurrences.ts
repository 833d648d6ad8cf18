/**
 * For exact distinct counts every row keeps its distance to the previous row of the entity with the same value.
 * A row is the first of its value in a window exactly when that previous row lies before the window, so counting
 * distinct values is counting rows, which tiles can do.
 */
import { startRound } from "./last-seen.ts";
import type { LastSeen } from "./last-seen.ts";
import { FAR } from "./window-columns.ts";
import type { RowRange } from "./window-tiles.ts";

export interface OccurrenceColumn {
  /** -1 = no value. */
  readonly codes: Int32Array;
  /** Filled here: rows back to the previous occurrence, FAR for the first, 0 for no value. */
  readonly gaps: Int32Array;
  /** Codes are below this. */
  readonly dictionarySize: number;
}

/** Sets the gaps of rows at or after `range.from`; those before it are right already. */
export function linkOccurrences(column: OccurrenceColumn, range: RowRange, seen: LastSeen): void {
  const { codes, gaps } = column;
  let firsts = 0;
  startRound(seen, column.dictionarySize);
  for (let row = range.from; row < range.end; row++) {
    const code = codes[row]!;
    gaps[row] = 0;
    if (code < 0) continue;
    const isFirst = seen.rounds[code] !== seen.round;
    gaps[row] = isFirst ? FAR : row - seen.rows[code]!;
    if (isFirst) firsts++;
    seen.rounds[code] = seen.round;
    seen.rows[code] = row;
  }
  if (firsts > 0 && range.from > range.start) linkToEarlier(column, range, { seen, firsts });
}

/** Values that first occur at or after `from` are looked for before it, all in one backward pass. */
function linkToEarlier({ codes, gaps, dictionarySize }: OccurrenceColumn, { start, from, end }: RowRange, { seen, firsts }: { readonly seen: LastSeen; readonly firsts: number }): void {
  startRound(seen, dictionarySize);
  for (let row = from; row < end; row++) {
    if (gaps[row] !== FAR) continue;
    seen.rounds[codes[row]!] = seen.round;
    seen.rows[codes[row]!] = row;
  }
  let left = firsts;
  for (let row = from - 1; row >= start && left > 0; row--) {
    const code = codes[row]!;
    if (code < 0 || seen.rounds[code] !== seen.round) continue;
    gaps[seen.rows[code]!] = seen.rows[code]! - row;
    seen.rounds[code] = 0;
    left--;
  }
}
