/**
 * The sequential test that judges rewards, as a function given in (observe's decideCanary). It must be always-valid:
 * looking after every outcome must not raise the chance of a wrong verdict above alpha.
 */
import type { Rollout } from "../../define/index.ts";
import type { CanaryDecision, CanaryPolicy, CanaryState } from "../../observe/index.ts";
import { meanOf } from "./reward-strata.ts";

export type DecideCanary = (arms: CanaryState, policy: CanaryPolicy) => CanaryDecision;

/** The margin of a rollout policy is a share of the champion's mean; the test takes it in units of the reward. */
export function testPolicy({ alpha, margin, minimumOutcomes, maximumOutcomes }: Rollout, { control }: CanaryState): CanaryPolicy {
  const championMean = control.n > 0 ? Math.abs(meanOf(control)) : 0;
  return { alpha, minimumEffect: margin * championMean, minimumSamples: minimumOutcomes, maximumSamples: Math.max(2, minimumOutcomes, maximumOutcomes) };
}
