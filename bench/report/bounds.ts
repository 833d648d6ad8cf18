/** The bounds that results are judged by: limits are written by hand, what was measured is recorded beside them. */
import { z } from "strata";
import { spreadOf } from "./result.ts";
import type { BenchResult } from "./result.ts";

const measuredSchema = z.strictObject({
  median: z.number(), low: z.number(), high: z.number(), runs: z.number().int(), date: z.string(), machine: z.string(), command: z.string(),
});

export const boundSchema = z.strictObject({
  bench: z.string(), case: z.string(), metric: z.string(), unit: z.string(),
  min: z.number().optional(), max: z.number().optional(),
  /** Where the limit comes from. */
  why: z.string().min(1),
  /** The last recorded measurement; null until there is one. */
  measured: measuredSchema.nullable(),
}).refine(({ min, max }) => min !== undefined || max !== undefined, "a bound has a min or a max");

export const boundsSchema = z.array(boundSchema);
export type Bound = z.output<typeof boundSchema>;

export interface Verdict {
  readonly bound: Bound;
  /** undefined: this run did not measure it. */
  readonly value: number | undefined;
  readonly isKept: boolean | undefined;
}

/** Judges medians; a case or metric that no result has is not judged. */
export function judgeBounds(bounds: readonly Bound[], results: readonly BenchResult[]): readonly Verdict[] {
  return bounds.map((bound) => {
    const runs = runsOf(bound, results)?.runs;
    if (runs === undefined || runs.length === 0) return { bound, value: undefined, isKept: undefined };
    const { median } = spreadOf(runs);
    return { bound, value: median, isKept: median >= (bound.min ?? Number.NEGATIVE_INFINITY) && median <= (bound.max ?? Number.POSITIVE_INFINITY) };
  });
}

/** The bounds with what these results measured; a bound that they did not measure keeps what it has. */
export function recordMeasurements(bounds: readonly Bound[], results: readonly BenchResult[]): Bound[] {
  return bounds.map((bound) => {
    const found = runsOf(bound, results);
    if (found === undefined || found.runs.length === 0) return bound;
    const { date, command, machine } = found.result;
    return { ...bound, measured: { ...spreadOf(found.runs), runs: found.runs.length, date, command, machine: `${machine.processor}, ${machine.cores} cores, Node ${machine.node}` } };
  });
}

function runsOf({ bench, case: caseName, metric }: Bound, results: readonly BenchResult[]): { readonly runs: readonly number[]; readonly result: BenchResult } | undefined {
  const result = results.find(({ name }) => name === bench);
  const runs = result?.cases.find(({ name }) => name === caseName)?.metrics.find(({ name }) => name === metric)?.runs;
  return result === undefined || runs === undefined ? undefined : { runs, result };
}
