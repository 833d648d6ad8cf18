/**
 * Chance comes in through the door: a seeded generator with the draws the platform needs.
 * xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32; the same seed gives the same sequence
 * on every machine. Not for secrets.
 */

export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Exponential with the given mean. */
  exponential(mean: number): number;
  /** A uniformly chosen item of a non-empty list. */
  pick<T>(items: readonly T[]): T;
  /** Fisher-Yates, in place. */
  shuffle<T>(items: T[]): T[];
  /** An independent generator, for a sub-task that must not disturb this sequence. */
  fork(label: string): Random;
}

export function createRandom(seed: number | string): Random {
  let mixer = typeof seed === "number" ? seed >>> 0 : hash32(seed);
  const split = (): number => {
    mixer = (mixer + 0x9e3779b9) | 0;
    let z = mixer ^ (mixer >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = split(), b = split(), c = split(), d = split();
  const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));
  const draw = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a; d ^= b; b ^= c; a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  const random: Random = {
    next: () => draw() / 4294967296,
    integer: (bound) => Math.floor(random.next() * bound),
    normal: () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()),
    exponential: (mean) => -mean * Math.log(1 - random.next()),
    pick: (items) => items[random.integer(items.length)]!,
    shuffle: (items) => {
      for (let i = items.length - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        [items[i], items[j]] = [items[j]!, items[i]!];
      }
      return items;
    },
    fork: (label) => createRandom((draw() ^ hash32(label)) >>> 0),
  };
  return random;
}

/** A well-mixed 32-bit hash of a string (FNV-1a with a murmur3 finaliser): stable across machines, for splits and shards. */
export function hash32(text: string, seed = 0): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
