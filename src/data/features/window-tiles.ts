/**
 * Builds the tiles over a range of one entity's rows. Only tiles that lie wholly inside the range are built, and only
 * those are ever read.
 */
import { MOMENTS, addMoments, mergeMoments, resetMoments } from "./moments.ts";
import { PARTIAL, addValues, mergePartial, resetPartial } from "./partial-aggregate.ts";
import { addTally, addToTally, startTally, toTally } from "./tallies.ts";
import { FAR, FIRST_TALLY_LEVEL, codeLimit } from "./window-columns.ts";
import type { TileLevel, WindowColumns } from "./window-columns.ts";

/** Rows `[start, end)` belong to one entity, in order; those from `from` on are new or have moved. */
export interface RowRange {
  readonly start: number;
  readonly from: number;
  readonly end: number;
}

/** (Re)builds every tile of the entity that holds a row at or after `from`. */
export function buildTiles(columns: WindowColumns, { start, from, end }: RowRange): void {
  let below: TileLevel | undefined;
  for (const level of columns.levels) {
    const first = Math.max(from >> level.shift, Math.ceil(start / 2 ** level.shift));
    const last = end >> level.shift;
    if (last <= first && (end - start) >> level.shift === 0) return; // no tile of this size fits, so no larger one does
    for (let tile = first; tile < last; tile++) {
      if (below === undefined) buildLeaf(columns, level, tile);
      else buildFromChildren(level, below, tile);
      if (level.shift >= columns.levels[FIRST_TALLY_LEVEL]!.shift) buildTallies(columns, level, below!, tile);
    }
    below = level;
  }
}

function buildLeaf(columns: WindowColumns, level: TileLevel, tile: number): void {
  const from = tile << level.shift;
  const to = from + 2 ** level.shift;
  for (let column = 0; column < columns.numbers.length; column++) {
    resetPartial(level.numbers[column]!, tile * PARTIAL);
    addValues(level.numbers[column]!, tile * PARTIAL, columns.numbers[column]!, from, to);
    if (level.moments[column]!.length === 0) continue;
    resetMoments(level.moments[column]!, tile * MOMENTS);
    for (let row = from; row < to; row++) addMoments(level.moments[column]!, tile * MOMENTS, columns.numbers[column]![row]!);
  }
  for (let column = 0; column < columns.flags.length; column++) level.flagCounts[column]![tile] = countFlags(columns.flags[column]!, from, to);
  for (let column = 0; column < columns.codes.length; column++) level.codeCounts[column]![tile] = countCodes(columns.codes[column]!, from, to);
  for (let column = 0; column < columns.gaps.length; column++) {
    if (columns.gaps[column]!.length > 0) spanPrevious(columns.gaps[column]!, level, { column, tile });
  }
  if (columns.known.length > 0) spanKnown(columns.known, level, tile);
}

function buildFromChildren(level: TileLevel, below: TileLevel, tile: number): void {
  const from = tile << (level.shift - below.shift);
  const to = (tile + 1) << (level.shift - below.shift);
  for (let column = 0; column < level.numbers.length; column++) {
    resetPartial(level.numbers[column]!, tile * PARTIAL);
    for (let child = from; child < to; child++) mergePartial(level.numbers[column]!, tile * PARTIAL, below.numbers[column]!, child * PARTIAL);
    if (level.moments[column]!.length === 0) continue;
    resetMoments(level.moments[column]!, tile * MOMENTS);
    for (let child = from; child < to; child++) mergeMoments(level.moments[column]!, tile * MOMENTS, below.moments[column]!, child * MOMENTS);
  }
  for (let column = 0; column < level.flagCounts.length; column++) level.flagCounts[column]![tile] = addUp(below.flagCounts[column]!, from, to);
  for (let column = 0; column < level.codeCounts.length; column++) level.codeCounts[column]![tile] = addUp(below.codeCounts[column]!, from, to);
  for (let column = 0; column < level.previousMin.length; column++) {
    if (level.previousMin[column]!.length === 0) continue;
    level.previousMin[column]![tile] = lowest(below.previousMin[column]!, from, to);
    level.previousMax[column]![tile] = highest(below.previousMax[column]!, from, to);
  }
  if (level.knownMin.length > 0) {
    level.knownMin[tile] = lowest(below.knownMin, from, to);
    level.knownMax[tile] = highest(below.knownMax, from, to);
  }
}

/** From the tallies of the level below, or from the rows where it has none. */
function buildTallies(columns: WindowColumns, level: TileLevel, below: TileLevel, tile: number): void {
  const table = columns.tallyTable;
  for (let column = 0; column < columns.tallied.length; column++) {
    if (columns.tallied[column] !== true) continue;
    startTally(table, codeLimit(columns, column));
    if (below.shift < columns.levels[FIRST_TALLY_LEVEL]!.shift) {
      const codes = columns.codes[column]!;
      for (let row = tile << level.shift; row < (tile + 1) << level.shift; row++) addToTally(table, codes[row]!, 1);
    } else {
      const fanOut = level.shift - below.shift;
      for (let child = tile << fanOut; child < (tile + 1) << fanOut; child++) addTally(table, below.tallies[column]![child]!);
    }
    level.tallies[column]![tile] = toTally(table);
  }
}

function countFlags(flags: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let row = from; row < to; row++) count += flags[row]!;
  return count;
}

function countCodes(codes: Int32Array, from: number, to: number): number {
  let count = 0;
  for (let row = from; row < to; row++) if (codes[row]! >= 0) count++;
  return count;
}

function spanKnown(known: Float64Array, level: TileLevel, tile: number): void {
  const from = tile << level.shift;
  const to = from + 2 ** level.shift;
  level.knownMin[tile] = lowest(known, from, to);
  level.knownMax[tile] = highest(known, from, to);
}

/** A tile without values spans (highest, lowest): it holds no occurrence on either side of any row. */
function spanPrevious(gaps: Int32Array, level: TileLevel, at: { readonly column: number; readonly tile: number }): void {
  const from = at.tile << level.shift;
  let min = FAR;
  let max = -FAR;
  for (let row = from; row < from + 2 ** level.shift; row++) {
    const gap = gaps[row]!;
    if (gap === 0) continue;
    const previous = gap === FAR ? -FAR : row - gap;
    if (previous < min) min = previous;
    if (previous > max) max = previous;
  }
  level.previousMin[at.column]![at.tile] = min;
  level.previousMax[at.column]![at.tile] = max;
}

function addUp(values: Int32Array, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += values[index]!;
  return sum;
}

function lowest(values: Float64Array | Int32Array, from: number, to: number): number {
  let min = values[from]!;
  for (let index = from + 1; index < to; index++) if (values[index]! < min) min = values[index]!;
  return min;
}

function highest(values: Float64Array | Int32Array, from: number, to: number): number {
  let max = values[from]!;
  for (let index = from + 1; index < to; index++) if (values[index]! > max) max = values[index]!;
  return max;
}
