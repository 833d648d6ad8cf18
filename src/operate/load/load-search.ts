/** Runs a search step by step: the rate to try comes from `nextStep`, what it made of the server from `judgeStep`. */
import type { LoadMeasurement } from "./load-measurement.ts";
import { nextStep, resultOf } from "./rate-search.ts";
import type { NextStep, SearchResult, SearchRules, SearchStep } from "./rate-search.ts";
import { judgeStep } from "./step-verdict.ts";
import type { LoadBounds } from "./step-verdict.ts";

export interface MeasuredStep extends SearchStep, LoadMeasurement {
  /** Why it did not hold; empty when it did. */
  readonly reasons: readonly string[];
}

export interface LoadSearchOptions {
  readonly rules: SearchRules;
  readonly bounds: LoadBounds;
  readonly measure: (step: NextStep) => Promise<LoadMeasurement>;
  /** A step that breaks without falling behind is made again this often before it counts: one bad moment of the machine is no breaking point. Default 0. */
  readonly repeats?: number;
  readonly onStep?: (step: MeasuredStep) => void;
  /** A step that broke and will be made again, with why. */
  readonly onRepeat?: (step: NextStep, reasons: readonly string[]) => void;
  /** Ends the search after the step under way, which does not count. */
  readonly signal?: AbortSignal;
}

export interface LoadSearch extends SearchResult {
  readonly steps: readonly MeasuredStep[];
  /** The generator, not the server, broke the next step: the breaking point may lie higher. */
  readonly isGeneratorLimit: boolean;
}

/** A step that failed for want of CPU in the generator is made again this often: others may have used the machine. */
const GENERATOR_RETRIES = 2;

export async function searchRate({ rules, bounds, measure, repeats = 0, onStep, onRepeat, signal }: LoadSearchOptions): Promise<LoadSearch> {
  const steps: MeasuredStep[] = [];
  let { maxPerSecond } = rules;
  let retries = 0, repeated = 0, isGeneratorLimit = false;
  for (;;) {
    const next = nextStep(steps, { ...rules, maxPerSecond });
    if (next === undefined) break;
    const measured = await measure(next);
    if (signal?.aborted === true) break;
    const verdict = judgeStep(measured.outcome, next.perSecond, bounds);
    if (verdict.isGeneratorLimit) {
      if (retries++ < GENERATOR_RETRIES) continue;
      const { heldPerSecond } = resultOf(steps);
      isGeneratorLimit = true;
      if (heldPerSecond === undefined || next.isConfirmation) break;
      maxPerSecond = heldPerSecond;
      continue;
    }
    if (!verdict.isHeld && !verdict.isOverloaded && repeated < repeats) {
      repeated += 1;
      onRepeat?.(next, verdict.reasons);
      continue;
    }
    repeated = 0;
    const step: MeasuredStep = { ...next, ...measured, isHeld: verdict.isHeld, reasons: verdict.reasons };
    steps.push(step);
    onStep?.(step);
  }
  return { ...resultOf(steps), steps, isGeneratorLimit };
}
