/** What a bench found: cases with metrics, each metric with the value of every run, and the circumstances. */
import { z } from "strata";

export const metricSchema = z.object({
  name: z.string(),
  unit: z.string(),
  /** One value per run, in the order of the runs. */
  runs: z.array(z.number()),
});

export const caseSchema = z.object({ name: z.string(), metrics: z.array(metricSchema) });

export const machineSchema = z.object({
  processor: z.string(), cores: z.number(), memoryGib: z.number(), system: z.string(), node: z.string(),
  /** 1-minute load averages before and after: above the number of cores, others were working too. */
  loadBefore: z.number(), loadAfter: z.number(),
});

export const benchResultSchema = z.object({
  name: z.string(), title: z.string(),
  /** What was measured with which settings, in sentences. */
  configuration: z.array(z.string()),
  cases: z.array(caseSchema),
  notes: z.array(z.string()),
  command: z.string(), date: z.string(), seconds: z.number(), machine: machineSchema,
  /** Why it did not finish. */
  problem: z.string().optional(),
});

export type Metric = z.output<typeof metricSchema>;
export type BenchCase = z.output<typeof caseSchema>;
export type Machine = z.output<typeof machineSchema>;
export type BenchResult = z.output<typeof benchResultSchema>;

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spreadOf(runs: readonly number[]): Spread {
  const sorted = runs.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, low: sorted[0]!, high: sorted.at(-1)! };
}

/** Collects runs case by case; a metric appears when its first value does. */
export interface Sheet {
  add(caseName: string, metric: string, unit: string, value: number): void;
  /** The values so far of a metric, one per run. */
  runs(caseName: string, metric: string): readonly number[];
  cases(): BenchCase[];
}

export function createSheet(): Sheet {
  const cases = new Map<string, Map<string, { unit: string; runs: number[] }>>();
  return {
    add: (caseName, name, unit, value) => {
      const metrics = cases.get(caseName) ?? new Map<string, { unit: string; runs: number[] }>();
      const metric = metrics.get(name) ?? { unit, runs: [] };
      metric.runs.push(value);
      cases.set(caseName, metrics.set(name, metric));
    },
    runs: (caseName, name) => cases.get(caseName)?.get(name)?.runs ?? [],
    cases: () => Array.from(cases, ([name, metrics]) => ({ name, metrics: Array.from(metrics, ([metric, { unit, runs }]) => ({ name: metric, unit, runs })) })),
  };
}
