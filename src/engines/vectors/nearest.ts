/** The k closest rows seen so far. Equal closeness: the smaller row stays. */
import { RowHeap } from "./row-heap.ts";

export interface Nearest {
  /** What a row must reach to come in; -Infinity until there are k, or `minimum`. */
  readonly threshold: number;
  offer(row: number, closeness: number): void;
  /** Nearest first; empties it. */
  take(): { readonly rows: number[]; readonly closeness: number[] };
}

export function createNearest(k: number, minimum = -Infinity): Nearest {
  const heap = new RowHeap(Math.max(1, Math.min(k, 1_024))); // by distance: the furthest, then the largest row, on top
  return {
    get threshold() { return heap.size < k || k === 0 ? minimum : -heap.topKey; },
    offer: (row, closeness) => {
      if (!(closeness >= minimum)) return;
      if (heap.size < k) heap.push(-closeness, row);
      else if (k > 0 && (-closeness < heap.topKey || (-closeness === heap.topKey && row < heap.topRow))) heap.replaceTop(-closeness, row);
    },
    take: () => {
      const rows = Array.from<number>({ length: heap.size }).fill(0), closeness = Array.from<number>({ length: heap.size }).fill(0);
      for (let at = heap.size - 1; at >= 0; at--) {
        rows[at] = heap.topRow;
        closeness[at] = -heap.topKey;
        heap.pop();
      }
      return { rows, closeness };
    },
  };
}
