/**
 * How good each model version is, window by window of the time of prediction. Because rows count in the window
 * their prediction was made in, labels that come late complete an old window instead of spoiling a new one, and
 * `completeness` says how far a window can be trusted already. Pure counting: memory per window is bounded.
 */
import { normalQuantile } from "../statistics/normal.ts";
import type { JoinedRow, Prediction } from "./outcome-joiner.ts";
import { WindowTally } from "./window-tally.ts";
import type { PerformanceWindow, PerformanceWindowState, WindowKey } from "./window-tally.ts";

export interface PerformanceOptions {
  /** Width of a window; windows begin at multiples of it since the epoch. */
  readonly windowMs: number;
  /** Windows kept per model, version and variant; the oldest go first. 168 unless given. */
  readonly maximumWindows?: number;
  /** Confidence of the intervals; 0.95 unless given. */
  readonly level?: number;
}

export interface PerformanceWindows {
  /** Counts a prediction the joiner accepted. */
  addPrediction(prediction: Prediction): void;
  /** Counts a row the joiner returned. */
  addRow(row: JoinedRow): void;
  /** All windows, the oldest first. */
  report(): readonly PerformanceWindow[];
  state(): readonly PerformanceWindowState[];
}

export function createPerformanceWindows(options: PerformanceOptions, saved: readonly PerformanceWindowState[] = []): PerformanceWindows {
  const { windowMs, maximumWindows = 168, level = 0.95 } = options;
  const z = normalQuantile(0.5 + level / 2);
  const windows = new Map<string, WindowTally>();
  const starts = new Map<string, number[]>();

  const open = (key: WindowKey, state?: PerformanceWindowState): WindowTally => {
    const name = nameOf(key);
    const known = windows.get(name);
    if (known) return known;
    const tally = new WindowTally(key, state);
    windows.set(name, tally);
    const series = nameOf({ ...key, startMs: 0 });
    const kept = [...(starts.get(series) ?? []), key.startMs].toSorted((a, b) => a - b);
    while (kept.length > maximumWindows) windows.delete(nameOf({ ...key, startMs: kept.shift()! }));
    starts.set(series, kept);
    return tally;
  };
  const tallyOf = ({ model, version, variant, timeMs }: Prediction): WindowTally =>
    open({ model, version, variant, startMs: Math.floor(timeMs / windowMs) * windowMs });

  for (const state of saved) open(state, state);
  const ordered = (): WindowTally[] => [...windows.values()].toSorted((a, b) => a.key.startMs - b.key.startMs || compare(nameOf(a.key), nameOf(b.key)));
  return {
    addPrediction: (prediction) => void tallyOf(prediction).predictions++,
    addRow: (row) => tallyOf(row).add(row),
    report: () => ordered().map((tally) => tally.report(z)),
    state: () => ordered().map((tally) => tally.state()),
  };
}

function nameOf({ model, version, variant, startMs }: WindowKey): string {
  return JSON.stringify([model, version, variant, startMs]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
