/**
 * Which part of the hash line, from 0 to 1, belongs to which variant. Shares that change take from the free part and
 * give back to it, so a caller moves only to or from the variant whose share changed. Pure.
 */

/** From (inclusive) to (exclusive). */
export type Range = readonly [from: number, to: number];

export interface Ranged {
  readonly variant: string;
  readonly share: number;
  readonly ranges: readonly Range[];
}

/** Rounding of sums of shares. */
const CRUMB = 1e-12;

/** Ranges for the wanted shares, keeping as much as possible of those before. The shares may not exceed 1 together. */
export function allocateShares(before: readonly Ranged[], wanted: readonly { readonly variant: string; readonly share: number }[]): readonly (readonly Range[])[] {
  const kept = wanted.map(({ variant, share }) => shrink(before.find((arm) => arm.variant === variant)?.ranges ?? [], share));
  return wanted.map(({ share }, index) => {
    kept[index] = join([...kept[index]!, ...take(freeOf(kept.flat()), share - lengthOf(kept[index]!))]);
    return kept[index];
  });
}

export function contains(ranges: readonly Range[], point: number): boolean {
  return ranges.some(([from, to]) => point >= from && point < to);
}

function lengthOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** The first part of the ranges, of the given length. */
function shrink(ranges: readonly Range[], share: number): readonly Range[] {
  return lengthOf(ranges) <= share ? ranges : take(ranges, share);
}

function take(ranges: readonly Range[], length: number): readonly Range[] {
  const taken: Range[] = [];
  let rest = length;
  for (const [from, to] of ranges) {
    if (rest <= CRUMB) break;
    const end = to - from <= rest + CRUMB ? to : from + rest;
    taken.push([from, end]);
    rest -= end - from;
  }
  return taken;
}

function freeOf(taken: readonly Range[]): readonly Range[] {
  const free: Range[] = [];
  let at = 0;
  for (const [from, to] of taken.toSorted(([a], [b]) => a - b)) {
    if (from - at > CRUMB) free.push([at, from]);
    at = Math.max(at, to);
  }
  return 1 - at > CRUMB ? [...free, [at, 1]] : free;
}

function join(ranges: readonly Range[]): readonly Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (last !== undefined && from - last[1] <= CRUMB) last[1] = to;
    else joined.push([from, to]);
  }
  return joined;
}
