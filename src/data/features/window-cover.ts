/**
 * Covers a range of an entity's rows with as few pieces as possible: raw rows at the ends, whole tiles between.
 * All columns of a view then fold the same pieces. Pieces go from the latest row to the earliest, so a longer window
 * is the cover of the shorter one and some more pieces.
 */
import { LEAF_ROWS } from "./window-columns.ts";
import type { TileLevel, WindowColumns } from "./window-columns.ts";

/** A piece of raw rows, all known. */
export const RAW = -1;
/** A piece of raw rows of which some became known only later. */
export const RAW_PARTLY_KNOWN = -2;

export interface WindowCover {
  /** RAW, RAW_PARTLY_KNOWN, or the tile's level. */
  kinds: Int32Array;
  /** First row, or the tile's number. */
  froms: Int32Array;
  /** One past the last row; unused for tiles. */
  tos: Int32Array;
  pieces: number;
  /** Whether rows of the range are left out because they were not known yet. */
  isPartlyKnown: boolean;
}

export function createWindowCover(): WindowCover {
  return { kinds: new Int32Array(64), froms: new Int32Array(64), tos: new Int32Array(64), pieces: 0, isPartlyKnown: false };
}

export function clearCover(cover: WindowCover): void {
  cover.pieces = 0;
  cover.isPartlyKnown = false;
}

/** Adds the rows `[from, to)` of one entity, without those that became known after `knownLimit`. */
export function coverRows(cover: WindowCover, columns: WindowColumns, range: { readonly from: number; readonly to: number; readonly knownLimit: number }): void {
  const { levels, known } = columns;
  const { from, knownLimit } = range;
  const isLimited = known.length > 0 && knownLimit < Number.POSITIVE_INFINITY;
  let to = range.to;
  while (to > from) {
    const level = largestTile(levels, from, to);
    if (level >= 0) to = isLimited ? coverKnownTile(cover, columns, { level, to, knownLimit }) : addTile(cover, levels[level]!, level, to);
    else {
      const begin = Math.max(from, (to - 1) & -LEAF_ROWS);
      addRows(cover, known, { from: begin, to, knownLimit: isLimited ? knownLimit : Number.POSITIVE_INFINITY });
      to = begin;
    }
  }
}

/** The level of the largest tile that ends at `to` and begins at or after `from`; -1 when none does. */
function largestTile(levels: readonly TileLevel[], from: number, to: number): number {
  let level = -1;
  while (level + 1 < levels.length) {
    const size = 1 << levels[level + 1]!.shift;
    if ((to & (size - 1)) !== 0 || to - size < from) break;
    level++;
  }
  return level;
}

function addTile(cover: WindowCover, { shift }: TileLevel, level: number, to: number): number {
  push(cover, level, (to >> shift) - 1, 0);
  return to - (1 << shift);
}

/** Takes the largest tile ending at `to` that is wholly known or wholly unknown; else 64 raw rows. Returns where it begins. */
function coverKnownTile(cover: WindowCover, columns: WindowColumns, at: { readonly level: number; readonly to: number; readonly knownLimit: number }): number {
  const { to, knownLimit } = at;
  for (let level = at.level; level >= 0; level--) {
    const { shift, knownMin, knownMax } = columns.levels[level]!;
    const tile = (to >> shift) - 1;
    if (knownMax[tile]! <= knownLimit) return addTile(cover, columns.levels[level]!, level, to);
    if (knownMin[tile]! > knownLimit) {
      cover.isPartlyKnown = true;
      return to - (1 << shift);
    }
  }
  addRows(cover, columns.known, { from: to - LEAF_ROWS, to, knownLimit });
  return to - LEAF_ROWS;
}

function addRows(cover: WindowCover, known: Float64Array, { from, to, knownLimit }: { readonly from: number; readonly to: number; readonly knownLimit: number }): void {
  let kind = RAW;
  if (knownLimit < Number.POSITIVE_INFINITY) {
    for (let row = from; row < to; row++) if (known[row]! > knownLimit) kind = RAW_PARTLY_KNOWN;
  }
  if (kind === RAW_PARTLY_KNOWN) cover.isPartlyKnown = true;
  push(cover, kind, from, to);
}

function push(cover: WindowCover, kind: number, from: number, to: number): void {
  if (cover.pieces === cover.kinds.length) enlarge(cover);
  cover.kinds[cover.pieces] = kind;
  cover.froms[cover.pieces] = from;
  cover.tos[cover.pieces] = to;
  cover.pieces++;
}

function enlarge(cover: WindowCover): void {
  const twice = (column: Int32Array): Int32Array => {
    const larger = new Int32Array(column.length * 2);
    larger.set(column);
    return larger;
  };
  cover.kinds = twice(cover.kinds);
  cover.froms = twice(cover.froms);
  cover.tos = twice(cover.tos);
}
