/** How a challenger did on copies of the champion's traffic: the latest samples and their summary. */
import type { PredictionEvent } from "../serving/index.ts";
import { createRecent } from "./recent.ts";

export interface ShadowStatistics {
  readonly requests: number;
  readonly errors: number;
  readonly p99Ms: number;
  readonly championP99Ms: number;
  /** Mean absolute difference of the two versions' scores. */
  readonly scoreDifference: number;
}

export interface ShadowRecord {
  add(event: PredictionEvent): void;
  statistics(version: number, sinceMs: number): ShadowStatistics;
  state(): readonly ShadowSample[];
}

export interface ShadowSample {
  readonly atMs: number;
  readonly version: number;
  readonly latencyMs: number;
  readonly championLatencyMs: number;
  readonly scoreDifference: number;
  readonly isError: boolean;
}

export function createShadowRecord(saved?: readonly ShadowSample[]): ShadowRecord {
  const samples = createRecent(saved);
  return {
    add: ({ atMs, latencyMs: championLatencyMs, shadow }) => {
      if (shadow === undefined) return;
      const { version, latencyMs, scoreDifference = 0, error } = shadow;
      samples.add({ atMs, version, latencyMs, championLatencyMs, scoreDifference, isError: error !== undefined });
    },
    statistics: (version, sinceMs) => summarise(samples.all().filter((sample) => sample.version === version && sample.atMs >= sinceMs)),
    state: () => samples.all(),
  };
}

function summarise(samples: readonly ShadowSample[]): ShadowStatistics {
  const scored = samples.filter((sample) => !sample.isError);
  return {
    requests: samples.length, errors: samples.length - scored.length,
    p99Ms: percentile(scored.map((sample) => sample.latencyMs), 0.99),
    championP99Ms: percentile(samples.map((sample) => sample.championLatencyMs), 0.99),
    scoreDifference: scored.reduce((sum, sample) => sum + sample.scoreDifference, 0) / Math.max(1, scored.length),
  };
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;
}
