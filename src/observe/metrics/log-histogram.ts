/**
 * A histogram whose quantiles are within 1 % of the true value whatever the scale, for durations and sizes.
 * Each power of two is cut into 64 equal buckets (lower, upper], found from the number's own bits, so a
 * record costs one increment and no logarithm; a bucket's middle is off by at most 1/128 = 0.79 %.
 * Merging adds counts, so windows, processes and replicas combine without further error.
 */

/** Bits of the mantissa that choose the bucket inside a power of two. */
const SUB_BUCKET_BITS = 6;
const BUCKETS_PER_OCTAVE = 1 << SUB_BUCKET_BITS;
/** The upper word of a double holds 20 mantissa bits; the bucket number is what remains above these. */
const SHIFT = 20 - SUB_BUCKET_BITS;
const EXPONENT_BIAS = 1023;
/** Magnitudes up to 2⁻⁴⁰ (about 1e-12) count as zero, those above 2⁶⁰ (about 1e18) as 2⁶⁰. */
const LOWEST_EXPONENT = -40;
const HIGHEST_EXPONENT = 60;
const LOWEST_BUCKET = (EXPONENT_BIAS + LOWEST_EXPONENT) << SUB_BUCKET_BITS;
const HIGHEST_BUCKET = ((EXPONENT_BIAS + HIGHEST_EXPONENT) << SUB_BUCKET_BITS) - 1;
const SMALLEST = 2 ** LOWEST_EXPONENT;
const LARGEST = 2 ** HIGHEST_EXPONENT;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
/** Index of the upper 32 bits: 1 on little-endian machines. */
const UPPER = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
const LOWER = 1 - UPPER;

/** Cumulative count of values ≤ `upperBound`, a power of two (exact, since powers of two end buckets). */
export interface OctaveCount {
  readonly upperBound: number;
  readonly count: number;
}

/** Plain form, for JSON: runs of buckets from `first`, for positive and negative magnitudes. */
export interface LogHistogramState {
  readonly count: number;
  readonly sum: number;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly zeros: number;
  readonly positive: { readonly first: number; readonly counts: readonly number[] };
  readonly negative: { readonly first: number; readonly counts: readonly number[] };
}

/** Not finite values must be kept out by the caller; everything else is counted. */
export class LogHistogram {
  count = 0;
  sum = 0;
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;
  #zeros = 0;
  readonly #positive = new BucketRun();
  readonly #negative = new BucketRun();

  record(value: number): void {
    this.count++;
    this.sum += value;
    if (value < this.minimum) this.minimum = value;
    if (value > this.maximum) this.maximum = value;
    if (value > SMALLEST) this.#positive.add(bucketOf(value), 1);
    else if (value < -SMALLEST) this.#negative.add(bucketOf(-value), 1);
    else this.#zeros++;
  }

  merge(other: LogHistogram): void {
    this.count += other.count;
    this.sum += other.sum;
    this.minimum = Math.min(this.minimum, other.minimum);
    this.maximum = Math.max(this.maximum, other.maximum);
    this.#zeros += other.#zeros;
    this.#positive.merge(other.#positive);
    this.#negative.merge(other.#negative);
  }

  clear(): void {
    this.count = 0;
    this.sum = 0;
    this.minimum = Number.POSITIVE_INFINITY;
    this.maximum = Number.NEGATIVE_INFINITY;
    this.#zeros = 0;
    this.#positive.clear();
    this.#negative.clear();
  }

  /** The value at rank ⌈share · count⌉, within 0.79 %; undefined while empty. */
  quantile(share: number): number | undefined {
    if (this.count === 0) return undefined;
    const rank = Math.min(this.count, Math.max(1, Math.ceil(share * this.count)));
    return Math.min(this.maximum, Math.max(this.minimum, this.#valueAt(rank)));
  }

  /** Cumulative counts at every power of two between the smallest and the largest positive value. */
  octaves(): OctaveCount[] {
    let count = this.#negative.total() + this.#zeros;
    const octaves: OctaveCount[] = count > 0 ? [{ upperBound: SMALLEST, count }] : [];
    const { first, counts } = this.#positive;
    for (let start = 0; start < counts.length; start += BUCKETS_PER_OCTAVE) {
      for (let i = start; i < start + BUCKETS_PER_OCTAVE; i++) count += counts[i]!;
      octaves.push({ upperBound: lowerBound(first + start + BUCKETS_PER_OCTAVE), count });
    }
    return octaves;
  }

  state(): LogHistogramState {
    return {
      count: this.count, sum: this.sum, zeros: this.#zeros,
      minimum: this.count > 0 ? this.minimum : null, maximum: this.count > 0 ? this.maximum : null,
      positive: { first: this.#positive.first, counts: Array.from(this.#positive.counts) },
      negative: { first: this.#negative.first, counts: Array.from(this.#negative.counts) },
    };
  }

  static from(state: LogHistogramState): LogHistogram {
    const histogram = new LogHistogram();
    histogram.count = state.count;
    histogram.sum = state.sum;
    histogram.minimum = state.minimum ?? Number.POSITIVE_INFINITY;
    histogram.maximum = state.maximum ?? Number.NEGATIVE_INFINITY;
    histogram.#zeros = state.zeros;
    for (const [i, count] of state.positive.counts.entries()) if (count > 0) histogram.#positive.add(state.positive.first + i, count);
    for (const [i, count] of state.negative.counts.entries()) if (count > 0) histogram.#negative.add(state.negative.first + i, count);
    return histogram;
  }

  #valueAt(rank: number): number {
    const negatives = this.#negative.total();
    if (rank <= negatives) return -middle(this.#negative.bucketAt(negatives - rank + 1));
    if (rank <= negatives + this.#zeros) return 0;
    return middle(this.#positive.bucketAt(rank - negatives - this.#zeros));
  }
}

/** Counts of neighbouring buckets, grown by whole powers of two as values arrive: memory follows the range seen. */
class BucketRun {
  first = 0;
  counts = new Float64Array(0);

  add(bucket: number, amount: number): void {
    let slot = bucket - this.first;
    if (slot < 0 || slot >= this.counts.length) {
      this.#cover(bucket);
      slot = bucket - this.first;
    }
    this.counts[slot] = this.counts[slot]! + amount;
  }

  merge(other: BucketRun): void {
    for (let i = 0; i < other.counts.length; i++) {
      const count = other.counts[i]!;
      if (count > 0) this.add(other.first + i, count);
    }
  }

  clear(): void {
    this.counts.fill(0);
  }

  total(): number {
    let total = 0;
    for (const count of this.counts) total += count;
    return total;
  }

  /** The bucket that holds the value of this rank, counted from 1 at the smallest magnitude. */
  bucketAt(rank: number): number {
    let seen = 0;
    for (let i = 0; i < this.counts.length; i++) {
      seen += this.counts[i]!;
      if (seen >= rank) return this.first + i;
    }
    return this.first + this.counts.length - 1;
  }

  #cover(bucket: number): void {
    const octave = bucket - (bucket % BUCKETS_PER_OCTAVE);
    const first = this.counts.length === 0 ? octave : Math.min(this.first, octave);
    const end = Math.max(this.counts.length === 0 ? 0 : this.first + this.counts.length, octave + BUCKETS_PER_OCTAVE);
    const grown = new Float64Array(end - first);
    grown.set(this.counts, this.counts.length === 0 ? 0 : this.first - first);
    this.first = first;
    this.counts = grown;
  }
}

/** Number of the bucket (lower, upper] of a positive magnitude: the bits just below it, shifted. */
function bucketOf(magnitude: number): number {
  float[0] = magnitude;
  const upper = words[UPPER]!;
  const bucket = (words[LOWER] === 0 ? upper - 1 : upper) >>> SHIFT;
  return bucket > HIGHEST_BUCKET ? HIGHEST_BUCKET : bucket < LOWEST_BUCKET ? LOWEST_BUCKET : bucket;
}

function lowerBound(bucket: number): number {
  const exponent = (bucket >>> SUB_BUCKET_BITS) - EXPONENT_BIAS;
  return 2 ** exponent * (1 + (bucket % BUCKETS_PER_OCTAVE) / BUCKETS_PER_OCTAVE);
}

function middle(bucket: number): number {
  return bucket >= HIGHEST_BUCKET ? LARGEST : (lowerBound(bucket) + lowerBound(bucket + 1)) / 2;
}
