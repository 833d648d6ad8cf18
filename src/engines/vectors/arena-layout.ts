/**
 * Where everything lies in an arena's memory. First a header and one desk per thread (its query and its lists), then
 * blocks of 1,024 rows:
 *
 *   codes | meta (scale, error, norm, unused) | floats | links of layer 0 | links of the layers above
 *
 * A list of links is a count and as many rows. A row's highest layer comes from a hash of its number, so that every
 * thread and every run agrees; a block has room for the usual number of upper lists, and rows beyond it stay in layer 0.
 */
import type { VectorDistance, VectorRowsOptions } from "../../ports/vector-index.ts";

export const BLOCK_ROWS = 1_024;
export const BLOCK_SHIFT = 10;
export const META_BYTES = 16;
/** Rows per list on a desk. */
export const LIST_ROWS = 4_096;
const HEADER_BYTES = 1_024;
const PAGE_BYTES = 65_536;
/** What 32-bit addresses reach. */
export const MAX_BYTES = 65_536 * PAGE_BYTES;
/** Layers above the lowest; 16^6 rows are beyond any memory. */
const MAX_LEVEL = 6;

/** Words of the header. `reach`: how many rows must be in sight for the recall that calibration.ts asks for; 0: not known. */
export const HEADER = { entry: 0, top: 1, progress: 2, pause: 3, paused: 4, reach: 5 } as const;

export interface Desk {
  readonly queryCodes: number;
  readonly queryFloats: number;
  readonly list: number;
  readonly out: number;
}

export interface ArenaLayout {
  readonly dimensions: number;
  readonly distance: VectorDistance;
  readonly codeStride: number;
  readonly floatStride: number;
  readonly m: number;
  readonly metaOffset: number;
  readonly floatOffset: number;
  readonly linkOffset: number;
  /** Words per list of layer 0. */
  readonly linkWords: number;
  readonly upperOffset: number;
  /** Words per list of a layer above. */
  readonly upperWords: number;
  readonly upperLists: number;
  readonly blockBytes: number;
  /** The serving thread's desk, and the building thread's. */
  readonly desks: readonly [Desk, Desk];
  readonly blocksAt: number;
}

export function layoutOf({ dimensions, distance, hnsw: { m } }: VectorRowsOptions): ArenaLayout {
  const codeStride = aligned(dimensions, 16), floatStride = aligned(dimensions * 4, 16);
  const expected = BLOCK_ROWS / (m - 1);
  const upperLists = Math.ceil(expected + 6 * Math.sqrt(expected)) + 4;
  const linkWords = 1 + 2 * m, upperWords = 1 + m;
  const metaOffset = BLOCK_ROWS * codeStride;
  const floatOffset = metaOffset + BLOCK_ROWS * META_BYTES;
  const linkOffset = floatOffset + BLOCK_ROWS * floatStride;
  const upperOffset = linkOffset + BLOCK_ROWS * linkWords * 4;
  const blockBytes = aligned(upperOffset + upperLists * upperWords * 4, 64);
  const deskBytes = codeStride * 2 + floatStride + LIST_ROWS * 8;
  const deskAt = (at: number): Desk => ({ queryCodes: at, queryFloats: at + codeStride * 2, list: at + codeStride * 2 + floatStride, out: at + codeStride * 2 + floatStride + LIST_ROWS * 4 });
  return {
    dimensions, distance, codeStride, floatStride, m, metaOffset, floatOffset, linkOffset, linkWords, upperOffset, upperWords, upperLists, blockBytes,
    desks: [deskAt(HEADER_BYTES), deskAt(HEADER_BYTES + deskBytes)],
    blocksAt: aligned(HEADER_BYTES + 2 * deskBytes, 64),
  };
}

/** Highest layer of each row of a block, and where its upper lists begin. Pure: a hash of the row decides. */
export function levelsOfBlock(layout: ArenaLayout, block: number): { readonly levels: Uint8Array; readonly firstList: Int16Array } {
  const levels = new Uint8Array(BLOCK_ROWS), firstList = new Int16Array(BLOCK_ROWS).fill(-1);
  const scale = 1 / Math.log(layout.m);
  let used = 0;
  for (let i = 0; i < BLOCK_ROWS; i++) {
    const level = Math.min(MAX_LEVEL, Math.floor(-Math.log(uniformOf(block * BLOCK_ROWS + i)) * scale));
    if (level === 0 || used + level > layout.upperLists) continue;
    levels[i] = level;
    firstList[i] = used;
    used += level;
  }
  return { levels, firstList };
}

export function pagesFor(layout: ArenaLayout, blocks: number): number {
  return Math.ceil((layout.blocksAt + blocks * layout.blockBytes) / PAGE_BYTES);
}

/** In (0, 1]: the finaliser of murmur3 over the row. */
function uniformOf(row: number): number {
  let h = Math.imul(row + 1, 0x9e3779b1);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (((h ^ (h >>> 16)) >>> 0) + 1) / 4_294_967_296;
}

function aligned(size: number, unit: number): number {
  return Math.ceil(size / unit) * unit;
}
