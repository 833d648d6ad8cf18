/**
 * Compares the rows a version scores with the rows it was trained on, window by window. A window holds a fixed number
 * of sampled rows, so that every verdict rests on the same amount of evidence whatever the traffic.
 */
import { assessDrift, assessPredictionDrift, createLiveProfile } from "../observe/index.ts";
import type { ColumnDrift, ColumnProfile, DriftReport, LiveProfile, LiveSnapshot } from "../observe/index.ts";
import type { TrainingProfile } from "../modelops/index.ts";

export interface DriftWindow {
  readonly model: string;
  readonly version: number;
  readonly atMs: number;
  readonly rows: number;
  readonly report: DriftReport;
  readonly prediction: ColumnDrift;
}

export interface DriftWatch {
  /** Adds one scored row; returns the verdict when it completes a window. */
  add(features: readonly (number | null)[], score: number, atMs: number): DriftWindow | undefined;
  state(): DriftWatchState;
}

/** The window that is being filled, as plain JSON. */
export interface DriftWatchState {
  readonly rows: number;
  readonly columns: readonly LiveSnapshot[];
  readonly score: LiveSnapshot;
}

export interface DriftWatchOptions {
  readonly model: string;
  readonly version: number;
  /** Names of the features, in the order of the rows. */
  readonly columns: readonly string[];
  readonly baseline: TrainingProfile;
  readonly windowRows: number;
}

/** Goes on with a saved window, if there is one of the same version and columns. */
export function createDriftWatch({ model, version, columns, baseline, windowRows }: DriftWatchOptions, saved?: DriftWatchState): DriftWatch {
  let rows = saved?.rows ?? 0;
  let live = columns.map((column, at) => startProfile(baseline.columns[column]!, saved?.columns[at]));
  let scores = startProfile(baseline.score, saved?.score);
  const finish = (atMs: number): DriftWindow => {
    const snapshots = Object.fromEntries(columns.map((column, at) => [column, live[at]!.snapshot()]));
    const window: DriftWindow = {
      model, version, atMs, rows,
      report: assessDrift(baseline.columns, snapshots, { weights: baseline.importances }),
      prediction: assessPredictionDrift(baseline.score, scores.snapshot()),
    };
    rows = 0;
    live = columns.map((column) => startProfile(baseline.columns[column]!));
    scores = startProfile(baseline.score);
    return window;
  };
  return {
    add: (features, score, atMs) => {
      for (let at = 0; at < columns.length; at++) live[at]!.add(features[at]);
      scores.add(score);
      rows += 1;
      return rows >= windowRows ? finish(atMs) : undefined;
    },
    state: () => ({ rows, columns: live.map((column) => column.snapshot()), score: scores.snapshot() }),
  };
}

function startProfile(baseline: ColumnProfile, saved?: LiveSnapshot): LiveProfile {
  const profile = createLiveProfile(baseline);
  if (saved) profile.merge(saved);
  return profile;
}

/** The population stability index of a column's verdict, if it was measured. */
export function psiOf(column: ColumnDrift): number | undefined {
  return column.tests.find((test) => test.test === "psi")?.effect;
}

/** The Kolmogorov-Smirnov distance of a column's verdict, if it was measured. */
export function ksOf(column: ColumnDrift): number | undefined {
  return column.tests.find((test) => test.test === "ks")?.effect;
}
