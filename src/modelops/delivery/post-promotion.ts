/**
 * The watch after a promotion: does the new champion hold what its trial promised? Its rewards are tested against the
 * old champion's recorded ones with the same always-valid test. The two come from different times, so a fall of the
 * whole market looks like a fall of the champion: the policy's margin is what keeps small tides from a rollback.
 */
import type { Rollout } from "../../define/index.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { testPolicy } from "./canary-test.ts";
import type { DecideCanary } from "./canary-test.ts";
import { counted, figure } from "./figures.ts";
import { meanOf } from "./reward-strata.ts";
import type { RewardSummary } from "./reward-strata.ts";

export interface WatchObservation {
  readonly model: string;
  readonly nowMs: number;
  readonly promotedAtMs: number;
  /** How long the new champion is watched. */
  readonly watchMs: number;
  readonly champion: number;
  /** Where a rollback would return to. */
  readonly previous: number | undefined;
  /** The old champion's rewards, recorded during the trial. */
  readonly before: RewardSummary;
  /** The new champion's rewards since its promotion. */
  readonly after: RewardSummary;
}

export interface WatchDecision {
  readonly action: "rollback" | "watch" | "settled";
  /** A sentence with the numbers. */
  readonly reason: string;
}

export function decideRollback(observation: WatchObservation, { policy, decideCanary }: { readonly policy: Rollout; readonly decideCanary: DecideCanary }): WatchDecision {
  const { model, champion, previous, before, after } = observation;
  const name = `Version ${champion} of "${model}"`;
  if (previous === undefined) return { action: "settled", reason: `${name} is not watched: there is no earlier champion to return to.` };
  const elapsedMs = observation.nowMs - observation.promotedAtMs;
  const isOver = elapsedMs >= observation.watchMs;
  const passed = `${formatDuration(Math.max(0, elapsedMs))} of ${formatDuration(observation.watchMs)} watched`;
  if (Math.min(before.n, after.n) < policy.minimumOutcomes) {
    return { action: isOver ? "settled" : "watch", reason: `${name} has ${counted(after.n, "outcome")} since its promotion and the champion before it has ${figure(before.n)} recorded; ${policy.minimumOutcomes} each are needed to judge (${passed}).` };
  }
  const arms = { control: before, treatment: after };
  const { verdict, reason } = decideCanary(arms, testPolicy(policy, arms));
  const numbers = `mean reward ${figure(meanOf(after))} over ${counted(after.n, "outcome")}, ${figure(meanOf(before))} over ${counted(before.n, "outcome")} of version ${previous} before it`;
  if (verdict === "reject") return { action: "rollback", reason: `${name} fell below the champion before it and goes back to version ${previous}: ${numbers} (${passed}). ${reason}` };
  return isOver ? { action: "settled", reason: `${name} stays: ${numbers} (${passed}). ${reason}` } : { action: "watch", reason: `${name} is watched: ${numbers} (${passed}). ${reason}` };
}
