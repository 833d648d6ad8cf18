/**
 * Compares the values of a stream with a reference, window by window of a fixed number of events, so that every verdict
 * rests on the same amount of evidence whatever the traffic. The tests are those of the observe layer.
 */
import { assessDrift, createLiveProfile, profileColumn } from "../../observe/index.ts";
import type { ColumnDrift, ColumnProfile, LiveProfile, LiveSnapshot } from "../../observe/index.ts";
import type { EventValue, RuleTest } from "../../define/index.ts";

type Terms = Extract<RuleTest, { kind: "same-distribution" }>;

export interface DistributionWatch {
  /** Takes one value; the verdict of a window that it completes. */
  take(value: EventValue): ColumnDrift | undefined;
  /** Events that are still missing before the first verdict can be given; 0 from then on. */
  missingEvents(): number;
  /** Forgets the reference: the next events make a new one. */
  rebase(): void;
  state(): DistributionState;
}

export interface DistributionState {
  readonly values: readonly (EventValue | null)[];
  readonly baseline: ColumnProfile | null;
  readonly live: LiveSnapshot | null;
  readonly count: number;
}

export function createDistributionWatch(name: string, { effects, reference, window, against }: Terms, saved?: DistributionState): DistributionWatch {
  let values: (EventValue | null)[] = [...saved?.values ?? []];
  let baseline: ColumnProfile | undefined = saved?.baseline ?? undefined;
  let live: LiveProfile | undefined = baseline === undefined ? undefined : restore(baseline, saved?.live);
  let count = saved?.count ?? 0;

  const start = (profile: ColumnProfile): void => {
    baseline = profile;
    live = createLiveProfile(profile);
    values = [];
    count = 0;
  };
  const finish = (known: ColumnProfile, counted: LiveProfile): ColumnDrift => {
    const drift = assessDrift({ [name]: known }, { [name]: counted.snapshot() }, { effects }).columns[0]!;
    start(against === "previous" ? profileOf(values) : known);
    return drift;
  };

  return {
    take: (value) => {
      if (baseline === undefined || live === undefined) {
        values.push(value ?? null);
        if (values.length >= reference) start(profileOf(values));
        return undefined;
      }
      live.add(value);
      if (against === "previous") values.push(value ?? null);
      count += 1;
      return count >= window ? finish(baseline, live) : undefined;
    },
    missingEvents: () => (baseline === undefined ? reference - values.length + window : 0),
    rebase: () => {
      baseline = live = undefined;
      values = [];
      count = 0;
    },
    state: () => ({ values, baseline: baseline ?? null, live: live?.snapshot() ?? null, count }),
  };
}

/** Numeric when every value that is there is a number. */
function profileOf(values: readonly (EventValue | null)[]): ColumnProfile {
  const isNumeric = values.every((value) => value === null || typeof value === "number");
  return profileColumn(values, { kind: isNumeric ? "numeric" : "categorical" });
}

function restore(baseline: ColumnProfile, saved: LiveSnapshot | null | undefined): LiveProfile {
  const profile = createLiveProfile(baseline);
  if (saved) profile.merge(saved);
  return profile;
}
