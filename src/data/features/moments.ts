/**
 * The sums a variance needs, Σx and Σx², kept so that nothing is ever lost: each value, and each of the two doubles its
 * square splits into (Dekker 1971), is cut into pieces on fixed binary grids 27 bits apart, and every grid ("lane") is
 * summed on its own. Lane sums are whole multiples of their grid below 2^53, so they are exact, do not depend on order
 * or tiling, and merge by addition; the variance is worked out from them in whole numbers of any size. So a mean of
 * 10^12 with a spread of 1 costs no digit.
 *
 * Values are first rounded to multiples of 2^-81 (4e-25). A value beyond ±2^81 (2.4e24) makes the variance missing.
 * Exact for up to 2^26 (67 million) values, as the sums are (exact-sum.ts).
 */

const LANE_BITS = 27;
/** Lanes of Σx: units 2^-81, 2^-54, … 2^54. */
const SUM_LANES = 6;
/** Lanes of Σx²: units 2^-162, … 2^135. */
const SQUARE_LANES = 12;
/** Doubles that the moments of a set of values occupy in a Float64Array: the count, Σx, Σx². */
export const MOMENTS = 1 + SUM_LANES + SQUARE_LANES;
const SUM_AT = 1;
const SQUARE_AT = SUM_AT + SUM_LANES;

const FINEST = 2 ** -81;
const LIMIT = 2 ** 81;
const SUM_UNITS = Float64Array.from({ length: SUM_LANES }, (_, lane) => 2 ** (LANE_BITS * lane - 81));
const SQUARE_UNITS = Float64Array.from({ length: SQUARE_LANES }, (_, lane) => 2 ** (LANE_BITS * lane - 162));
/** Splits a double into two halves of 26 bits (Veltkamp 1968). */
const SPLITTER = 2 ** 27 + 1;

export function resetMoments(moments: Float64Array, at: number): void {
  moments.fill(0, at, at + MOMENTS);
}

/** NaN does not take part. */
export function addMoments(moments: Float64Array, at: number, value: number): void {
  if (Number.isNaN(value)) return;
  moments[at]! += 1;
  if (value >= LIMIT || value <= -LIMIT) {
    moments[at + SUM_AT] = Number.NaN; // stays so, whatever is added
    return;
  }
  const x = roundToFinest(value);
  addLanes(moments, at + SUM_AT, x, SUM_UNITS);
  const square = x * x;
  const big = x * SPLITTER;
  const high = big - (big - x);
  const low = x - high;
  addLanes(moments, at + SQUARE_AT, square, SQUARE_UNITS);
  addLanes(moments, at + SQUARE_AT, high * high - square + 2 * high * low + low * low, SQUARE_UNITS);
}

/** Only doubles below 2^-28 have bits beyond the finest grid. */
function roundToFinest(value: number): number {
  return value < 2 ** -28 && value > -(2 ** -28) ? Math.round(value / FINEST) * FINEST : value;
}

function addLanes(moments: Float64Array, at: number, value: number, units: Float64Array): void {
  const size = Math.abs(value);
  let lane = units.length - 1;
  while (lane > 0 && size < units[lane]!) lane--;
  let rest = value;
  for (; rest !== 0 && lane >= 0; lane--) {
    const piece = Math.trunc(rest / units[lane]!);
    moments[at + lane]! += piece;
    rest -= piece * units[lane]!;
  }
}

export function mergeMoments(into: Float64Array, at: number, from: Float64Array, fromAt: number): void {
  for (let index = 0; index < MOMENTS; index++) into[at + index]! += from[fromAt + index]!;
}

/** The population variance (n Σx² - (Σx)²) / n², correctly rounded; NaN without values. */
export function varianceOf(moments: Float64Array, at: number): number {
  const count = moments[at]!;
  if (count === 0 || Number.isNaN(moments[at + SUM_AT]!)) return Number.NaN;
  const sum = wholeOf(moments, at + SUM_AT, SUM_LANES);
  const squares = wholeOf(moments, at + SQUARE_AT, SQUARE_LANES);
  const n = BigInt(count);
  return divideRounded(n * squares - sum * sum, n * n, -162);
}

/** The lanes together, in units of the finest. */
function wholeOf(moments: Float64Array, at: number, lanes: number): bigint {
  let whole = 0n;
  for (let lane = lanes - 1; lane >= 0; lane--) {
    whole <<= 27n;
    const sum = moments[at + lane]!;
    if (sum !== 0) whole += BigInt(sum);
  }
  return whole;
}

/** `numerator / denominator × 2^exponent` as the nearest double, for results in the range of normal doubles. */
function divideRounded(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator === 0n) return 0;
  const shift = Math.max(0, 66 + bitsOf(denominator) - bitsOf(numerator)); // at least 65 bits of quotient, so that one more can tell a tie
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  const isExact = quotient * denominator === shifted;
  return Number(isExact ? quotient : quotient | 1n) * 2 ** (exponent - shift);
}

const bitsOf = (value: bigint): number => value.toString(16).length * 4;
