/** Drift windows of every version that answers, each against the training data of that version. */
import type { TrainingProfile } from "../modelops/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
import { createDriftWatch } from "./drift-watch.ts";
import type { DriftWatch, DriftWindow } from "./drift-watch.ts";

/** Training profile of a version and its columns, if it has one. */
export type ProfileSource = (model: string, version: number) => Promise<{ readonly profile: TrainingProfile; readonly columns: readonly string[] } | undefined>;

export interface DriftRecord {
  take(event: PredictionEvent): Promise<void>;
  /** Oldest first. */
  windows(model: string): readonly DriftWindow[];
}

export interface DriftRecordOptions {
  readonly profileOf: ProfileSource;
  readonly onDrift: (window: DriftWindow) => Promise<void>;
  readonly windowRows: number;
}

/** Rows of one answer share its customer: more of them would look like more evidence than there is. */
const ROWS_PER_ANSWER = 2;
const MAX_WINDOWS = 200;

export function createDriftRecord({ profileOf, onDrift, windowRows }: DriftRecordOptions): DriftRecord {
  const watches = new Map<string, Promise<DriftWatch | undefined>>();
  const windows = new Map<string, readonly DriftWindow[]>();

  const watchOf = ({ model, version }: PredictionEvent): Promise<DriftWatch | undefined> => {
    const key = `${model}@${version}`;
    const known = watches.get(key);
    if (known) return known;
    const watch = profileOf(model, version).then((found) => found && createDriftWatch({ model, version, columns: found.columns, baseline: found.profile, windowRows }))
      .catch(() => undefined); // a version that left no profile cannot be compared; that must not stop the monitor
    watches.set(key, watch);
    return watch;
  };

  return {
    take: async (event) => {
      if (event.sample.length === 0) return;
      const watch = await watchOf(event);
      for (const row of event.sample.slice(0, ROWS_PER_ANSWER)) {
        const window = watch?.add(row.features, row.score, event.atMs);
        if (window === undefined) continue;
        windows.set(window.model, [...windows.get(window.model) ?? [], window].slice(-MAX_WINDOWS));
        await onDrift(window);
      }
    },
    windows: (model) => windows.get(model) ?? [],
  };
}
