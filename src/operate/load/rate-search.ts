/**
 * The search for the highest rate that keeps a bound: doubles until it breaks, halves the ratio between the highest rate
 * that held and the lowest that broke, then confirms the one that held with a longer step. Pure: steps in, next step out.
 */
export interface SearchRules {
  readonly firstPerSecond: number;
  /** Not beyond this rate. */
  readonly maxPerSecond: number;
  /** The search ends when the rate that broke is at most this many times the one that held. */
  readonly resolution: number;
  readonly maxSteps: number;
}

export interface SearchStep {
  readonly perSecond: number;
  readonly isHeld: boolean;
  readonly isConfirmation: boolean;
}

export interface NextStep {
  readonly perSecond: number;
  readonly isConfirmation: boolean;
}

const GROWTH = 2;
/** Below this a server cannot be said to serve. */
const SLOWEST_PER_SECOND = 0.05;

/** Undefined when the search is over. */
export function nextStep(steps: readonly SearchStep[], rules: SearchRules): NextStep | undefined {
  if (steps.length === 0) return { perSecond: Math.min(rules.firstPerSecond, rules.maxPerSecond), isConfirmation: false };
  if (steps.length >= rules.maxSteps) return undefined;
  const { held, broken } = boundsOf(steps);
  if (held === undefined) {
    const perSecond = broken! / (GROWTH * GROWTH); // some step was made, and none held
    return perSecond < SLOWEST_PER_SECOND ? undefined : { perSecond, isConfirmation: false };
  }
  const isNarrow = held >= rules.maxPerSecond || (broken !== undefined && broken / held <= rules.resolution);
  if (isNarrow) return isConfirmed(steps, held) ? undefined : { perSecond: held, isConfirmation: true };
  const perSecond = broken === undefined ? Math.min(held * GROWTH, rules.maxPerSecond) : Math.sqrt(held * broken);
  return { perSecond, isConfirmation: false };
}

export interface SearchResult {
  /** The highest rate that held and was confirmed, or the highest that held when steps ran out; undefined when none held. */
  readonly heldPerSecond: number | undefined;
  /** The lowest rate that broke; undefined when none did. */
  readonly brokenPerSecond: number | undefined;
  readonly isConfirmed: boolean;
}

export function resultOf(steps: readonly SearchStep[]): SearchResult {
  const { held, broken } = boundsOf(steps);
  return { heldPerSecond: held, brokenPerSecond: broken, isConfirmed: held !== undefined && isConfirmed(steps, held) };
}

/** A rate that broke once does not count as held, nor does any above it: a confirmation that fails lowers the bound. */
function boundsOf(steps: readonly SearchStep[]): { readonly held: number | undefined; readonly broken: number | undefined } {
  const broken = smallest(steps.filter((step) => !step.isHeld).map((step) => step.perSecond));
  const held = steps.filter((step) => step.isHeld && (broken === undefined || step.perSecond < broken)).map((step) => step.perSecond);
  return { held: held.length === 0 ? undefined : Math.max(...held), broken };
}

const isConfirmed = (steps: readonly SearchStep[], perSecond: number): boolean => steps.some((step) => step.isConfirmation && step.isHeld && step.perSecond === perSecond);
const smallest = (values: readonly number[]): number | undefined => (values.length === 0 ? undefined : Math.min(...values));
