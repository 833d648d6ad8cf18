/** Whether each of a model's triggers fires now, each answer with its numbers. Pure. */
import type { Trigger } from "../../define/index.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { counted, figure, percent } from "./figures.ts";

/** What triggers look at. */
export interface TriggerSignals {
  readonly nowMs: number;
  /** When the last training started, successful or not; undefined = never. */
  readonly lastTrainingAtMs: number | undefined;
  /** Population stability index of each feature against the training data; undefined before there is a report. */
  readonly drift: { readonly features: readonly { readonly name: string; readonly psi: number }[] } | undefined;
  readonly performance: PerformanceSignal | undefined;
  /** Events in the model's example stream since the last training. */
  readonly newEvents: number;
}

export interface PerformanceSignal {
  /** Mean reward of the champion's first window after its promotion. */
  readonly baselineReward: number;
  /** Mean reward of its latest window. */
  readonly latestReward: number;
  /** Outcomes in the latest window. */
  readonly latestN: number;
}

export interface TriggerStatus {
  readonly kind: Trigger["kind"];
  readonly fires: boolean;
  /** A clause with the numbers, without a full stop. */
  readonly reason: string;
}

/**
 * Fewest outcomes before a drop of the mean reward counts. At a reward rate of 5 % the standard error of 200
 * outcomes is 1.5 points, so chance alone halves the mean about once in 20 looks; with fewer it does so more often.
 */
export const MINIMUM_PERFORMANCE_OUTCOMES = 200;

export function triggerStatus(trigger: Trigger, signals: TriggerSignals): TriggerStatus {
  switch (trigger.kind) {
    case "schedule": return { kind: "schedule", ...scheduleStatus(trigger.everyMs, signals) };
    case "drift": return { kind: "drift", ...driftStatus(trigger, signals) };
    case "performance": return { kind: "performance", ...performanceStatus(trigger.dropShare, signals.performance) };
    case "new-data": return {
      kind: "new-data", fires: signals.newEvents >= trigger.events,
      reason: `${counted(signals.newEvents, "new event")} of ${figure(trigger.events)} came since the last training`,
    };
  }
}

type Status = Omit<TriggerStatus, "kind">;

function scheduleStatus(everyMs: number, { nowMs, lastTrainingAtMs }: TriggerSignals): Status {
  if (lastTrainingAtMs === undefined) return { fires: true, reason: "it was never trained" };
  const elapsedMs = Math.max(0, nowMs - lastTrainingAtMs);
  return { fires: elapsedMs >= everyMs, reason: `${formatDuration(elapsedMs)} of ${formatDuration(everyMs)} passed since the last training` };
}

function driftStatus(trigger: Trigger & { readonly kind: "drift" }, { drift }: TriggerSignals): Status {
  if (drift === undefined) return { fires: false, reason: "drift has not been measured yet" };
  const drifted = drift.features.filter(({ psi }) => psi >= trigger.psi).toSorted((a, b) => b.psi - a.psi);
  const worst = drifted.slice(0, 3).map(({ name, psi }) => `${name} ${figure(psi)}`).join(", ");
  return {
    fires: drifted.length >= trigger.features,
    reason: `${drifted.length} of ${counted(drift.features.length, "feature")} have a stability index of ${figure(trigger.psi)} or more, ${figure(trigger.features)} needed${worst === "" ? "" : ` (${worst}${drifted.length > 3 ? ", …" : ""})`}`,
  };
}

function performanceStatus(dropShare: number, performance: PerformanceSignal | undefined): Status {
  if (performance === undefined) return { fires: false, reason: "no reward has been measured yet" };
  const { baselineReward, latestReward, latestN } = performance;
  if (latestN < MINIMUM_PERFORMANCE_OUTCOMES) return { fires: false, reason: `the latest window has ${counted(latestN, "outcome")} of the ${MINIMUM_PERFORMANCE_OUTCOMES} needed` };
  if (!(baselineReward > 0)) return { fires: false, reason: `a drop has no share when the first window's mean reward is ${figure(baselineReward)}` };
  const drop = (baselineReward - latestReward) / baselineReward;
  const change = drop >= 0 ? `fell by ${percent(drop)}` : `rose by ${percent(-drop)}`;
  return { fires: drop >= dropShare, reason: `the mean reward ${change}, from ${figure(baselineReward)} to ${figure(latestReward)} over ${counted(latestN, "outcome")}; a fall of ${percent(dropShare)} triggers` };
}
