/**
 * What a table holds, column by column: how much is missing, how many different values, the distribution. Plain JSON,
 * mergeable, so that the profile of a stream is the sum of its files' profiles. Pure.
 */
import { assessDrift, mergeProfiles, profileColumn, QuantileSketch } from "../../../observe/index.ts";
import type { CategoricalProfile, ColumnDrift, ColumnProfile, LiveSnapshot, NumericProfile } from "../../../observe/index.ts";
import type { Column } from "../../../ports/analytics.ts";
import type { EventColumns } from "../../lake/event-columns.ts";
import { DistinctSketch } from "./distinct-sketch.ts";

/** The mergeable form: what is kept per file. */
export interface TableSketch {
  readonly rows: number;
  readonly minTimeMs: number | null;
  readonly maxTimeMs: number | null;
  readonly columns: Readonly<Record<string, ColumnSketch>>;
}

export interface ColumnSketch {
  readonly profile: ColumnProfile;
  readonly distinct: string;
  /** Lengths of texts. */
  readonly lengths: { readonly min: number; readonly max: number; readonly sum: number } | null;
}

/** The form that people and programs read. */
export interface TableProfile {
  readonly rows: number;
  readonly minTimeMs: number | null;
  readonly maxTimeMs: number | null;
  readonly columns: readonly ColumnSummary[];
}

export interface ColumnSummary {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  readonly count: number;
  readonly missing: number;
  readonly missingShare: number;
  /** Estimated within 1.6 % (standard error). */
  readonly distinct: number;
  readonly numbers?: {
    readonly min: number; readonly max: number; readonly mean: number; readonly standardDeviation: number;
    readonly quantiles: Readonly<Record<"p01" | "p05" | "p25" | "p50" | "p75" | "p95" | "p99", number>>;
    /** Counts of bins of equal width from p01 to p99; the first and the last take what lies beyond. */
    readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  };
  readonly texts?: { readonly shortest: number; readonly longest: number; readonly meanLength: number };
  /** Most frequent first; a count is at most `countError` too low. */
  readonly topValues?: readonly { readonly value: string; readonly count: number; readonly share: number }[];
  readonly countError?: number;
}

export function sketchTable(events: EventColumns): TableSketch {
  let minTimeMs = Infinity, maxTimeMs = -Infinity;
  for (const timeMs of events.timesMs) {
    if (timeMs < minTimeMs) minTimeMs = timeMs;
    if (timeMs > maxTimeMs) maxTimeMs = timeMs;
  }
  return {
    rows: events.rows, minTimeMs: events.rows === 0 ? null : minTimeMs, maxTimeMs: events.rows === 0 ? null : maxTimeMs,
    columns: Object.fromEntries(Object.entries(events.columns).map(([name, column]) => [name, sketchColumn(column)])),
  };
}

export function mergeTables(a: TableSketch, b: TableSketch): TableSketch {
  const names = [...new Set([...Object.keys(a.columns), ...Object.keys(b.columns)])];
  return {
    rows: a.rows + b.rows, minTimeMs: extreme(Math.min, a.minTimeMs, b.minTimeMs), maxTimeMs: extreme(Math.max, a.maxTimeMs, b.maxTimeMs),
    columns: Object.fromEntries(names.map((name) => [name, mergeColumns(a, b, name)])),
  };
}

/** Top values shown. */
const TOP = 10;

export function summariseTable(sketch: TableSketch): TableProfile {
  return { rows: sketch.rows, minTimeMs: sketch.minTimeMs, maxTimeMs: sketch.maxTimeMs, columns: Object.entries(sketch.columns).map(([name, column]) => summariseColumn(name, column)) };
}

/** How the columns of a table changed: the drift tests on both profiles. Columns that only one has are left out. */
export function compareTables(before: TableSketch, after: TableSketch): readonly ColumnDrift[] {
  const shared = Object.keys(before.columns).filter((name) => before.columns[name]!.profile.kind === after.columns[name]?.profile.kind);
  const baselines = Object.fromEntries(shared.map((name) => [name, before.columns[name]!.profile]));
  const live = Object.fromEntries(shared.map((name) => [name, liveOf(before.columns[name]!.profile, after.columns[name]!.profile)]));
  return assessDrift(baselines, live).columns;
}

function sketchColumn(column: Column): ColumnSketch {
  const distinct = new DistinctSketch();
  if (column.kind === "number") {
    for (const value of column.values) if (!Number.isNaN(value)) distinct.add(value);
    return { profile: profileColumn(column.values, { kind: "numeric" }), distinct: distinct.text(), lengths: null };
  }
  if (column.kind === "boolean") {
    const values = Array.from(column.values, (value) => (value < 0 ? undefined : value === 1));
    for (const value of values) if (value !== undefined) distinct.add(value);
    return { profile: profileColumn(values, { kind: "categorical" }), distinct: distinct.text(), lengths: null };
  }
  for (const value of column.dictionary) distinct.add(value);
  const values = Array.from(column.codes, (code) => column.dictionary[code]);
  const lengths = { min: Infinity, max: 0, sum: 0 };
  for (const value of values) {
    if (value === undefined) continue;
    lengths.min = Math.min(lengths.min, value.length);
    lengths.max = Math.max(lengths.max, value.length);
    lengths.sum += value.length;
  }
  return { profile: profileColumn(values, { kind: "categorical" }), distinct: distinct.text(), lengths: lengths.min === Infinity ? null : lengths };
}

/** A column that one table lacks is missing in all of its rows. */
function mergeColumns(a: TableSketch, b: TableSketch, name: string): ColumnSketch {
  const [one, other] = [a.columns[name], b.columns[name]];
  if (one === undefined || other === undefined || one.profile.kind !== other.profile.kind) {
    const known = other ?? one!; // the later one's kind holds
    return { ...known, profile: { ...known.profile, missing: known.profile.missing + (other === undefined ? b.rows : a.rows) } };
  }
  const distinct = new DistinctSketch(one.distinct);
  distinct.merge(new DistinctSketch(other.distinct));
  const lengths = one.lengths === null || other.lengths === null ? one.lengths ?? other.lengths
    : { min: Math.min(one.lengths.min, other.lengths.min), max: Math.max(one.lengths.max, other.lengths.max), sum: one.lengths.sum + other.lengths.sum };
  return { profile: mergeProfiles<ColumnProfile>(one.profile, other.profile), distinct: distinct.text(), lengths };
}

function summariseColumn(name: string, { profile, distinct, lengths }: ColumnSketch): ColumnSummary {
  const { count, missing } = profile;
  const known = { name, kind: profile.kind, count, missing, missingShare: missing / Math.max(1, count + missing), distinct: Math.min(count, new DistinctSketch(distinct).estimate()) };
  if (profile.kind === "numeric") return count === 0 ? known : { ...known, numbers: summariseNumbers(profile) };
  return {
    ...known, ...(lengths === null ? {} : { texts: { shortest: lengths.min, longest: lengths.max, meanLength: lengths.sum / count } }),
    topValues: profile.values.slice(0, TOP).map(([value, amount]) => ({ value, count: amount, share: amount / Math.max(1, count) })), countError: profile.countError,
  };
}

const SHARES = { p01: 0.01, p05: 0.05, p25: 0.25, p50: 0.5, p75: 0.75, p95: 0.95, p99: 0.99 } as const;
const BINS = 20;

function summariseNumbers(profile: NumericProfile): NonNullable<ColumnSummary["numbers"]> {
  const values = QuantileSketch.from(profile.sketch).quantiles(Object.values(SHARES));
  const quantiles = Object.fromEntries(Object.keys(SHARES).map((name, at) => [name, values[at]!])) as Record<keyof typeof SHARES, number>; // the same keys
  return { min: profile.minimum!, max: profile.maximum!, mean: profile.mean, standardDeviation: Math.sqrt(profile.variance), quantiles, histogram: histogramOf(profile, quantiles) };
}

function histogramOf({ sketch, minimum, maximum }: NumericProfile, { p01, p99 }: { readonly p01: number; readonly p99: number }): readonly { readonly from: number; readonly to: number; readonly count: number }[] {
  if (p01 === p99) return [{ from: minimum!, to: maximum!, count: sketch.count }];
  const width = (p99 - p01) / BINS;
  const counts = new Float64Array(BINS);
  for (const [height, level] of sketch.levels.entries()) {
    for (const value of level) {
      const bin = Math.min(BINS - 1, Math.max(0, Math.floor((value - p01) / width)));
      counts[bin] = counts[bin]! + 2 ** height;
    }
  }
  return Array.from(counts, (count, bin) => ({ from: bin === 0 ? minimum! : p01 + bin * width, to: bin === BINS - 1 ? maximum! : p01 + (bin + 1) * width, count }));
}

/** The later profile counted against the earlier one's cells or categories, as live values would have been. */
function liveOf(baseline: ColumnProfile, profile: ColumnProfile): LiveSnapshot {
  return baseline.kind === "numeric" ? liveNumbers(baseline, profile as NumericProfile) : liveCategories(baseline, profile as CategoricalProfile); // compareTables checked the kinds
}

function liveNumbers(baseline: NumericProfile, { count, mean, variance, minimum, maximum, missing, sketch }: NumericProfile): LiveSnapshot {
  const cells = Array.from({ length: 2 * baseline.edges.length + 1 }, () => 0);
  for (const [height, level] of sketch.levels.entries()) {
    for (const value of level) cells[cellOf(baseline.edges, value)]! += 2 ** height;
  }
  return { kind: "numeric", baseline: baseline.digest, count, mean, variance, minimum, maximum, missing, cells };
}

function liveCategories(baseline: CategoricalProfile, { count, missing, values, other }: CategoricalProfile): LiveSnapshot {
  const amounts = new Map(values);
  const counts = baseline.values.map(([value]) => amounts.get(value) ?? 0);
  const known = new Set(baseline.values.map(([value]) => value));
  const newValues = values.filter(([value]) => !known.has(value));
  const unseen = newValues.reduce((sum, [, amount]) => sum + amount, 0);
  return { kind: "categorical", baseline: baseline.digest, count, missing, counts, other: unseen + other, newValues: newValues.slice(0, 32) };
}

/** See NumericProfile: cell 2i + 1 holds values equal to edge i, cell 2i those below it. */
function cellOf(edges: readonly number[], value: number): number {
  let low = 0, high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low < edges.length && edges[low] === value ? 2 * low + 1 : 2 * low;
}

function extreme(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null || b === null ? a ?? b : choose(a, b);
}
