/** The windows that one family of a slot reads, in the order in which they are folded. */
import type { SlotOutput, WindowPlan } from "./window-plan.ts";

/** Outputs of one window, and whether the window continues the one before it. */
export interface WindowStep {
  readonly window: number;
  /** Whether another chain begins here, so that nothing is carried over. */
  readonly isFirst: boolean;
  readonly isLifetime: boolean;
  readonly outputs: readonly SlotOutput[];
}

/** The windows that outputs belong to, in the plan's order. */
export function stepsOf({ windows }: WindowPlan, outputs: readonly SlotOutput[]): readonly WindowStep[] {
  const byWindow = [...Map.groupBy(outputs, (output) => output.window)].toSorted(([a], [b]) => a - b);
  return byWindow.map(([window, group], index) => ({
    window, outputs: group, isLifetime: windows[window]!.isLifetime,
    isFirst: index === 0 || windows[byWindow[index - 1]![0]]!.chain !== windows[window]!.chain,
  }));
}
