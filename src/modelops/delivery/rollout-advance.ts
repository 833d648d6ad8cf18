/**
 * One step of a rollout, decided from what was observed. Pure: the caller moves traffic and aliases.
 *
 * - Shadow: the challenger must score the policy's number of requests with at most 1 % errors and in time.
 * - Canary: the sequential test judges rewards. Promotion and rejection are allowed at any share as soon as the test
 *   is conclusive and each arm has its minimum of outcomes: the test is valid at every look, so waiting for the last
 *   step would only cost traffic. The share rises after each further minimum of outcomes without a rejection.
 * - Whatever stays undecided, by outcomes or by time, leaves the champion where it is.
 */
import type { Rollout } from "../../define/index.ts";
import { formatDuration } from "../../kernel/duration.ts";
import type { CanaryDecision } from "../../observe/index.ts";
import { testPolicy } from "./canary-test.ts";
import type { DecideCanary } from "./canary-test.ts";
import { counted, figure, percent } from "./figures.ts";
import { combineStrata, meanOf, strataOf } from "./reward-strata.ts";
import type { RewardArms } from "./reward-strata.ts";
import { decided, isActive } from "./rollout-state.ts";
import type { RolloutAction, RolloutState } from "./rollout-state.ts";

/** Largest share of failed answers; a challenger that fails more is not worth a closer look. */
export const ERROR_LIMIT = 0.01;

/** Largest excess of the challenger's share of fallback answers over the champion's. */
export const FALLBACK_LIMIT = 0.05;

/** Shares of fewer answers are counted as if of so many, so that one error in quiet traffic decides nothing. */
export const MINIMUM_CANARY_REQUESTS = 100;

/** A trial that nobody's traffic can decide must not block training for ever. */
export const MAXIMUM_ROLLOUT_MS = 14 * 86_400_000;

export interface ShadowObservation {
  /** Copies of the champion's requests that the challenger scored, including those that failed. */
  readonly requests: number;
  readonly errors: number;
  readonly p99Ms: number;
  readonly championP99Ms: number;
  /** Mean absolute difference between the two versions' scores. */
  readonly scoreDifference: number;
}

/**
 * Count a decision's reward only when its outcome window has passed, also when an outcome came early. Otherwise quick
 * purchases count before slow absences, and an arm whose share just rose looks better than it is.
 */
export interface CanaryObservation extends RewardArms {
  /** Answers of the challenger, including failed and fallback ones. */
  readonly requests: number;
  readonly errors: number;
  /** Answers of the challenger that the fallback replaced because they were late. */
  readonly fallbacks: number;
  /** The champion's share of fallback answers meanwhile. Default 0. */
  readonly championFallbackShare?: number;
}

export interface RolloutObservation {
  readonly nowMs: number;
  readonly shadow: ShadowObservation;
  /** Totals since the canary started, over all its shares. */
  readonly canary: CanaryObservation;
}

export interface RolloutRules {
  readonly policy: Rollout;
  /** The endpoint's deadline. */
  readonly deadlineMs: number;
  readonly decideCanary: DecideCanary;
  /** Undecided after so long: the champion stays. Default 14 days. */
  readonly maximumMs?: number;
}

export interface RolloutAdvance {
  readonly state: RolloutState;
  readonly action: RolloutAction;
  /** A sentence with the numbers, also when nothing changes. */
  readonly reason: string;
}

/** What to do, before it becomes a state. */
interface Step {
  readonly action: RolloutAction;
  readonly reason: string;
  /** The test's verdict, where it was asked. */
  readonly verdict?: CanaryDecision;
}

export function advanceRollout(state: RolloutState, observation: RolloutObservation, rules: RolloutRules): RolloutAdvance {
  if (!isActive(state)) return { state, action: "none", reason: `The rollout was ${state.phase} at ${new Date(state.phaseStartedAtMs).toISOString()}.` };
  const step = decideStep(state, observation, rules);
  return { action: step.action, reason: step.reason, state: apply(state, step, { observation, policy: rules.policy }) };
}

function decideStep(state: RolloutState, observation: RolloutObservation, rules: RolloutRules): Step {
  const step = state.phase === "shadow" ? shadowStep(observation.shadow, rules) : canaryStep(state, observation.canary, rules);
  const elapsedMs = observation.nowMs - state.startedAtMs;
  const maximumMs = rules.maximumMs ?? MAXIMUM_ROLLOUT_MS;
  if (step.action !== "none" || elapsedMs < maximumMs) return step;
  return reject(`Undecided after ${formatDuration(elapsedMs)}, of ${formatDuration(maximumMs)} allowed: the champion stays. ${step.reason}`);
}

function apply(state: RolloutState, { action, reason, verdict }: Step, { observation, policy }: { readonly observation: RolloutObservation; readonly policy: Rollout }): RolloutState {
  const { nowMs, shadow, canary } = observation;
  const decision = { timeMs: nowMs, reason, observed: state.phase === "shadow" ? shadow : canary, verdict: verdict ?? null };
  switch (action) {
    case "none": return state;
    case "promote": return decided(state, { ...decision, action, phase: "promoted", share: 0 });
    case "reject": return decided(state, { ...decision, action, phase: "rejected", share: 0 });
    case "start-canary": return decided(state, { ...decision, action, phase: "canary", share: policy.steps[0] ?? 0 });
    case "raise-share": {
      const next = decided(state, { ...decision, action, phase: "canary", share: policy.steps[state.stepIndex + 1] ?? state.share });
      return { ...next, finishedSteps: [...state.finishedSteps, { control: canary.control, treatment: canary.treatment }] };
    }
  }
}

function shadowStep(shadow: ShadowObservation, { policy, deadlineMs }: RolloutRules): Step {
  const { requests, errors, p99Ms, championP99Ms, scoreDifference } = shadow;
  const firstShare = policy.steps[0];
  if (firstShare === undefined) return reject("The rollout policy has no steps, so the challenger can never be tried: the champion stays.");
  if (errors > ERROR_LIMIT * Math.max(requests, policy.shadowRequests)) {
    return reject(`In shadow the challenger failed ${errors} of ${counted(requests, "request")}; ${percent(ERROR_LIMIT)} is the limit.`);
  }
  if (requests < policy.shadowRequests) return none(`In shadow, the challenger scored ${requests} of ${counted(policy.shadowRequests, "request")}, ${errors} with errors.`);
  if (requests > 0 && isTooSlow(shadow, deadlineMs)) {
    return reject(`In shadow the challenger's p99 was ${figure(p99Ms)} ms, over the deadline of ${figure(deadlineMs)} ms; the champion's was ${figure(championP99Ms)} ms.`);
  }
  return {
    action: "start-canary",
    reason: `The challenger scored ${counted(requests, "shadow request")} with ${counted(errors, "error")}, p99 ${figure(p99Ms)} ms (champion ${figure(championP99Ms)} ms, deadline ${figure(deadlineMs)} ms) and a mean score difference of ${figure(scoreDifference)}; it now answers ${percent(firstShare)} of the traffic.`,
  };
}

/** A p99 that is unknown is too slow. When the champion misses the deadline as well, the challenger must at least be faster. */
function isTooSlow({ p99Ms, championP99Ms }: ShadowObservation, deadlineMs: number): boolean {
  return !(p99Ms <= deadlineMs || p99Ms < championP99Ms);
}

function canaryStep(state: RolloutState, canary: CanaryObservation, rules: RolloutRules): Step {
  const broken = guardRail(canary);
  if (broken !== undefined) return reject(broken);
  const { policy, decideCanary } = rules;
  const strata = strataOf(canary, state.finishedSteps);
  if (!(outcomesOf(canary) >= policy.minimumOutcomes)) return none(`The canary waits for outcomes: ${armsText(canary)}, ${policy.minimumOutcomes} each needed.`);
  const arms = combineStrata(strata);
  const verdict = decideCanary(arms, testPolicy(policy, arms));
  return { ...judge(canary, verdict, policy) ?? raise(state, strata, policy) ?? none(`The canary goes on at ${percent(state.share)}: ${armsText(canary)}. ${verdict.reason}`), verdict };
}

function judge(canary: CanaryObservation, { verdict, reason }: CanaryDecision, policy: Rollout): Step | undefined {
  if (verdict === "promote") return { action: "promote", reason: `The challenger is promoted: ${armsText(canary)}. ${reason}` };
  if (verdict === "reject") return reject(`The challenger is worse: ${armsText(canary)}. ${reason}`);
  if (verdict !== "inconclusive" && outcomesOf(canary) < policy.maximumOutcomes) return undefined;
  return reject(`Inconclusive after ${armsText(canary)}, of ${policy.maximumOutcomes} each allowed: the champion stays. ${reason}`);
}

/** Shares and counts, not rewards, decide when the share rises, so the test stays valid. */
function raise(state: RolloutState, strata: readonly RewardArms[], policy: Rollout): Step | undefined {
  const next = policy.steps[state.stepIndex + 1];
  const current = outcomesOf(strata.at(-1)!); // strataOf never returns an empty list
  if (next === undefined || current < policy.minimumOutcomes) return undefined;
  return { action: "raise-share", reason: `Not worse so far after ${counted(current, "outcome")} of each arm at ${percent(state.share)}: the challenger's share rises to ${percent(next)}.` };
}

function guardRail({ requests, errors, fallbacks, championFallbackShare = 0 }: CanaryObservation): string | undefined {
  const counting = Math.max(requests, MINIMUM_CANARY_REQUESTS);
  if (errors > ERROR_LIMIT * counting) return `The challenger failed ${errors} of ${counted(requests, "answer")}; ${percent(ERROR_LIMIT)} is the limit.`;
  if (fallbacks > (FALLBACK_LIMIT + championFallbackShare) * counting) {
    return `The fallback replaced ${fallbacks} of the challenger's ${counted(requests, "answer")}; the champion's share is ${percent(championFallbackShare)} and ${percent(FALLBACK_LIMIT)} more is the limit.`;
  }
  return undefined;
}

function outcomesOf({ control, treatment }: RewardArms): number {
  return Math.min(control.n, treatment.n);
}

function armsText({ control, treatment }: RewardArms): string {
  return `challenger ${armText(treatment.n, meanOf(treatment))}, champion ${armText(control.n, meanOf(control))}`;
}

function armText(n: number, mean: number): string {
  return n > 0 ? `mean reward ${figure(mean)} over ${counted(n, "outcome")}` : "without outcomes";
}

function none(reason: string): Step {
  return { action: "none", reason };
}

function reject(reason: string): Step {
  return { action: "reject", reason };
}
