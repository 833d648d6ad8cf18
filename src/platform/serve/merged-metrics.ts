/** The metrics of several processes as one snapshot: counters and gauges add up, histograms add their buckets. Pure. */
import type { InstrumentSnapshot, TelemetrySnapshot } from "../../observe/index.ts";

type Kind = InstrumentSnapshot["kind"];
type SeriesOf<K extends Kind> = Extract<InstrumentSnapshot, { kind: K }>["series"][number];
type Series = SeriesOf<Kind>;

/** Quantiles and rates of single processes cannot be added; they are left empty, as nothing that reads buckets needs them. */
export function mergeSnapshots(snapshots: readonly TelemetrySnapshot[]): TelemetrySnapshot {
  const byName = Map.groupBy(snapshots.flatMap(({ instruments }) => instruments), ({ name, kind }) => `${name} ${kind}`);
  const instruments = [...byName.values()].map(mergeInstruments).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { timeMs: Math.max(0, ...snapshots.map(({ timeMs }) => timeMs)), startedMs: Math.min(...snapshots.map(({ startedMs }) => startedMs)), instruments };
}

function mergeInstruments(same: readonly InstrumentSnapshot[]): InstrumentSnapshot {
  const first = same[0]!; // a group has a member
  const all: readonly Series[] = same.flatMap(({ series }) => series as readonly Series[]);
  const groups = Map.groupBy(all, ({ labels }) => JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))));
  const series = [...groups.values()].map((group) => group.reduce(addSeries));
  const counts = {
    overflowedRecords: same.reduce((sum, { overflowedRecords }) => sum + overflowedRecords, 0),
    refusedRecords: same.reduce((sum, { refusedRecords }) => sum + refusedRecords, 0),
  };
  return { ...first, ...counts, series } as InstrumentSnapshot; // all of one kind
}

function addSeries(a: Series, b: Series): Series {
  if (!("octaves" in a) || !("octaves" in b)) return { ...a, value: valueOf(a) + valueOf(b) }; // counters and gauges have a value
  const bounds = [...new Set([...a.octaves, ...b.octaves].map(({ upperBound }) => upperBound))].toSorted((x, y) => x - y);
  return {
    ...a, count: a.count + b.count, sum: a.sum + b.sum, minimum: least(a.minimum, b.minimum, Math.min), maximum: least(a.maximum, b.maximum, Math.max),
    octaves: bounds.map((upperBound) => ({ upperBound, count: countUpTo(a, upperBound) + countUpTo(b, upperBound) })),
    total: NONE, rolling: { ...NONE, count: a.rolling.count + b.rolling.count },
  };
}

const NONE = { p50: null, p90: null, p99: null };

function valueOf(series: Series): number {
  return "value" in series ? series.value : 0;
}

function countUpTo({ octaves }: SeriesOf<"histogram">, bound: number): number {
  return octaves.findLast(({ upperBound }) => upperBound <= bound)?.count ?? 0;
}

function least(a: number | null, b: number | null, pick: (x: number, y: number) => number): number | null {
  return a === null || b === null ? a ?? b : pick(a, b);
}
