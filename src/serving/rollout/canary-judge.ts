/**
 * The verdict on a canary of a served model, from counts since its step began. Errors and slow answers go through the
 * same always-valid sequential test as every other canary (observe/experiment), so it may be asked every second.
 * Gross harm is seen within some twenty answers; no harm shown, the share rises by time and number of answers.
 */
import { decideCanary } from "../../observe/index.ts";
import type { ArmTotals, CanaryDecision } from "../../observe/index.ts";
import { NO_COUNTS } from "./arm-counts.ts";
import type { ArmCounts, TrafficCounts } from "./arm-counts.ts";
import { CANARY, STABLE } from "./traffic-state.ts";
import type { CanaryProgress } from "./traffic-state.ts";

export interface CanaryVerdict {
  readonly action: "none" | "advance" | "rollback";
  /** A sentence with the numbers, also when nothing changes. */
  readonly reason: string;
}

/** Answers before the test may speak at all; below, one unlucky request would decide. */
const MINIMUM_JUDGED = 20;
/** Sharpest at 200 answers per side: harm should show within seconds, and what is still hidden there is small. */
const PLANNED = 400;
/** A canary that was not there so often is not served by a healthy process. */
const MAXIMUM_UNREADY = 3;

export function judgeCanary(canary: CanaryProgress, counts: TrafficCounts, nowMs: number): CanaryVerdict {
  const verdict = canary.phase === "shadow" ? judgeShadow(canary, counts) : judgeStep(canary, counts, nowMs);
  if (verdict.action !== "none" || nowMs - canary.startedAtMs < canary.maximumMs) return verdict;
  return { action: "rollback", reason: `Undecided after ${canary.maximumMs / 60_000} minutes: stable stays. ${verdict.reason}` };
}

function judgeShadow({ steps, shadowRequests, maximumDifferent, tolerance }: CanaryProgress, { copies, different }: TrafficCounts): CanaryVerdict {
  const seen = `${different} of ${copies} copied requests were answered differently (more than ${tolerance} apart, or not at all)`;
  if (different > maximumDifferent * Math.max(copies, shadowRequests)) return { action: "rollback", reason: `${seen}; ${percent(maximumDifferent)} is the limit.` };
  return copies < shadowRequests ? { action: "none", reason: `${seen}; ${shadowRequests} copies are needed.` } : { action: "advance", reason: `${seen}: it now answers ${percent(steps[0] ?? 0)} of the traffic.` };
}

function judgeStep(canary: CanaryProgress, counts: TrafficCounts, nowMs: number): CanaryVerdict {
  const [stable, trial] = [counts.arms[STABLE] ?? NO_COUNTS, counts.arms[CANARY] ?? NO_COUNTS];
  if (trial.unready >= MAXIMUM_UNREADY) return { action: "rollback", reason: `Version ${canary.version} was not ready for ${trial.unready} requests; stable answered them.` };
  for (const metric of canary.sloMs === undefined ? ["errors"] as const : ["errors", "slow"] as const) {
    const harm = harmOf(canary, { stable, trial, metric });
    if (harm !== undefined) return { action: "rollback", reason: harm };
  }
  const share = percent(canary.steps[canary.step] ?? 1);
  const seen = `At ${share} the canary failed ${trial.errors} of ${trial.requests}${canary.sloMs === undefined ? "" : ` and was slow in ${trial.slow}`}; stable ${stable.errors} of ${stable.requests}${canary.sloMs === undefined ? "" : ` and ${stable.slow}`}`;
  const elapsedMs = nowMs - canary.stepStartedAtMs;
  if (trial.requests < canary.minimumRequests) return { action: "none", reason: `${seen}; ${canary.minimumRequests} answers are needed.` };
  if (elapsedMs < canary.stepMs) return { action: "none", reason: `${seen}; ${Math.ceil((canary.stepMs - elapsedMs) / 1_000)} s of this step are left.` };
  const next = canary.steps[canary.step + 1];
  return { action: "advance", reason: `${seen}: no harm shown, so ${next === undefined ? "it is promoted" : `its share rises to ${percent(next)}`}.` };
}

interface Comparison {
  readonly stable: ArmCounts;
  readonly trial: ArmCounts;
  readonly metric: "errors" | "slow";
}

/**
 * Two looks at each metric: all of stable's answers, and stable's rate in as many answers as the canary has. The
 * second sees few canary answers that all fail, which the test's rule of ten expected events would make the first
 * wait for. The chance of a false alarm is shared out over steps, metrics and looks.
 */
function harmOf(canary: CanaryProgress, { stable, trial, metric }: Comparison): string | undefined {
  if (trial.requests < MINIMUM_JUDGED || stable.requests < 2) return undefined;
  const alpha = canary.alpha / (canary.steps.length * 2 * (canary.sloMs === undefined ? 1 : 2));
  const treatment = totals(trial.requests, trial[metric]);
  const all = totals(stable.requests, stable[metric]);
  const matched = stable.requests > trial.requests ? totals(trial.requests, (stable[metric] / stable.requests) * trial.requests) : all;
  const decisions = [all, matched].map((control) => decideCanary({ control, treatment }, { alpha, minimumEffect: canary.margin, minimumSamples: MINIMUM_JUDGED, maximumSamples: PLANNED, higherIsBetter: false }));
  const harm = decisions.find((decision) => decision.verdict === "reject" && isBeyondMargin(decision, canary.margin));
  if (harm === undefined) return undefined;
  const what = metric === "errors" ? "failed" : `took longer than ${canary.sloMs} ms in`;
  return `The canary ${what} ${trial[metric]} of ${trial.requests} requests, stable ${stable[metric]} of ${stable.requests}. ${harm.reason}`;
}

/** A difference that is real but smaller than the accepted one is no harm. */
function isBeyondMargin({ difference }: CanaryDecision, margin: number): boolean {
  return difference !== null && difference > margin;
}

function totals(requests: number, events: number): ArmTotals {
  return { n: requests, sum: events, sumSquares: events };
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
