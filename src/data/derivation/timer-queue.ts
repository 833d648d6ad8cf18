/** What is due when a watermark passes, earliest first: a binary heap ordered by time, then by offset. */
export interface Timer {
  readonly dueMs: number;
  /** Decides between equal times, so that the order is the same in every run. */
  readonly offset: number;
}

export interface TimerQueue<T extends Timer> {
  push(timer: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
}

export function createTimerQueue<T extends Timer>(): TimerQueue<T> {
  const heap: T[] = [];
  const isBefore = (a: T, b: T): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.offset < b.offset);
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };

  const rise = (from: number): void => {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!isBefore(heap[at]!, heap[parent]!)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const sink = (): void => {
    for (let at = 0; ;) {
      const left = 2 * at + 1, right = left + 1;
      let least = at;
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };

  return {
    push: (timer) => {
      heap.push(timer);
      rise(heap.length - 1);
    },
    peek: () => heap[0],
    pop: () => {
      const first = heap[0];
      const last = heap.pop();
      if (heap.length > 0 && last !== undefined) {
        heap[0] = last;
        sink();
      }
      return first;
    },
  };
}
