/**
 * Sums whose result does not depend on order. Floating-point addition rounds, so the same events added in
 * another order, or tile by tile, give another last bit. Here each value is split onto three fixed binary grids
 * (multiples of 1, 2^-28 and 2^-56) and every grid ("lane") is summed on its own. Lane sums of whole grid units are
 * exact, hence independent of order and tiling, and can be subtracted again. The idea is that of indexed,
 * reproducible summation (Demmel and Nguyen 2013), with bins fixed in advance.
 *
 * Exact while |sum| < 2^53 (9.0e15) and for up to 2^26 (67 million) additions; beyond that the result is an ordinary
 * floating-point approximation. What a value has below 2^-56 (1.4e-17) is rounded once, when it is added.
 */

/** Doubles that one sum occupies in a Float64Array. */
export const LANES = 3;

/** Adding and subtracting 1.5 × 2^52 rounds a double below 2^51 to the nearest integer; scaled, to finer grids. */
const WHOLE = 1.5 * 2 ** 52;
const MIDDLE = WHOLE * 2 ** -28;
const FINE = WHOLE * 2 ** -56;
/** From here on a double is its own integer part to within one half, and the rounding trick no longer holds. */
const ROUNDING_LIMIT = 2 ** 51;

/** Adds a finite value to the sum kept at `sums[at .. at + 2]`. */
export function addExact(sums: Float64Array, at: number, value: number): void {
  const whole = value < ROUNDING_LIMIT && value > -ROUNDING_LIMIT ? value + WHOLE - WHOLE : Math.trunc(value);
  const rest = value - whole;
  const middle = rest + MIDDLE - MIDDLE;
  sums[at]! += whole;
  sums[at + 1]! += middle;
  sums[at + 2]! += rest - middle + FINE - FINE;
}

/** Adds the sum at `from[fromAt]` to the sum at `sums[at]`. */
export function addLanes(sums: Float64Array, at: number, from: Float64Array, fromAt: number): void {
  sums[at]! += from[fromAt]!;
  sums[at + 1]! += from[fromAt + 1]!;
  sums[at + 2]! += from[fromAt + 2]!;
}

/** Takes the sum at `from[fromAt]` away again, exactly: the rest is as if its values had never been added. */
export function subtractLanes(sums: Float64Array, at: number, from: Float64Array, fromAt: number): void {
  sums[at]! -= from[fromAt]!;
  sums[at + 1]! -= from[fromAt + 1]!;
  sums[at + 2]! -= from[fromAt + 2]!;
}

/**
 * The sum as one double. The two coarse lanes are added without loss (TwoSum, Knuth 1969), so cancellation between
 * them does not cost the fine lane. Not finite when the sum overflowed.
 */
export function exactTotal(sums: Float64Array, at: number): number {
  const whole = sums[at]!;
  const middle = sums[at + 1]!;
  const sum = whole + middle;
  const middlePart = sum - whole;
  const error = whole - (sum - middlePart) + (middle - middlePart);
  return sum + (error + sums[at + 2]!);
}
