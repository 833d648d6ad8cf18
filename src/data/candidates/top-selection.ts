/** The best few of many by score, ties by name: a heap of the kept ones with the worst on top, so most cost one comparison. */
import type { Names } from "./names.ts";
import { compareText } from "./names.ts";

/** Up to `limit` of the items, best score first; equal scores by the smaller name. Scores are by item number. */
export function selectTop(items: readonly number[], scores: Float64Array, options: { readonly limit: number; readonly names: Names }): readonly number[] {
  const { limit, names } = options;
  if (limit <= 0) return [];
  const heap = items.slice(0, limit);
  const order: Order = { scores, names };
  for (let parent = (heap.length >> 1) - 1; parent >= 0; parent--) siftDown(heap, parent, order);
  let worst = scores[heap[0] ?? 0] ?? 0;
  for (let index = limit; index < items.length; index++) {
    const item = items[index]!;
    if (scores[item]! < worst || !isWorse(heap[0]!, item, order)) continue;
    heap[0] = item;
    siftDown(heap, 0, order);
    worst = scores[heap[0]]!;
  }
  return heap.toSorted((a, b) => (isWorse(b, a, order) ? -1 : 1));
}

interface Order {
  readonly scores: Float64Array;
  readonly names: Names;
}

/** Whether a is a worse choice than b. */
function isWorse(a: number, b: number, { scores, names }: Order): boolean {
  const difference = scores[a]! - scores[b]!;
  return difference === 0 ? compareText(names.name(a), names.name(b)) > 0 : difference < 0;
}

function siftDown(heap: number[], from: number, order: Order): void {
  const item = heap[from]!;
  let at = from;
  for (;;) {
    const left = at * 2 + 1;
    if (left >= heap.length) break;
    const child = left + 1 < heap.length && isWorse(heap[left + 1]!, heap[left]!, order) ? left + 1 : left;
    if (!isWorse(heap[child]!, item, order)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = item;
}
