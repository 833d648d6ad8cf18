/**
 * Memory for large request bodies, used again and again. Fresh memory for each costs more than reading it: its pages are
 * mapped and unmapped, and V8 collects all garbage after every 64 MB of it. With 602 KB bodies that was two thirds of a
 * server's CPU. Only bodies whose answer says that nobody refers to them any more come back.
 */

export interface BodyMemory {
  /** Memory of at least this size; what it holds is anything. */
  take(sizeBytes: number): Buffer;
  /** May be used again from now on. Other buffers than those taken are ignored. */
  giveBack(body: Buffer): void;
}

export interface BodyMemoryOptions {
  /** Kept while nobody uses it. Default 32 MiB. */
  readonly keepBytes?: number;
}

/** Sizes are rounded up to this, so that bodies of almost equal size share their memory. */
const GRAIN_BYTES = 64 * 1024;
/** Larger ones are rare, and one of them would hold all that may be kept. */
const LARGEST_BYTES = 8 * 1024 * 1024;

export function createBodyMemory({ keepBytes = 32 * 1024 * 1024 }: BodyMemoryOptions = {}): BodyMemory {
  const free = new Map<number, Buffer[]>();
  const lent = new WeakMap<ArrayBufferLike, Buffer>();
  let keptBytes = 0;
  return {
    take: (sizeBytes) => {
      if (sizeBytes > LARGEST_BYTES) return Buffer.allocUnsafeSlow(sizeBytes);
      const capacity = Math.ceil(sizeBytes / GRAIN_BYTES) * GRAIN_BYTES;
      const kept = free.get(capacity)?.pop(); // the one used last is still in the processor's cache
      if (kept !== undefined) keptBytes -= capacity;
      const memory = kept ?? Buffer.allocUnsafeSlow(capacity);
      lent.set(memory.buffer, memory);
      return memory;
    },
    giveBack: (body) => {
      const memory = lent.get(body.buffer);
      if (memory === undefined) return;
      lent.delete(body.buffer);
      const capacity = memory.length; // 0 when it was transferred to another thread
      if (capacity === 0 || keptBytes + capacity > keepBytes) return;
      keptBytes += capacity;
      const others = free.get(capacity);
      if (others === undefined) free.set(capacity, [memory]);
      else others.push(memory);
    },
  };
}
