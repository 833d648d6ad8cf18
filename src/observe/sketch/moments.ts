/**
 * Count, mean and variance in one pass without cancellation (Welford 1962), and their merge (Chan, Golub &
 * LeVeque 1979); with the smallest and largest value. Only finite numbers may be added.
 */
export interface MomentsState {
  readonly count: number;
  readonly mean: number;
  /** Sample variance (divided by count − 1); 0 below two values. */
  readonly variance: number;
  readonly minimum: number | null;
  readonly maximum: number | null;
}

export class Moments {
  count = 0;
  mean = 0;
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;
  #squaredDeviations = 0;

  add(value: number): void {
    this.count++;
    const fromOldMean = value - this.mean;
    this.mean += fromOldMean / this.count;
    this.#squaredDeviations += fromOldMean * (value - this.mean);
    if (value < this.minimum) this.minimum = value;
    if (value > this.maximum) this.maximum = value;
  }

  merge(other: MomentsState): void {
    if (other.count === 0) return;
    const total = this.count + other.count;
    const difference = other.mean - this.mean;
    this.#squaredDeviations += other.variance * (other.count - 1) + (difference * difference * this.count * other.count) / total;
    this.mean += (difference * other.count) / total;
    this.count = total;
    this.minimum = Math.min(this.minimum, other.minimum ?? this.minimum);
    this.maximum = Math.max(this.maximum, other.maximum ?? this.maximum);
  }

  state(): MomentsState {
    const { count, mean } = this;
    return {
      count, mean, variance: count > 1 ? this.#squaredDeviations / (count - 1) : 0,
      minimum: count > 0 ? this.minimum : null, maximum: count > 0 ? this.maximum : null,
    };
  }
}
