/**
 * The sequential test that judges rewards, as a function given in (observe has one). It must be always-valid: looking
 * after every outcome must not raise the chance of a wrong verdict above alpha.
 */
import type { Rollout } from "../../define/index.ts";
import { meanOf } from "./reward-strata.ts";
import type { RewardArms } from "./reward-strata.ts";

export interface CanaryTestPolicy {
  readonly alpha: number;
  /** How much worse the treatment's mean may be, in units of the reward. */
  readonly minimumEffect: number;
  readonly minimumSamples: number;
  readonly maximumSamples: number;
}

export interface CanaryVerdict {
  /** promote: not worse than the margin allows; reject: worse; inconclusive: the planned samples are used up. */
  readonly verdict: "continue" | "promote" | "reject" | "inconclusive";
  /** A sentence with the numbers. */
  readonly reason: string;
  /** Treatment less control; null before there is anything to compare. */
  readonly difference: number | null;
  readonly confidenceSequence: { readonly low: number; readonly high: number } | null;
  readonly pValue: number;
}

export type DecideCanary = (arms: RewardArms, policy: CanaryTestPolicy) => CanaryVerdict;

/** The margin of a rollout policy is a share of the champion's mean; the test takes it in units of the reward. */
export function testPolicy({ alpha, margin, minimumOutcomes, maximumOutcomes }: Rollout, { control }: RewardArms): CanaryTestPolicy {
  const championMean = control.n > 0 ? Math.abs(meanOf(control)) : 0;
  return { alpha, minimumEffect: margin * championMean, minimumSamples: minimumOutcomes, maximumSamples: Math.max(2, minimumOutcomes, maximumOutcomes) };
}
