/**
 * Gradients as whole numbers inside float64, so that every histogram sum is exact.
 *
 * A histogram cell is two float64: the sum of quantised gradients, and the sum of (hessian + one count unit), which
 * carries the row count in its upper bits. Exact sums give three things for free: the same bits whatever the order
 * of addition or number of threads, a larger child that is exactly parent minus smaller child, and exact row
 * counts for minChildSamples without a third array. Scales are powers of two, chosen per tree.
 */

export interface FixedPoint {
  readonly gradientScale: number;
  readonly hessianScale: number;
  /** What one row adds to the packed sum besides its hessian; a power of two above any sum of quantised hessians. */
  readonly countUnit: number;
}

/**
 * Scales for `rows` rows. Of the 53 exact bits a packed sum spends log2(rows + 1) on the count, the rest on the
 * sum of hessians: at 2^20 rows the mean hessian keeps 13 bits, a gradient 29 bits of the largest one.
 */
export function chooseFixedPoint(rows: number, largestGradient: number, hessianSum: number): FixedPoint {
  const countUnit = 2 ** Math.min(49, 53 - Math.ceil(Math.log2(rows + 1)));
  return {
    countUnit,
    gradientScale: powerOfTwoBelow(2 ** 49 / (rows * largestGradient)),
    hessianScale: powerOfTwoBelow((countUnit - rows) / hessianSum),
  };
}

function powerOfTwoBelow(value: number): number {
  const power = 2 ** Math.floor(Math.log2(Math.min(value, 2 ** 900))); // all-zero gradients ask for infinity
  return power > value ? power / 2 : power;
}

/** Adding and taking away 1.5 * 2^52 leaves the nearest whole number of anything below 2^51. */
const ROUNDER = 1.5 * 2 ** 52;

/** Turns (gradient, hessian) pairs of rows from .. to into (quantised gradient, quantised hessian + count unit), in place. */
export function quantisePairs(pairs: Float64Array, from: number, to: number, { gradientScale, hessianScale, countUnit }: FixedPoint): void {
  for (let i = 2 * from; i < 2 * to; i += 2) {
    pairs[i] = pairs[i]! * gradientScale + ROUNDER - ROUNDER;
    pairs[i + 1] = pairs[i + 1]! * hessianScale + ROUNDER - ROUNDER + countUnit;
  }
}

/** Rows behind a packed sum. */
export function countOf(packed: number, { countUnit }: FixedPoint): number {
  return Math.floor(packed / countUnit);
}

/** Sum of hessians behind a packed sum. */
export function hessianOf(packed: number, { countUnit, hessianScale }: FixedPoint): number {
  return (packed - Math.floor(packed / countUnit) * countUnit) / hessianScale;
}
