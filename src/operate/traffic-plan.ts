/** From aliases and the rollout in progress to who answers what: pure. */
import type { Aliases, RolloutState } from "../modelops/index.ts";
import type { TrafficPlan } from "../serving/index.ts";

export function planTraffic(aliases: Aliases, rollout: RolloutState | undefined): TrafficPlan {
  const { champion } = aliases;
  if (rollout === undefined) return { champion, challenger: undefined, canaryShare: 0, isShadowing: false, salt: "" };
  return { champion, challenger: rollout.challenger, canaryShare: rollout.share, isShadowing: rollout.phase === "shadow", salt: rollout.id };
}

/** Versions that must be in memory for the plan. */
export function versionsOf({ champion, challenger }: TrafficPlan): readonly number[] {
  return [champion, challenger].filter((version) => version !== undefined);
}
