/**
 * Rates and short histories of figures whose source only knows sums: remembers what the sums were, second by second.
 * Memory is bounded by the names of the latest sample; a sum that falls (something restarted) counts as no change.
 */
export interface TotalsHistory {
  /** The sums now, by name. Called about once a second. */
  sample(atMs: number, totals: ReadonlyMap<string, readonly number[]>): void;
  /** Change of a column per second over the last 10 samples; 0 before there are two. */
  perSecond(name: string, column: number): number;
  /** Change of a column per second between one sample and the next, oldest first. */
  changes(name: string, column: number): readonly number[];
  /** What the first column grew by for each one of the second, e.g. milliseconds per request; null where the second did not grow. */
  ratios(name: string, column: number, per: number): readonly (number | null)[];
}

/** Two minutes of seconds: what a sparkline shows. */
const SAMPLES = 120;
const RATE_SAMPLES = 10;

interface Sample { readonly atMs: number; readonly totals: readonly number[] }

export function createTotalsHistory(): TotalsHistory {
  const samples = new Map<string, Sample[]>();
  const grown = (from: Sample, to: Sample, column: number): number => Math.max(0, (to.totals[column] ?? 0) - (from.totals[column] ?? 0));
  const steps = <T>(name: string, read: (from: Sample, to: Sample) => T): readonly T[] => {
    const known = samples.get(name) ?? [];
    return known.slice(1).map((to, at) => read(known[at]!, to));
  };
  const perSecond = (from: Sample, to: Sample, column: number): number => grown(from, to, column) / Math.max(1e-3, (to.atMs - from.atMs) / 1_000);
  let lastAtMs: number | undefined;
  return {
    sample: (atMs, totals) => {
      for (const name of samples.keys()) if (!totals.has(name)) samples.delete(name);
      for (const [name, sums] of totals) {
        // What was not there a second ago has grown from nothing since.
        const known = samples.get(name) ?? (lastAtMs === undefined ? [] : [{ atMs: lastAtMs, totals: [] }]);
        known.push({ atMs, totals: sums });
        if (known.length > SAMPLES + 1) known.shift();
        samples.set(name, known);
      }
      lastAtMs = atMs;
    },
    perSecond: (name, column) => {
      const known = samples.get(name) ?? [];
      return known.length < 2 ? 0 : perSecond(known.at(-1 - RATE_SAMPLES) ?? known[0]!, known.at(-1)!, column);
    },
    changes: (name, column) => steps(name, (from, to) => perSecond(from, to, column)),
    ratios: (name, column, per) => steps(name, (from, to) => (grown(from, to, per) === 0 ? null : grown(from, to, column) / grown(from, to, per))),
  };
}
