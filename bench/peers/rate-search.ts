/**
 * Looks for the highest rate a server holds: which rate to try next, given what was tried. Pure; a noisy step can
 * only cost precision, because the best rate that held is what counts.
 */
export interface RateStep {
  readonly perSecond: number;
  readonly isHeld: boolean;
}

export interface SearchOptions {
  /** The first rate to try: a guess. */
  readonly firstPerSecond: number;
  readonly maxSteps: number;
  /** Stop when the next rate would be closer than this factor to one that held. */
  readonly resolution: number;
}

const GROW = 1.25;
const SHRINK = 1.5;
/** While nothing has held, more steps are allowed: a result of 0 would say nothing. */
const STEPS_WITHOUT_RESULT = 8;

export function bestRate(steps: readonly RateStep[]): number {
  return Math.max(0, ...steps.filter(({ isHeld }) => isHeld).map(({ perSecond }) => perSecond));
}

/** undefined: the search is over. */
export function nextRate(steps: readonly RateStep[], { firstPerSecond, maxSteps, resolution }: SearchOptions): number | undefined {
  const best = bestRate(steps);
  if (steps.length === 0) return firstPerSecond;
  if (best === 0) return steps.length < Math.max(maxSteps, STEPS_WITHOUT_RESULT) ? Math.min(...steps.map(({ perSecond }) => perSecond)) / SHRINK : undefined;
  if (steps.length >= maxSteps) return undefined;
  const failedAbove = steps.filter(({ perSecond, isHeld }) => !isHeld && perSecond > best).map(({ perSecond }) => perSecond);
  const next = failedAbove.length === 0 ? best * GROW : Math.sqrt(best * Math.min(...failedAbove));
  return next / best < resolution ? undefined : next;
}
