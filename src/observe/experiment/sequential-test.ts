/**
 * A comparison of two means that may be looked at as often as one likes: the mixture sequential probability
 * ratio test of Johari, Pekelis & Walsh (2017) with a normal mixture over the difference, and the confidence
 * sequence that belongs to it. At every look at once, the sequence covers the true difference with probability
 * 1 − alpha; a fixed-sample z-test looked at repeatedly does not come near that.
 * Works on sums, for proportions (values 0 and 1) and for any reward with a variance.
 */

/** Sums over one arm: number of values, Σ value and Σ value². */
export interface ArmTotals {
  readonly n: number;
  readonly sum: number;
  readonly sumSquares: number;
}

export interface SequentialOptions {
  readonly alpha: number;
  /** Values per arm for which the sequence is narrowest; must be chosen before the data are seen. */
  readonly plannedSamples: number;
}

export interface SequentialComparison {
  /** Mean of the treatment less mean of the control. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Always-valid p-value of no difference. */
  readonly pValue: number;
}

/**
 * An arm's variance starts from that of both arms together, with the weight of so many values. A canary that has
 * seen no event yet would otherwise have variance zero and be certain.
 */
const POOLED_WEIGHT = 20;

/** Undefined while a variance cannot be estimated: fewer than two values in an arm, or all values equal. */
export function compareSequentially(control: ArmTotals, treatment: ArmTotals, options: SequentialOptions): SequentialComparison | undefined {
  if (control.n < 2 || treatment.n < 2) return undefined;
  const pooled = varianceOf(addTotals(control, treatment));
  if (!(pooled > 0)) return undefined;
  const controlVariance = steadyVariance(control, pooled);
  const treatmentVariance = steadyVariance(treatment, pooled);
  const variance = controlVariance / control.n + treatmentVariance / treatment.n;
  const mixture = ((controlVariance + treatmentVariance) / options.plannedSamples) * narrowestAtPlan(options.alpha);
  const difference = treatment.sum / treatment.n - control.sum / control.n;
  const inflation = (variance + mixture) / variance;
  const half = Math.sqrt(((2 * variance * (variance + mixture)) / mixture) * (Math.log(1 / options.alpha) + 0.5 * Math.log(inflation)));
  const logRatio = (mixture * difference * difference) / (2 * variance * (variance + mixture)) - 0.5 * Math.log(inflation);
  return { difference, low: difference - half, high: difference + half, pValue: Math.min(1, Math.exp(-logRatio)) };
}

/** Mixture variance per unit of variance that makes the sequence narrowest at the plan (Waudby-Smith et al. 2021, section 2.3). */
function narrowestAtPlan(alpha: number): number {
  const evidence = -2 * Math.log(alpha);
  return evidence + Math.log(evidence + 1);
}

function steadyVariance(arm: ArmTotals, pooled: number): number {
  return ((arm.n - 1) * varianceOf(arm) + POOLED_WEIGHT * pooled) / (arm.n - 1 + POOLED_WEIGHT);
}

function varianceOf({ n, sum, sumSquares }: ArmTotals): number {
  return Math.max(0, (sumSquares - (sum * sum) / n) / (n - 1));
}

export function addTotals(a: ArmTotals, b: ArmTotals): ArmTotals {
  return { n: a.n + b.n, sum: a.sum + b.sum, sumSquares: a.sumSquares + b.sumSquares };
}
