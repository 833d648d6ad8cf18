/** Whether a step of load kept its bounds, and if not, why. Pure. */
import { failuresOf, requestsOf, throughputOf } from "./load-outcome.ts";
import type { LoadOutcome } from "./load-outcome.ts";

export interface LoadBounds {
  readonly p99Ms: number;
  /** For streams: of the time to the first token. */
  readonly firstTokenP99Ms?: number;
  /** Largest share of requests that may fail or stay unfinished. */
  readonly maxFailedShare: number;
}

export interface StepVerdict {
  readonly isHeld: boolean;
  /** What broke: "p99 was 312 ms, above 250 ms". Empty when it held. */
  readonly reasons: readonly string[];
  /** Answers fell behind requests: more of the same would only make the queue longer. */
  readonly isOverloaded: boolean;
  /** The generator could not keep up, so the step says nothing about the server. */
  readonly isGeneratorLimit: boolean;
}

/** Answers may lag behind requests by the bound on their latency and by this share, which a Poisson process needs. */
const FOLLOWING_SHARE = 0.95;

export function judgeStep(outcome: LoadOutcome, perSecond: number, bounds: LoadBounds): StepVerdict {
  const total = Math.max(1, requestsOf(outcome));
  const failedShare = (failuresOf(outcome) + outcome.unfinished) / total;
  const behind = total - outcome.answeredInTime - failuresOf(outcome);
  const allowedBehind = total * (1 - FOLLOWING_SHARE) + (perSecond * bounds.p99Ms) / 1000;
  const first = outcome.streams?.firstToken;
  const reasons = [
    ...(outcome.answered === 0 ? ["nothing was answered"] : []),
    ...(outcome.latency.p99Ms > bounds.p99Ms ? [`p99 was ${ms(outcome.latency.p99Ms)}, above ${ms(bounds.p99Ms)}`] : []),
    ...(first !== undefined && bounds.firstTokenP99Ms !== undefined && first.p99Ms > bounds.firstTokenP99Ms
      ? [`p99 of the first token was ${ms(first.p99Ms)}, above ${ms(bounds.firstTokenP99Ms)}`] : []),
    ...(failedShare > bounds.maxFailedShare ? [`${(failedShare * 100).toFixed(2)}% failed or stayed unfinished${kinds(outcome)}`] : []),
    ...(behind > allowedBehind ? [`throughput stayed at ${throughputOf(outcome).toFixed(0)} answers/s`] : []),
  ];
  return { isHeld: reasons.length === 0, reasons, isOverloaded: behind > allowedBehind, isGeneratorLimit: reasons.length > 0 && outcome.generator.warnings.length > 0 };
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;

function kinds({ failed }: LoadOutcome): string {
  const [most] = Object.entries(failed).toSorted((a, b) => b[1] - a[1]);
  return most === undefined ? "" : ` (mostly ${most[0]})`;
}
