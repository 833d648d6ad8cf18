/**
 * Group commit: items that arrive while a write is being made durable wait and go together into the next one,
 * which starts as soon as the last has ended. No timer: under light load an item is written at once, under heavy
 * load the group grows by itself to what one sync can carry.
 */

export interface GroupCommit<Item> {
  /** Resolves when the item's group was written, rejects when that write failed. Items are written in call order. */
  add(item: Item): Promise<void>;
  /** Resolves when nothing waits and nothing is being written. */
  drain(): Promise<void>;
}

export interface GroupCommitOptions<Item> {
  /** Makes a group durable; never called while an earlier call is unfinished. */
  readonly write: (items: readonly Item[]) => Promise<void>;
  readonly weigh: (item: Item) => number;
  /** A group stops growing here, so that one huge backlog does not become one huge delay; a heavier item goes alone. */
  readonly maxWeight: number;
}

interface Waiting<Item> {
  readonly item: Item;
  readonly done: PromiseWithResolvers<void>;
}

export function createGroupCommit<Item>(options: GroupCommitOptions<Item>): GroupCommit<Item> {
  let queue: Waiting<Item>[] = [];
  let running: Promise<void> | undefined;

  const takeGroup = (): readonly Waiting<Item>[] => {
    let weight = 0;
    let size = 0;
    while (size < queue.length) {
      weight += options.weigh(queue[size]!.item);
      if (size > 0 && weight > options.maxWeight) break;
      size++;
    }
    const group = queue.slice(0, size);
    queue = queue.slice(size);
    return group;
  };

  const run = async (): Promise<void> => {
    await Promise.resolve(); // what is added in the same turn shares the first group
    while (queue.length > 0) {
      const group = takeGroup();
      try {
        await options.write(group.map((waiting) => waiting.item));
        for (const waiting of group) waiting.done.resolve();
      } catch (thrown) {
        for (const waiting of group) waiting.done.reject(thrown);
      }
    }
    running = undefined;
  };

  return {
    add: (item) => {
      const waiting = { item, done: Promise.withResolvers<void>() };
      queue.push(waiting);
      running ??= run();
      return waiting.done.promise;
    },
    drain: async () => running,
  };
}
