/**
 * A rollout puts one challenger on trial against the champion: shadow, then canary with growing shares of traffic,
 * until it is promoted, rejected or cancelled. Plain data; rollout-advance.ts decides the steps.
 */
import type { CanaryDecision } from "../../observe/index.ts";
import type { RewardArms } from "./reward-strata.ts";

export type RolloutPhase = "shadow" | "canary" | "promoted" | "rejected" | "cancelled";

export type RolloutAction = "none" | "start-canary" | "raise-share" | "promote" | "reject";

export interface RolloutState {
  readonly id: string;
  readonly model: string;
  readonly endpoint: string;
  readonly challenger: number;
  readonly champion: number;
  readonly phase: RolloutPhase;
  /** Which of the policy's steps the share is from; -1 outside the canary phase. */
  readonly stepIndex: number;
  /** Share of traffic that the challenger answers; 0 outside the canary phase. */
  readonly share: number;
  readonly startedAtMs: number;
  readonly phaseStartedAtMs: number;
  /** Totals of rewards noted at the end of each finished step; see strataOf. */
  readonly finishedSteps: readonly RewardArms[];
  /** Everything that changed the rollout, oldest first. */
  readonly decisions: readonly RolloutDecision[];
}

export interface RolloutDecision {
  readonly timeMs: number;
  readonly action: Exclude<RolloutAction, "none"> | "start" | "cancel";
  /** Phase and share after it. */
  readonly phase: RolloutPhase;
  readonly share: number;
  /** A sentence with the numbers. */
  readonly reason: string;
  /** What was observed, for the evidence; plain JSON. */
  readonly observed: unknown;
  /** The sequential test's verdict, where it was asked. */
  readonly verdict: CanaryDecision | null;
}

export interface NewRollout {
  readonly model: string;
  readonly endpoint: string;
  readonly challenger: number;
  readonly champion: number;
  readonly reason: string;
}

export function startRollout(id: string, nowMs: number, { model, endpoint, challenger, champion, reason }: NewRollout): RolloutState {
  return {
    id, model, endpoint, challenger, champion, phase: "shadow", stepIndex: -1, share: 0,
    startedAtMs: nowMs, phaseStartedAtMs: nowMs, finishedSteps: [],
    decisions: [{ timeMs: nowMs, action: "start", phase: "shadow", share: 0, reason, observed: null, verdict: null }],
  };
}

/** Has no effect on a rollout that ended. */
export function cancelRollout(state: RolloutState, nowMs: number, reason: string): RolloutState {
  return isActive(state) ? decided(state, { timeMs: nowMs, action: "cancel", phase: "cancelled", share: 0, reason, observed: null, verdict: null }) : state;
}

export function isActive({ phase }: Pick<RolloutState, "phase">): boolean {
  return phase === "shadow" || phase === "canary";
}

/** The state after a decision. */
export function decided(state: RolloutState, decision: RolloutDecision): RolloutState {
  const { phase, share, timeMs } = decision;
  return {
    ...state, phase, share, decisions: [...state.decisions, decision],
    stepIndex: phase === "canary" ? state.stepIndex + 1 : -1,
    phaseStartedAtMs: phase === state.phase ? state.phaseStartedAtMs : timeMs,
  };
}
