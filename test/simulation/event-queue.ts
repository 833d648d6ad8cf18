/** Events of a simulation in the order of their times: a binary heap. Equal times keep the order they were added in. */
export interface EventQueue<E> {
  add(atMs: number, event: E): void;
  next(): { readonly atMs: number; readonly event: E } | undefined;
}

interface Entry<E> { readonly atMs: number; readonly order: number; readonly event: E }

export function createEventQueue<E>(): EventQueue<E> {
  const heap: Entry<E>[] = [];
  let order = 0;
  const isBefore = (a: Entry<E>, b: Entry<E>): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  const swap = (a: number, b: number): void => { [heap[a], heap[b]] = [heap[b]!, heap[a]!]; };
  return {
    add: (atMs, event) => {
      let child = heap.push({ atMs, order: order++, event }) - 1;
      for (let parent = (child - 1) >> 1; child > 0 && isBefore(heap[child]!, heap[parent]!); parent = (child - 1) >> 1) {
        swap(child, parent);
        child = parent;
      }
    },
    next: () => {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined || heap.length === 0) return first;
      heap[0] = last;
      for (let parent = 0; ;) {
        const left = 2 * parent + 1;
        const least = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left;
        if (least >= heap.length || !isBefore(heap[least]!, heap[parent]!)) return first;
        swap(parent, least);
        parent = least;
      }
    },
  };
}
