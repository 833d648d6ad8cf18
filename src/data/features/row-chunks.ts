/**
 * Hands out chunks of rows in powers of two from one set of columns, so that a million entities with a few events
 * each cost no object apiece: a buddy allocator (Knowlton 1965). A chunk begins at a multiple of its size; larger ones
 * are split when a smaller is wanted, and freed halves join again.
 */

export interface RowChunks {
  /** First row of a chunk of `2 ** size` rows. */
  take(size: number): number;
  release(row: number, size: number): void;
  /** Whether a chunk of this size can be taken without `rows` in use growing beyond a number. */
  fits(size: number, rows: number): boolean;
  /** Rows that are taken. */
  readonly taken: number;
}

/** log2 of the smallest chunk: a pair of entities often has one or two events. */
export const SMALLEST_CHUNK = 1;

/** `reserve` is called with the number of rows that must exist. */
export function createRowChunks(reserve: (rows: number) => void): RowChunks {
  const free: Set<number>[] = Array.from({ length: 32 }, () => new Set());
  let used = 0;
  let taken = 0;

  const smallestFree = (size: number): number => {
    let from = size;
    while (from < free.length && free[from]!.size === 0) from++;
    return from;
  };
  const put = (row: number, size: number): void => {
    let [start, order] = [row, size];
    while (order < 31 && free[order]!.delete(start ^ (2 ** order))) {
      start = Math.min(start, start ^ (2 ** order));
      order++;
    }
    free[order]!.add(start);
  };
  const split = (size: number): number | undefined => {
    let from = smallestFree(size);
    if (from === free.length) return undefined;
    const row = free[from]!.values().next().value!;
    free[from]!.delete(row);
    while (from > size) free[--from]!.add(row + 2 ** from);
    return row;
  };
  /** Rows left over before an aligned chunk are kept for smaller ones. */
  const extend = (size: number): number => {
    const start = Math.ceil(used / 2 ** size) * 2 ** size;
    reserve(start + 2 ** size);
    for (let row = used; row < start;) {
      const order = 31 - Math.clz32(row & -row);
      put(row, order);
      row += 2 ** order;
    }
    used = start + 2 ** size;
    return start;
  };

  return {
    take: (size) => {
      const row = split(size) ?? extend(size);
      taken += 2 ** size;
      return row;
    },
    release: (row, size) => {
      taken -= 2 ** size;
      put(row, size);
    },
    fits: (size, rows) => smallestFree(size) < free.length || Math.ceil(used / 2 ** size) * 2 ** size + 2 ** size <= rows,
    get taken() { return taken; },
  };
}
