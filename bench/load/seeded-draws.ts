/**
 * Uniform draws from a seed (mulberry32, Tommy Ettinger 2017), enough for choosing keys and arrival times. Not the
 * platform's own generator: the load generator loads none of the code it measures.
 */
export interface Draws {
  /** In [0, 1). */
  next(): number;
  /** In [0, bound). */
  integer(bound: number): number;
  pick<T>(items: readonly T[]): T;
  /** Time between two arrivals of a Poisson process. */
  exponential(mean: number): number;
}

export function createDraws(seed: number): Draws {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (bound: number): number => Math.floor(next() * bound);
  return { next, integer, pick: (items) => items[integer(items.length)]!, exponential: (mean) => -mean * Math.log(1 - next()) };
}
