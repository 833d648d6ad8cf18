/**
 * Hands out chunks of rows in powers of two from one set of columns, so that a million entities with a few events
 * each cost no object apiece. Freed chunks are used again, larger ones split when a smaller is wanted.
 */

export interface RowChunks {
  /** First row of a chunk of `2 ** size` rows. Chunks of 64 rows and more begin at a multiple of 64, as tiles do. */
  take(size: number): number;
  release(row: number, size: number): void;
}

/** log2 of the smallest chunk: a pair of entities often has one or two events. */
export const SMALLEST_CHUNK = 1;
const ALIGNED_FROM = 6;

/** `reserve` is called with the number of rows that must exist. */
export function createRowChunks(reserve: (rows: number) => void): RowChunks {
  const free: number[][] = Array.from({ length: 31 }, () => []);
  let used = 0;

  const split = (size: number): number | undefined => {
    let from = size;
    while (from < free.length && free[from]!.length === 0) from++;
    if (from === free.length) return undefined;
    const row = free[from]!.pop()!;
    while (from > size) free[--from]!.push(row + 2 ** from);
    return row;
  };
  /** Rows left over before an aligned chunk are kept for small ones. */
  const align = (): void => {
    while (used % 2 ** ALIGNED_FROM !== 0) {
      const size = 31 - Math.clz32(used & -used);
      free[size]!.push(used);
      used += 2 ** size;
    }
  };

  return {
    take: (size) => {
      const row = split(size);
      if (row !== undefined) return row;
      if (size >= ALIGNED_FROM) align();
      const fresh = used;
      reserve(fresh + 2 ** size);
      used = fresh + 2 ** size;
      return fresh;
    },
    release: (row, size) => void free[size]!.push(row),
  };
}
