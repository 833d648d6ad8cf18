/**
 * What each replica probably has in its cache: the blocks of the prompts it was given, least recently used forgotten
 * first. Bounded per replica, so it never grows with traffic.
 */
export interface PrefixIndex {
  /** How many leading blocks the replica has seen. */
  matches(replica: string, blocks: readonly number[]): number;
  /** The replica was given these blocks now. */
  record(replica: string, blocks: readonly number[]): void;
  forget(replica: string): void;
  /** Blocks remembered for a replica. */
  size(replica: string): number;
}

/** 65,536 blocks of 128 units are 8 MB of prompts, about what an engine keeps for one model; the index takes some 4 MB for it. */
export const DEFAULT_BLOCKS_PER_REPLICA = 65_536;

export function createPrefixIndex(blocksPerReplica = DEFAULT_BLOCKS_PER_REPLICA): PrefixIndex {
  const caches = new Map<string, Set<number>>();
  return {
    matches: (replica, blocks) => {
      const cache = caches.get(replica);
      if (!cache) return 0;
      let count = 0;
      while (count < blocks.length && cache.has(blocks[count]!)) count++;
      return count;
    },
    record: (replica, blocks) => {
      const cache = caches.get(replica) ?? new Set();
      caches.set(replica, cache);
      for (let index = blocks.length - 1; index >= 0; index--) { // the first block last: it is the last to be forgotten
        cache.delete(blocks[index]!);
        cache.add(blocks[index]!);
      }
      for (const oldest of cache) {
        if (cache.size <= blocksPerReplica) break;
        cache.delete(oldest);
      }
    },
    forget: (replica) => { caches.delete(replica); },
    size: (replica) => caches.get(replica)?.size ?? 0,
  };
}
