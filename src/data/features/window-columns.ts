/**
 * The events of many entities as columns: each entity owns a range of rows, sorted by (time, offset), with the
 * values its aggregations need. Above the rows lie tiles of 64, 1,024, 16,384 … rows, aligned to row numbers, that
 * hold partial aggregates. The online store and the point-in-time index use this same layout and the same operator.
 */
import { createDictionary } from "./dictionary.ts";
import type { Dictionary } from "./dictionary.ts";
import { MOMENTS } from "./moments.ts";
import { PARTIAL } from "./partial-aggregate.ts";
import { createTallyTable, sizeOfTally } from "./tallies.ts";
import type { Tally, TallyTable } from "./tallies.ts";
import type { WindowPlan } from "./window-plan.ts";

/**
 * log2 of the rows per tile, by level. 64 rows are folded raw in about 0.2 µs, and a fan-out of 16 bounds a window
 * over 4 million events to some 130 tiles and 126 raw rows.
 */
export const TILE_SHIFTS = [6, 10, 14, 18, 22] as const;
export const LEAF_ROWS = 64;
/** Tiles from this level on keep tallies: below, a list of codes is about as long as the rows. */
export const FIRST_TALLY_LEVEL = 1;

/** Partial aggregates of one level's tiles, per column. */
export interface TileLevel {
  readonly shift: number;
  knownMin: Float64Array;
  knownMax: Float64Array;
  /** PARTIAL doubles per tile. */
  numbers: Float64Array[];
  /** MOMENTS doubles per tile, for columns whose variance is asked for. */
  moments: Float64Array[];
  /** By tile, for code columns that are tallied; empty below FIRST_TALLY_LEVEL. */
  readonly tallies: (Tally | undefined)[][];
  /** Rows with a value, per tile. */
  codeCounts: Int32Array[];
  flagCounts: Int32Array[];
  /** Rows of the value's previous occurrence: the lowest and highest over the tile, for columns that count distinct values. */
  previousMin: Int32Array[];
  previousMax: Int32Array[];
}

export interface WindowColumns {
  capacity: number;
  /** By code column: whether it is tallied. */
  readonly tallied: readonly boolean[];
  /** By code column: buckets are below this; 0 for those that have a dictionary. */
  readonly bucketLimits: readonly number[];
  /** Scratch for building tallies. */
  readonly tallyTable: TallyTable;
  times: Float64Array;
  /** When each event became known (time or offset); empty where every event is known, as online. */
  known: Float64Array;
  /** NaN = does not take part. */
  numbers: Float64Array[];
  /** -1 = does not take part. */
  codes: Int32Array[];
  /** What the codes mean, by code column. */
  readonly dictionaries: Dictionary[];
  /** 1 = takes part. */
  flags: Uint8Array[];
  /** Rows back to the value's previous occurrence within the entity; FAR for its first, 0 where there is no value. Empty for columns that do not count distinct values. */
  gaps: Int32Array[];
  readonly levels: readonly TileLevel[];
}

/** The gap of a value that did not occur before. */
export const FAR = 2 ** 31 - 1;

export interface ColumnsOptions {
  readonly capacity: number;
  /** Whether events have a time of becoming known. */
  readonly known: boolean;
}

/** Columns for `capacity` rows, at least 1. */
export function createWindowColumns(plan: WindowPlan, { capacity, known }: ColumnsOptions): WindowColumns {
  return {
    capacity, tallied: plan.tallyColumns, bucketLimits: plan.bucketLimits, tallyTable: createTallyTable(),
    times: new Float64Array(capacity), known: new Float64Array(known ? capacity : 0),
    numbers: many(plan.numberColumns, () => new Float64Array(capacity)),
    codes: many(plan.codeColumns, () => new Int32Array(capacity)),
    dictionaries: many(plan.codeColumns, () => createDictionary()),
    flags: many(plan.flagColumns, () => new Uint8Array(capacity)),
    gaps: plan.distinctColumns.map((counts) => new Int32Array(counts ? capacity : 0)),
    levels: TILE_SHIFTS.map((shift) => createLevel(plan, shift, tilesOf(capacity, shift), known)),
  };
}

function createLevel(plan: WindowPlan, shift: number, tiles: number, known: boolean): TileLevel {
  const distinctTiles = (): Int32Array[] => plan.distinctColumns.map((counts) => new Int32Array(counts ? tiles : 0));
  return {
    shift,
    knownMin: new Float64Array(known ? tiles : 0), knownMax: new Float64Array(known ? tiles : 0),
    numbers: many(plan.numberColumns, () => new Float64Array(tiles * PARTIAL)),
    moments: plan.momentColumns.map((keeps) => new Float64Array(keeps ? tiles * MOMENTS : 0)),
    tallies: many(plan.codeColumns, () => []),
    codeCounts: many(plan.codeColumns, () => new Int32Array(tiles)),
    flagCounts: many(plan.flagColumns, () => new Int32Array(tiles)),
    previousMin: distinctTiles(), previousMax: distinctTiles(),
  };
}

/** Codes of the column are below this. */
export function codeLimit({ bucketLimits, dictionaries }: WindowColumns, column: number): number {
  return bucketLimits[column]! > 0 ? bucketLimits[column]! : dictionaries[column]!.values.length;
}

/** Makes room for more rows, column by column; what is there stays. */
export function growWindowColumns(columns: WindowColumns, capacity: number): void {
  columns.times = enlarge(columns.times, capacity);
  columns.known = enlarge(columns.known, capacity);
  enlargeAll(columns.numbers, capacity);
  enlargeAll(columns.codes, capacity);
  enlargeAll(columns.flags, capacity);
  enlargeAll(columns.gaps, capacity);
  for (const level of columns.levels) growLevel(level, tilesOf(capacity, level.shift));
  columns.capacity = capacity;
}

function growLevel(level: TileLevel, tiles: number): void {
  level.knownMin = enlarge(level.knownMin, tiles);
  level.knownMax = enlarge(level.knownMax, tiles);
  enlargeAll(level.numbers, tiles * PARTIAL);
  enlargeAll(level.moments, tiles * MOMENTS);
  for (const column of [level.codeCounts, level.flagCounts, level.previousMin, level.previousMax]) enlargeAll(column, tiles);
}

/** Bytes the columns occupy. */
export function sizeOfColumns(columns: WindowColumns): number {
  const { levels, times, known } = columns;
  const lists = [columns.numbers, columns.codes, columns.flags, columns.gaps,
    ...levels.flatMap((level) => [level.numbers, level.moments, level.codeCounts, level.flagCounts, level.previousMin, level.previousMax, [level.knownMin, level.knownMax]])];
  let tallies = 0;
  for (const level of levels) for (const column of level.tallies) for (const tally of column) tallies += tally === undefined ? 0 : sizeOfTally(tally);
  return times.byteLength + known.byteLength + tallies + lists.flat().reduce((sum, column) => sum + column.byteLength, 0);
}

type Column = Float64Array | Int32Array | Uint8Array;

function enlargeAll(columns: Column[], length: number): void {
  columns.forEach((column, index) => { columns[index] = enlarge(column, length); });
}

/** A column that is not kept has length 0 and stays so; one that is kept is never empty. */
function enlarge<T extends Column>(column: T, length: number): T {
  if (column.length === 0) return column;
  const larger = new (column.constructor as new (length: number) => T)(length); // the constructor of T
  larger.set(column);
  return larger;
}

/** One more than fit, so that a kept column of tiles is never empty. */
function tilesOf(capacity: number, shift: number): number {
  return (capacity >> shift) + 1;
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
