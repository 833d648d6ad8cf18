/**
 * Should a model train again now? A pure decision from a snapshot: a trigger must fire, and nothing may stand in the way.
 * Bad data is the commonest "drift", so a failed data-quality check blocks every automatic training.
 */
import type { Trigger } from "../../define/index.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { counted } from "./figures.ts";
import { triggerStatus } from "./trigger-status.ts";
import type { TriggerSignals, TriggerStatus } from "./trigger-status.ts";

export interface RetrainingSnapshot extends TriggerSignals {
  readonly model: string;
  readonly triggers: readonly Trigger[];
  /** Shortest time between two automatic trainings. */
  readonly cooldownMs: number;
  readonly trainingRunning: boolean;
  /** A challenger on trial would be judged against a champion that its successor never met. */
  readonly rolloutInProgress: boolean;
  readonly dataQualityOk: boolean;
  /** What is wrong with the data, as a clause. */
  readonly dataQualityReason?: string;
  readonly trainingsToday: number;
  /** Most automatic trainings of this model in a day. */
  readonly dailyBudget: number;
}

export type RetrainingBlock = "training-running" | "rollout" | "data-quality" | "cooldown" | "budget";

export interface RetrainingDecision {
  readonly retrain: boolean;
  /** The first trigger, in the order of the definition, that fires. */
  readonly trigger?: Trigger["kind"];
  /** What kept a trigger that fired from starting a training. */
  readonly blockedBy?: RetrainingBlock;
  /** One or two sentences with the numbers. */
  readonly reason: string;
  /** Every trigger's answer. */
  readonly triggers: readonly TriggerStatus[];
}

export function decideRetraining(snapshot: RetrainingSnapshot): RetrainingDecision {
  const { model } = snapshot;
  const triggers = snapshot.triggers.map((trigger) => triggerStatus(trigger, snapshot));
  if (triggers.length === 0) return { retrain: false, reason: `Model "${model}" declares no trigger; it trains only when asked to.`, triggers };
  const fired = triggers.filter((status) => status.fires);
  const trigger = fired[0]?.kind;
  if (trigger === undefined) return { retrain: false, reason: `No trigger of "${model}" fires: ${list(triggers)}.`, triggers };
  const block = findBlock(snapshot);
  if (block !== undefined) {
    return { retrain: false, trigger, blockedBy: block.by, reason: `Model "${model}" is not trained although a trigger fires (${list(fired)}): ${block.reason}.`, triggers };
  }
  return { retrain: true, trigger, reason: `Model "${model}" trains again: ${list(fired)}.`, triggers };
}

function findBlock(snapshot: RetrainingSnapshot): { readonly by: RetrainingBlock; readonly reason: string } | undefined {
  const { nowMs, lastTrainingAtMs, cooldownMs, trainingsToday, dailyBudget } = snapshot;
  if (snapshot.trainingRunning) return { by: "training-running", reason: "a training of it is running" };
  if (snapshot.rolloutInProgress) return { by: "rollout", reason: "its challenger is still on trial" };
  if (!snapshot.dataQualityOk) return { by: "data-quality", reason: `the data do not pass their quality checks${snapshot.dataQualityReason ? ` (${snapshot.dataQualityReason})` : ""}, and bad data would teach it badly` };
  if (lastTrainingAtMs !== undefined && nowMs - lastTrainingAtMs < cooldownMs) {
    return { by: "cooldown", reason: `its last training was ${formatDuration(Math.max(0, nowMs - lastTrainingAtMs))} ago and the cool-down is ${formatDuration(cooldownMs)}` };
  }
  if (trainingsToday >= dailyBudget) return { by: "budget", reason: `it was trained ${counted(trainingsToday, "time")} today and the daily budget is ${dailyBudget}` };
  return undefined;
}

function list(statuses: readonly TriggerStatus[]): string {
  return statuses.map(({ kind, reason }) => `${kind}: ${reason}`).join("; ");
}
