/**
 * Rewards of two arms whose traffic shares changed on the way. When rewards differ between times of day and the
 * challenger's share grew meanwhile, the plain means compare different times (Simpson's paradox; Crook et al. 2009,
 * "Seven pitfalls to avoid when running controlled experiments on the web"). Each share step is a stratum; strata are
 * combined with the weights n_c n_t / (n_c + n_t) of Cochran (1954), which are proportional to each stratum's
 * information when the arms' variances agree, so the combined difference grows like one experiment of that size.
 */
import type { ArmTotals, CanaryState } from "../../observe/index.ts";

/** Number, sum and sum of squares of one arm's rewards. */
export type RewardSummary = ArmTotals;

/** control is the champion, treatment the challenger. */
export type RewardArms = CanaryState;

export const NO_REWARDS: RewardSummary = { n: 0, sum: 0, sumSquares: 0 };

export function meanOf({ n, sum }: RewardSummary): number {
  return sum / n;
}

/**
 * Cuts the totals seen now at the totals noted when each step ended. Totals below a note mean that counting started
 * anew (a process restarted), so the notes no longer apply and what was counted since is one stratum.
 */
export function strataOf(totals: RewardArms, notes: readonly RewardArms[]): readonly RewardArms[] {
  const last = notes.at(-1);
  if (last === undefined || totals.control.n < last.control.n || totals.treatment.n < last.treatment.n) return [totals];
  const ends = [...notes, totals];
  return ends.map((end, index) => {
    const start = ends[index - 1] ?? { control: NO_REWARDS, treatment: NO_REWARDS };
    return { control: subtract(end.control, start.control), treatment: subtract(end.treatment, start.treatment) };
  });
}

/**
 * Two arms with the combined means, whose size and variance give the combined difference's variance. One stratum comes
 * back as it is. Sizes are rounded down to whole outcomes.
 */
export function combineStrata(strata: readonly RewardArms[]): RewardArms {
  const used = strata.filter(({ control, treatment }) => control.n > 0 && treatment.n > 0);
  if (used.length === 0) return { control: NO_REWARDS, treatment: NO_REWARDS };
  if (used.length === 1) return used[0]!;
  const weights = used.map(({ control, treatment }) => (control.n * treatment.n) / (control.n + treatment.n));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const shares = weights.map((weight) => weight / total);
  return { control: combineArm(used.map((stratum) => stratum.control), shares), treatment: combineArm(used.map((stratum) => stratum.treatment), shares) };
}

/**
 * n = 1 / Σ(u²/n_k) and variance = n Σ(u² v_k/n_k), so that variance / n is the variance of Σ u_k mean_k.
 * Rewards of 0 and 1 stay recognisable as such (Σx = Σx²), because tests treat rare events with care.
 */
function combineArm(parts: readonly RewardSummary[], shares: readonly number[]): RewardSummary {
  let mean = 0, inverseSize = 0, varianceOfMean = 0;
  for (const [index, part] of parts.entries()) {
    const share = shares[index]!;
    const partMean = meanOf(part);
    mean += share * partMean;
    inverseSize += (share * share) / part.n;
    varianceOfMean += (share * share * Math.max(0, part.sumSquares / part.n - partMean * partMean)) / part.n;
  }
  const n = Math.floor((1 + 1e-9) / inverseSize); // rounding must not lose an outcome
  const isBinary = parts.every(({ sum, sumSquares }) => sum === sumSquares);
  return { n, sum: n * mean, sumSquares: isBinary ? n * mean : n * (varianceOfMean / inverseSize + mean * mean) };
}

/** Rounding must not leave sums that no outcomes could have. */
function subtract(a: RewardSummary, b: RewardSummary): RewardSummary {
  const n = a.n - b.n, sum = a.sum - b.sum;
  return n > 0 ? { n, sum, sumSquares: Math.max(a.sumSquares - b.sumSquares, (sum * sum) / n) } : NO_REWARDS;
}
