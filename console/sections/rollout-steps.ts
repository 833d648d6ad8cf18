/** Where a rollout stands between shadow and promotion: pure. */
import { formatShare } from "../format/numbers.ts";
import type { RolloutOverview } from "../../src/protocols/admin/overview.ts";

export interface RolloutStep {
  readonly name: string;
  readonly state: "done" | "now" | "next";
}

/** Without the policy's steps (undefined), the share it is at is the only one known. */
export function rolloutSteps({ phase, share }: Pick<RolloutOverview, "phase" | "share">, steps: readonly number[] | undefined): readonly RolloutStep[] {
  const shares = steps ?? (phase === "canary" ? [share] : []);
  const names = ["Shadow", ...shares.map((step) => `Canary ${formatShare(step)}`), "Champion"];
  const now = phase === "shadow" ? 0 : phase === "promoted" ? names.length - 1 : Math.max(1, 1 + shares.findLastIndex((step) => step <= share + 1e-9));
  return names.map((name, at) => ({ name, state: at < now ? "done" : at === now ? "now" : "next" }));
}

/** How much worse the challenger's mean may be, as a negative difference; the policy's margin is a share of the champion's mean. */
export function marginOf({ test }: Pick<RolloutOverview, "test">, margin: number | undefined): number | undefined {
  return test === undefined || margin === undefined ? undefined : -margin * Math.abs(test.championMean);
}
