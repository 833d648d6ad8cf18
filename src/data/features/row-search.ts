/** Binary search over rows in order of time. */

/** One past the last row of `[from, to)` whose time is at most `timeMs`. */
export function rowsUpTo(times: Float64Array, { from, to, timeMs }: { readonly from: number; readonly to: number; readonly timeMs: number }): number {
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
