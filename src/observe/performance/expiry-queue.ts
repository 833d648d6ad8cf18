/** A binary heap of keys by time: what expires next is found in constant time, whatever the order of arrival. */
export interface Expiry {
  readonly timeMs: number;
  readonly key: string;
}

export class ExpiryQueue {
  readonly #heap: Expiry[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): Expiry | undefined {
    return this.#heap[0];
  }

  push(expiry: Expiry): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(expiry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (heap[parent]!.timeMs <= expiry.timeMs) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = expiry;
  }

  pop(): Expiry | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (this.#heap.length > 0 && last !== undefined) this.#sinkFromTop(last);
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sinkFromTop(expiry: Expiry): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.timeMs < heap[child]!.timeMs) child++;
      if (heap[child]!.timeMs >= expiry.timeMs) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = expiry;
  }
}
