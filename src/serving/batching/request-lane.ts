/**
 * A queue that forgets what left it: an array with a head that is compacted when half of it is gone. An array whose
 * head is only reset when it runs empty keeps every request of a busy hour.
 */
const COMPACT_FROM = 256;

export interface RequestLane<Item> {
  readonly priority: number;
  readonly key: string;
  readonly length: number;
  at(index: number): Item;
  push(item: Item): void;
  /** Takes the first `count` out. */
  take(count: number): readonly Item[];
  /** Takes out what fails the test, wherever it stands. */
  keep(test: (item: Item) => boolean): void;
}

export function createRequestLane<Item>(priority: number, key: string): RequestLane<Item> {
  let items: Item[] = [];
  let head = 0;
  return {
    priority, key,
    get length() { return items.length - head; },
    at: (index) => items[head + index]!,
    push: (item) => { items.push(item); },
    take: (count) => {
      if (head === 0 && count === items.length) {
        const all = items;
        items = [];
        return all;
      }
      const taken = items.slice(head, head + count);
      head += count;
      if (head === items.length || (head >= COMPACT_FROM && 2 * head >= items.length)) {
        items = items.slice(head);
        head = 0;
      }
      return taken;
    },
    keep: (test) => {
      items = items.slice(head).filter(test);
      head = 0;
    },
  };
}
