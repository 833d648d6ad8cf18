/**
 * Numbers as buckets that keep their order: every double is rounded to 8 significant bits, so a bucket stands for one
 * value and is off by at most 2^-8 (0.4 %) of it, whatever its size. The idea is that of log-linear histograms
 * (HdrHistogram; DDSketch, Masson 2019, with the exponent's bits in place of a logarithm), so counting buckets is exact,
 * merges, and gives the same answer on every machine.
 */

/** Bits of the mantissa that are kept beside the leading one. */
const KEPT_BITS = 7;
/** Of the 20 bits of mantissa in a double's upper half. */
const DROPPED_BITS = 20 - KEPT_BITS;
const HALF = 1 << (DROPPED_BITS - 1);
/** Buckets of one sign: 11 bits of exponent and the kept ones. */
const PER_SIGN = 2 ** (11 + KEPT_BITS);
/** The largest finite bucket: one below the infinite exponent. */
const LARGEST = 0x7ff * 2 ** KEPT_BITS - 1;

/** Buckets are whole numbers below this. */
export const QUANTILE_BUCKETS = PER_SIGN * 2;

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer); // little-endian: [0] is the lower half

/** The bucket of a finite number; larger numbers have larger buckets. */
export function bucketOfNumber(value: number): number {
  double[0] = Math.abs(value);
  const rounded = Math.min((halves[1]! + HALF) >>> DROPPED_BITS, LARGEST);
  return value < 0 && rounded > 0 ? PER_SIGN - rounded : PER_SIGN + rounded;
}

/** The number a bucket stands for. */
export function numberOfBucket(bucket: number): number {
  halves[0] = 0;
  halves[1] = (Math.abs(bucket - PER_SIGN) << DROPPED_BITS) >>> 0;
  return bucket < PER_SIGN ? -double[0]! : double[0]!;
}
