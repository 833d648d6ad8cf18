/** The mean reward to show where there is room for one: pure. */
import type { PerformanceOverview } from "../../src/protocols/admin/overview.ts";

export type RewardWindow = PerformanceOverview["windows"][number];

/** Outcomes of fewer answers than this share may still arrive in numbers that change the mean. */
const COMPLETE = 0.9;

/** The champion's latest window whose outcomes are in; its latest of all when none is. */
export function latestReward(performance: PerformanceOverview | undefined): RewardWindow | undefined {
  const windows = (performance?.windows ?? []).filter(({ variant, answers }) => variant === "champion" && answers > 0);
  return windows.findLast(({ completeShare }) => completeShare >= COMPLETE) ?? windows.at(-1);
}
