/** What each side of a model's traffic did since a moment: sums that processes and arms can add up. Plain JSON. */
export interface ArmCounts {
  readonly requests: number;
  /** Failures that are not the caller's. */
  readonly errors: number;
  /** Answers over the limit of the rollout. */
  readonly slow: number;
  /** Times the version was not there and stable answered in its place. */
  readonly unready: number;
}

/** Counts of one revision of one model, by variant. */
export interface TrafficCounts {
  readonly model: string;
  readonly revision: number;
  readonly arms: Readonly<Record<string, ArmCounts>>;
  /** Copies compared, and those whose answers differed or that failed. */
  readonly copies: number;
  readonly different: number;
}

export const NO_COUNTS: ArmCounts = { requests: 0, errors: 0, slow: 0, unready: 0 };

export function addCounts(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { requests: a.requests + b.requests, errors: a.errors + b.errors, slow: a.slow + b.slow, unready: a.unready + b.unready };
}

/** The sum of several processes' counts of the same model; those of other revisions are left out. */
export function sumCounts(model: string, revision: number, all: readonly TrafficCounts[]): TrafficCounts {
  const same = all.filter((counts) => counts.model === model && counts.revision === revision);
  const variants = new Set(same.flatMap(({ arms }) => Object.keys(arms)));
  return {
    model, revision,
    arms: Object.fromEntries([...variants].map((variant) => [variant, same.reduce((sum, { arms }) => addCounts(sum, arms[variant] ?? NO_COUNTS), NO_COUNTS)])),
    copies: same.reduce((sum, { copies }) => sum + copies, 0), different: same.reduce((sum, { different }) => sum + different, 0),
  };
}
