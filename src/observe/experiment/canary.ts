/**
 * The decision on a canary, from the sums of its two arms: pure, and safe to ask after every request.
 * Promote when it is shown not to be worse than the champion by more than the margin, reject when it is shown to
 * be worse, keep the champion when the planned samples are used up without an answer.
 */
import { StrataError } from "../../kernel/errors.ts";
import { addTotals, compareSequentially } from "./sequential-test.ts";
import type { ArmTotals, SequentialComparison } from "./sequential-test.ts";

export interface CanaryState {
  readonly control: ArmTotals;
  readonly treatment: ArmTotals;
}

export interface CanaryPolicy {
  /** Chance of a wrong verdict over the whole experiment, however often it is looked at; e.g. 0.05. */
  readonly alpha: number;
  /**
   * The non-inferiority margin, in units of the metric: a canary may be this much worse and still be promoted.
   * 0 asks for proof that it is better.
   */
  readonly minimumEffect: number;
  /** Values per arm before any verdict. */
  readonly minimumSamples: number;
  /** Values per arm at which the experiment ends. Also sets where the test is sharpest, so fix it beforehand. */
  readonly maximumSamples: number;
  /** true unless given; false for metrics such as latency or error rate. */
  readonly higherIsBetter?: boolean;
}

export interface CanaryDecision {
  readonly verdict: "continue" | "promote" | "reject" | "inconclusive";
  readonly reason: string;
  /** Treatment less control, as measured; null before there is anything to compare. */
  readonly difference: number | null;
  /** Covers the true difference at all looks at once with probability 1 − alpha; null as above. */
  readonly confidenceSequence: { readonly low: number; readonly high: number } | null;
  /** Always-valid p-value of no difference; 1 before there is anything to compare. */
  readonly pValue: number;
}

/** Below so many expected events (or non-events) in an arm the normal approximation is poor. */
const MINIMUM_EVENTS = 10;

/**
 * Decides from sums so far. A canary that is shown to be worse at all is rejected, even within the margin.
 * STATISTICS_INPUT_INVALID for sums that cannot be (negative counts, NaN) or a policy without sense.
 */
export function decideCanary(state: CanaryState, policy: CanaryPolicy): CanaryDecision {
  checkPolicy(policy);
  checkTotals("control", state.control);
  checkTotals("treatment", state.treatment);
  const samples = Math.min(state.control.n, state.treatment.n);
  const comparison = compareSequentially(state.control, state.treatment, { alpha: policy.alpha, plannedSamples: policy.maximumSamples / 2 });
  const measured = {
    difference: comparison?.difference ?? null, pValue: comparison?.pValue ?? 1,
    confidenceSequence: comparison ? { low: comparison.low, high: comparison.high } : null,
  };
  const obstacle = obstacleOf(state, policy, comparison);
  const found = comparison && obstacle === undefined ? findVerdict(comparison, policy) : undefined;
  if (found) return { ...found, ...measured };
  const open = obstacle ?? `the difference is still between ${short(comparison!.low)} and ${short(comparison!.high)}`;
  if (samples < policy.maximumSamples) return { verdict: "continue", reason: `No verdict after ${samples} values per arm: ${open}.`, ...measured };
  return { verdict: "inconclusive", reason: `No verdict after all ${policy.maximumSamples} planned values per arm: ${open}. The champion stays.`, ...measured };
}

/** Why no verdict is possible yet. */
function obstacleOf({ control, treatment }: CanaryState, policy: CanaryPolicy, comparison: SequentialComparison | undefined): string | undefined {
  const samples = Math.min(control.n, treatment.n);
  if (samples < policy.minimumSamples) return `at least ${policy.minimumSamples} are needed`;
  if (comparison === undefined) return "all values are equal";
  const events = expectedEvents(control, treatment);
  return events < MINIMUM_EVENTS ? `only ${short(events)} events are expected per arm so far; at least ${MINIMUM_EVENTS} are needed` : undefined;
}

/** Of values that are all 0 or 1: how many of the rarer one an arm of the smaller size would hold. Otherwise no limit. */
function expectedEvents(control: ArmTotals, treatment: ArmTotals): number {
  const both = addTotals(control, treatment);
  if (both.sum !== both.sumSquares) return Number.POSITIVE_INFINITY;
  return (Math.min(both.sum, both.n - both.sum) / both.n) * Math.min(control.n, treatment.n);
}

function findVerdict(comparison: SequentialComparison, policy: CanaryPolicy): Pick<CanaryDecision, "verdict" | "reason"> | undefined {
  const { higherIsBetter = true, minimumEffect: margin, alpha } = policy;
  const worst = higherIsBetter ? comparison.low : -comparison.high;
  const best = higherIsBetter ? comparison.high : -comparison.low;
  const measured = `the difference is between ${short(comparison.low)} and ${short(comparison.high)} with ${short(100 * (1 - alpha))} % confidence at every look`;
  if (best < 0) return { verdict: "reject", reason: `The canary is worse: ${measured}.` };
  if (worst > 0) return { verdict: "promote", reason: `The canary is better: ${measured}.` };
  if (worst > -margin) return { verdict: "promote", reason: `The canary is not worse by more than ${short(margin)}: ${measured}.` };
  return undefined;
}

function checkPolicy({ alpha, minimumEffect, minimumSamples, maximumSamples }: CanaryPolicy): void {
  const problems = [
    alpha > 0 && alpha < 1 ? "" : "alpha must lie between 0 and 1",
    minimumEffect >= 0 && Number.isFinite(minimumEffect) ? "" : "minimumEffect must be 0 or more",
    minimumSamples >= 0 ? "" : "minimumSamples must be 0 or more",
    maximumSamples >= Math.max(2, minimumSamples) && Number.isFinite(maximumSamples) ? "" : "maximumSamples must be at least minimumSamples and 2",
  ].filter((problem) => problem !== "");
  if (problems.length > 0) throw new StrataError("STATISTICS_INPUT_INVALID", { what: "The canary decision", reason: problems.join("; ") });
}

function checkTotals(arm: string, { n, sum, sumSquares }: ArmTotals): void {
  const possible = n >= 0 && Number.isInteger(n) && Number.isFinite(sum) && Number.isFinite(sumSquares)
    && (n === 0 ? sum === 0 && sumSquares === 0 : sumSquares * n * (1 + 1e-9) + 1e-300 >= sum * sum);
  if (!possible) throw new StrataError("STATISTICS_INPUT_INVALID", { what: "The canary decision", reason: `the ${arm} sums ${JSON.stringify({ n, sum, sumSquares })} cannot come from values` });
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
