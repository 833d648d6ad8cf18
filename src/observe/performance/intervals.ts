/** Confidence intervals of a rate, a mean and an area under the curve, from counts and sums; z is the normal quantile. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Wilson (1927): keeps its confidence for rates near 0 and 1 and for few rows. */
export function wilsonInterval(positives: number, rows: number, z: number): Interval {
  const rate = positives / rows;
  const scale = 1 + (z * z) / rows;
  const centre = (rate + (z * z) / (2 * rows)) / scale;
  const half = (z / scale) * Math.sqrt((rate * (1 - rate)) / rows + (z * z) / (4 * rows * rows));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** Standard error of an area under the curve by Hanley & McNeil (1982), as an interval within [0, 1]. */
export function aucInterval(auc: number, positives: number, negatives: number, z: number): Interval {
  const twoPositives = auc / (2 - auc);
  const twoNegatives = (2 * auc * auc) / (1 + auc);
  const variance = (auc * (1 - auc) + (positives - 1) * (twoPositives - auc * auc) + (negatives - 1) * (twoNegatives - auc * auc)) / (positives * negatives);
  const half = z * Math.sqrt(Math.max(0, variance));
  return { low: Math.max(0, auc - half), high: Math.min(1, auc + half) };
}

/** Normal interval of a mean of at least two values. */
export function meanInterval({ n, sum, sumSquares }: { readonly n: number; readonly sum: number; readonly sumSquares: number }, z: number): Interval {
  const mean = sum / n;
  const variance = Math.max(0, (sumSquares - sum * mean) / (n - 1));
  const half = z * Math.sqrt(variance / n);
  return { low: mean - half, high: mean + half };
}
