/**
 * Live values counted against a baseline's cells or categories, in memory that does not grow. Profiles of the
 * same baseline (windows, replicas, segments) merge by adding counts, exactly.
 */
import { StrataError } from "../../kernel/errors.ts";
import { cellOf, numberOf } from "./column-profile.ts";
import type { CategoricalProfile, ColumnProfile, NumericProfile } from "./column-profile.ts";
import { Moments } from "./moments.ts";
import type { MomentsState } from "./moments.ts";
import { categoryOf } from "./top-values.ts";

/** Different unseen values remembered by name. */
const NEW_VALUES_KEPT = 32;

export interface LiveNumericSnapshot extends MomentsState {
  readonly kind: "numeric";
  readonly baseline: string;
  readonly missing: number;
  /** Values per cell of the baseline. */
  readonly cells: readonly number[];
}

export interface LiveCategoricalSnapshot {
  readonly kind: "categorical";
  readonly baseline: string;
  readonly count: number;
  readonly missing: number;
  /** Values per category of the baseline, in its order. */
  readonly counts: readonly number[];
  /** Values that are none of the baseline's categories. */
  readonly other: number;
  /** Some of those by name: the first 32 different ones. */
  readonly newValues: readonly (readonly [value: string, count: number])[];
}

/** Plain JSON; `baseline` is the digest of the profile it counts against. */
export type LiveSnapshot = LiveNumericSnapshot | LiveCategoricalSnapshot;

export interface LiveProfile {
  add(value: unknown): void;
  /** Adds the counts of another profile of the same baseline; STATISTICS_INPUT_INVALID otherwise. */
  merge(other: LiveSnapshot): void;
  snapshot(): LiveSnapshot;
}

export function createLiveProfile(baseline: ColumnProfile): LiveProfile {
  return baseline.kind === "numeric" ? liveNumbers(baseline) : liveCategories(baseline);
}

function liveNumbers(baseline: NumericProfile): LiveProfile {
  const edges = Float64Array.from(baseline.edges);
  const cells = new Float64Array(2 * edges.length + 1);
  const moments = new Moments();
  let missing = 0;
  return {
    add: (value) => {
      const number = numberOf(value);
      if (number === undefined) return void missing++;
      moments.add(number);
      const cell = cellOf(edges, number);
      cells[cell] = cells[cell]! + 1;
    },
    merge: (other) => {
      if (other.kind !== "numeric" || other.baseline !== baseline.digest) throw notComparable(baseline, other);
      moments.merge(other);
      missing += other.missing;
      for (const [cell, count] of other.cells.entries()) cells[cell] = cells[cell]! + count;
    },
    snapshot: () => ({ kind: "numeric", baseline: baseline.digest, ...moments.state(), missing, cells: Array.from(cells) }),
  };
}

function liveCategories(baseline: CategoricalProfile): LiveProfile {
  const places = new Map(baseline.values.map(([value], place) => [value, place]));
  const counts = Array.from({ length: places.size }, () => 0);
  const newValues = new Map<string, number>();
  let count = 0;
  let missing = 0;
  let other = 0;
  const addNew = (value: string, amount: number): void => {
    const known = newValues.get(value);
    if (known !== undefined || newValues.size < NEW_VALUES_KEPT) newValues.set(value, (known ?? 0) + amount);
  };
  return {
    add: (value) => {
      const category = categoryOf(value);
      if (category === undefined) return void missing++;
      count++;
      const place = places.get(category);
      if (place !== undefined) return void (counts[place] = counts[place]! + 1);
      other++;
      addNew(category, 1);
    },
    merge: (live) => {
      if (live.kind !== "categorical" || live.baseline !== baseline.digest) throw notComparable(baseline, live);
      for (const [place, amount] of live.counts.entries()) counts[place] = counts[place]! + amount;
      for (const [value, amount] of live.newValues) addNew(value, amount);
      count += live.count;
      missing += live.missing;
      other += live.other;
    },
    snapshot: () => ({ kind: "categorical", baseline: baseline.digest, count, missing, counts: [...counts], other, newValues: [...newValues] }),
  };
}

function notComparable(baseline: ColumnProfile, live: LiveSnapshot): StrataError {
  const reason = `a ${live.kind} profile of baseline ${live.baseline} cannot be added to a ${baseline.kind} one of ${baseline.digest}`;
  return new StrataError("STATISTICS_INPUT_INVALID", { what: "The merged live profile", reason });
}
