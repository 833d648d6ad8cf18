/**
 * How often each code occurs: the mergeable part of most frequent values, histograms, quantiles and approximate
 * distinct counts. Tiles of 1,024 rows and more keep a sorted list of codes with their counts; a window adds up lists
 * and raw rows in a table that is wiped in no time.
 */

/** Codes in ascending order and how often each occurs. */
export interface Tally {
  readonly codes: Int32Array;
  readonly counts: Int32Array;
}

/** Bytes a tally occupies, its objects included. */
export const sizeOfTally = ({ codes }: Tally): number => 240 + codes.length * 8;

/** Counts by code, for one round. */
export interface TallyTable {
  counts: Float64Array;
  rounds: Uint32Array;
  round: number;
  /** The codes of this round, in order of first appearance: `[0, size)`. */
  touched: Int32Array;
  size: number;
}

export function createTallyTable(): TallyTable {
  return { counts: new Float64Array(64), rounds: new Uint32Array(64), round: 0, touched: new Int32Array(64), size: 0 };
}

/** Forgets all counts and makes room for codes below `size`. */
export function startTally(table: TallyTable, size: number): void {
  if (table.rounds.length < size || table.round === 2 ** 32 - 1) {
    const length = Math.max(size, table.rounds.length * 2);
    table.counts = new Float64Array(length);
    table.rounds = new Uint32Array(length);
    table.touched = new Int32Array(length);
    table.round = 0;
  }
  table.round++;
  table.size = 0;
}

export function addToTally(table: TallyTable, code: number, times: number): void {
  if (code < 0) return;
  if (table.rounds[code] === table.round) table.counts[code]! += times;
  else {
    table.rounds[code] = table.round;
    table.counts[code] = times;
    table.touched[table.size++] = code;
  }
}

export function addTally(table: TallyTable, { codes, counts }: Tally): void {
  for (let index = 0; index < codes.length; index++) addToTally(table, codes[index]!, counts[index]!);
}

/** How often the code occurs in this round. */
export const timesOf = (table: TallyTable, code: number): number => (table.rounds[code] === table.round ? table.counts[code]! : 0);

/** The round's codes in ascending order. */
export function sortedCodes(table: TallyTable): Int32Array {
  return table.touched.subarray(0, table.size).toSorted();
}

/** The round as a list of its own. */
export function toTally(table: TallyTable): Tally {
  const codes = sortedCodes(table);
  return { codes, counts: Int32Array.from(codes, (code) => table.counts[code]!) };
}
