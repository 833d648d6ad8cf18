/** Drift windows of every version that answers, each against the training data of that version. */
import type { TrainingProfile } from "../modelops/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
import { createDriftWatch } from "./drift-watch.ts";
import type { DriftWatch, DriftWatchState, DriftWindow } from "./drift-watch.ts";

/** Training profile of a version and its columns, if it has one. */
export type ProfileSource = (model: string, version: number) => Promise<{ readonly profile: TrainingProfile; readonly columns: readonly string[] } | undefined>;

export interface DriftRecord {
  /** Reads what the event's version is compared with, so that `take` need not wait. */
  prepare(event: PredictionEvent): Promise<void>;
  /** Windows that the event completed. */
  take(event: PredictionEvent): readonly DriftWindow[];
  /** Oldest first. */
  windows(model: string): readonly DriftWindow[];
  state(): DriftRecordState;
}

/** Plain JSON. */
export interface DriftRecordState {
  /** By model. */
  readonly windows: Readonly<Record<string, readonly DriftWindow[]>>;
  /** Windows that are being filled, by `model@version`. */
  readonly filling: Readonly<Record<string, DriftWatchState>>;
}

export interface DriftRecordOptions {
  readonly profileOf: ProfileSource;
  readonly windowRows: number;
}

/** Rows of one answer share its customer: more of them would look like more evidence than there is. */
const ROWS_PER_ANSWER = 2;
const MAX_WINDOWS = 200;
/** Versions whose unfinished windows are saved: more never answer at the same time. */
const MAX_FILLING = 20;

export function createDriftRecord({ profileOf, windowRows }: DriftRecordOptions, saved?: DriftRecordState): DriftRecord {
  const watches = new Map<string, DriftWatch | undefined>();
  const windows = new Map(Object.entries(saved?.windows ?? {}));

  const start = async ({ model, version }: PredictionEvent): Promise<DriftWatch | undefined> => {
    const found = await profileOf(model, version).catch(() => undefined); // a version that left no profile cannot be compared; that must not stop the monitor
    return found && createDriftWatch({ model, version, columns: found.columns, baseline: found.profile, windowRows }, saved?.filling[`${model}@${version}`]);
  };

  return {
    prepare: async (event) => {
      if (event.sample.length > 0 && !watches.has(keyOf(event))) watches.set(keyOf(event), await start(event));
    },
    take: (event) => {
      const watch = watches.get(keyOf(event));
      const completed = event.sample.slice(0, ROWS_PER_ANSWER).flatMap((row) => watch?.add(row.features, row.score, event.atMs) ?? []);
      for (const window of completed) windows.set(window.model, [...windows.get(window.model) ?? [], window].slice(-MAX_WINDOWS));
      return completed;
    },
    windows: (model) => windows.get(model) ?? [],
    state: () => ({
      windows: Object.fromEntries(windows),
      filling: Object.fromEntries([...new Map([...Object.entries(saved?.filling ?? {}), ...fillingOf(watches)])].slice(-MAX_FILLING)),
    }),
  };
}

function fillingOf(watches: ReadonlyMap<string, DriftWatch | undefined>): readonly (readonly [string, DriftWatchState])[] {
  return [...watches].flatMap(([key, watch]) => (watch ? [[key, watch.state()] as const] : []));
}

const keyOf = ({ model, version }: PredictionEvent): string => `${model}@${version}`;
