/** Binary search over rows in order of time. */

export interface RowSearch {
  /** Rows `[from, to)`. */
  readonly from: number;
  readonly to: number;
  readonly timeMs: number;
}

/** One past the last row whose time is at most `timeMs`. */
export function rowsUpTo(times: Float64Array, { from, to, timeMs }: RowSearch): number {
  let low = from;
  let high = to;
  if (high > low && times[high - 1]! <= timeMs) return high; // reading "now" is the common case
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One past the last row whose time is below `timeMs`. */
export function rowsBefore(times: Float64Array, { from, to, timeMs }: RowSearch): number {
  let low = from;
  let high = to;
  if (high > low && times[low]! >= timeMs) return low; // nothing to evict is the common case
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
