/**
 * Online = offline over every aggregation and every kind of window: a stream that arrives out of order within its
 * lateness is applied to the online state, answers are read and logged on the way, and afterwards each is computed
 * again by the point-in-time join as of the offset it was read at. Beside it the same events, sorted, in a state of
 * their own: its answers must be the same, bit for bit. Shared by the bench and the scenario.
 */
import { approximateDistinct, count, defineEntity, defineFeatureView, defineStream, distinct, first, histogram, last, lastN, max, mean, min, quantile, standardDeviation, sum, topK, variance, z } from "strata";
import type { Aggregation, FeatureView } from "strata";
import { createPointInTimeIndex, createRandom, createViewState } from "strata/testing";
import type { SpillStore } from "strata/testing";

const MINUTE_MS = 60_000;
const LATENESS_MS = 30 * MINUTE_MS;
/** A week around the night in which clocks in Paris go back. */
const START_MS = Date.parse("2026-10-22T00:00:00+02:00");
const SPAN_MS = 7 * 86_400_000;
/** Events that arrive together. */
const BATCH = 200;

const readings = defineStream("readings", {
  schema: z.object({ device: z.string(), value: z.number().optional(), error: z.boolean().optional(), state: z.string().optional() }), lateness: "30m",
});

const WINDOWS: Readonly<Record<string, <T>(feature: Aggregation<T>) => Aggregation<T>>> = {
  lifetime: (feature) => feature,
  sliding: (feature) => feature.over("6h"),
  tumbling: (feature) => feature.tumbling("1h"),
  hopping: (feature) => feature.hopping("3h", { every: "1h" }),
  calendar: (feature) => feature.tumbling("1d", { timeZone: "Europe/Paris" }),
  session: (feature) => feature.session("10m", { atMost: "4h" }),
};

/** One view per kind of window, each with every aggregation. */
export const WINDOW_VIEWS: readonly FeatureView[] = Object.entries(WINDOWS).map(([name, within]) => defineFeatureView(`by_${name}`, {
  entities: [defineEntity("device")], from: readings, by: (e) => ({ device: e.device }),
  features: (e): Readonly<Record<string, Aggregation<unknown>>> => {
    const features: Readonly<Record<string, Aggregation<unknown>>> = {
      count: count(), errors: count().where(e.error), sum: sum(e.value), mean: mean(e.value), variance: variance(e.value), deviation: standardDeviation(e.value), min: min(e.value), max: max(e.value),
      first: first(e.value), first_state: first(e.state), last: last(e.value), last_error: last(e.error), recent: lastN(e.value, 3), states: lastN(e.state, 2),
      top_state: topK(e.state, 2), top_value: topK(e.value, 2), distinct: distinct(e.value), about: approximateDistinct(e.value), median: quantile(e.value, 0.5), tails: quantile(e.value, [0.05, 0.95]),
      spread: histogram(e.value, [-10, 0, 10, 100]),
    };
    return Object.fromEntries(Object.entries(features).map(([feature, aggregation]) => [feature, within(aggregation)]));
  },
}));

export interface ReplayOptions {
  readonly events: number;
  /** Logged answers, over all views. */
  readonly answers: number;
  readonly devices: number;
  readonly seed: number;
  /** With a bound on the rows in memory, which the answers must not show. */
  readonly spill?: { readonly residentBytes: number; readonly open: () => SpillStore };
}

export interface ReplayReport {
  readonly answers: number;
  readonly cells: number;
  /** Cells that are not missing. */
  readonly present: number;
  readonly mismatches: number;
  /** Cells that differ between the shuffled and the sorted stream at its end. */
  readonly orderMismatches: number;
  readonly orderCells: number;
  /** Events that arrived after a later one. */
  readonly outOfOrder: number;
  readonly spilledEntities: number;
  readonly applyMs: number;
  readonly onlineMs: number;
  readonly offlineMs: number;
  readonly examples: readonly string[];
}

interface Arrival {
  readonly timeMs: number;
  readonly row: { readonly device: string; readonly value?: number; readonly error?: boolean; readonly state?: string };
}

type Cell = number | string | boolean | null;

export function replayWindows(options: ReplayOptions): ReplayReport {
  const arrivals = drawArrivals(options);
  const report = { answers: 0, cells: 0, present: 0, mismatches: 0, orderMismatches: 0, orderCells: 0, spilledEntities: 0, applyMs: 0, onlineMs: 0, offlineMs: 0 };
  const examples: string[] = [];
  WINDOW_VIEWS.forEach((view, index) => {
    const wanted = Math.floor(options.answers / WINDOW_VIEWS.length) + (index < options.answers % WINDOW_VIEWS.length ? 1 : 0);
    const found = replayView(view, arrivals, { ...options, answers: wanted, seed: options.seed + index });
    for (const key of Object.keys(report) as (keyof typeof report)[]) report[key] += found[key]; // its own keys
    examples.push(...found.examples);
  });
  let latestMs = Number.NEGATIVE_INFINITY, outOfOrder = 0;
  for (const { timeMs } of arrivals) {
    if (timeMs < latestMs) outOfOrder++;
    latestMs = Math.max(latestMs, timeMs);
  }
  return { ...report, outOfOrder, examples: examples.slice(0, 10) };
}

/** Ties, copies, missing and equal values, hot and rare devices; in the order of arrival. */
function drawArrivals({ events, devices, seed }: ReplayOptions): readonly Arrival[] {
  const random = createRandom(seed);
  const drawn = Array.from({ length: events }, (): Arrival & { readonly arrivesMs: number } => {
    const timeMs = START_MS + Math.floor(random.next() * (SPAN_MS / MINUTE_MS)) * MINUTE_MS + (random.integer(3) === 0 ? 0 : random.integer(MINUTE_MS)); // a third falls on whole minutes
    const value = random.integer(8) === 0 ? undefined : random.integer(3) === 0 ? random.integer(20) - 5 : (random.next() - 0.3) * 10 ** random.integer(4);
    const row = {
      device: `device-${Math.floor(devices ** random.next()) - 1}`,
      ...(value === undefined ? {} : { value }), ...(random.integer(4) === 0 ? {} : { error: random.integer(5) === 0 }), ...(random.integer(4) === 0 ? {} : { state: ["idle", "busy", "off"][random.integer(3)]! }),
    };
    return { timeMs, row, arrivesMs: timeMs + (random.integer(2) === 0 ? 0 : random.integer(LATENESS_MS)) };
  }).toSorted((a, b) => a.arrivesMs - b.arrivesMs);
  return drawn.flatMap((arrival, index) => (index % 50 === 0 ? [arrival, arrival] : [arrival])); // one in fifty comes twice
}

function replayView(view: FeatureView, arrivals: readonly Arrival[], { answers, devices, seed, spill }: ReplayOptions) {
  const random = createRandom(seed);
  const state = createViewState(view, spill === undefined ? {} : { spill });
  const log: { readonly device: string; readonly atMs: number; readonly limit: number; readonly cells: readonly Cell[] }[] = [];
  const batches = Math.ceil(arrivals.length / BATCH);
  let applyMs = 0, onlineMs = 0;
  for (let batch = 0; batch < batches; batch++) {
    const begin = performance.now();
    apply(state, arrivals, batch * BATCH);
    applyMs += performance.now() - begin;
    const due = Math.floor(((batch + 1) * answers) / batches);
    const latestMs = state.progress.latestMs;
    const reading = performance.now();
    while (log.length < due) {
      const device = `device-${Math.floor((devices + 1) ** random.next()) - 1}`; // one that never sent anything among them
      const atMs = Math.max(latestMs - LATENESS_MS, latestMs - LATENESS_MS / 2 + random.integer(LATENESS_MS));
      log.push({ device, atMs, limit: state.progress.nextOffset - 1, cells: cellsOf(view, state.read([device], atMs)) });
    }
    onlineMs += performance.now() - reading;
  }

  const joining = performance.now();
  const index = createPointInTimeIndex(view, toColumns(arrivals), { known: "offset" });
  const columns = Object.values(index.query({
    entities: index.resolve([log.map(({ device }) => device)]), timesMs: Float64Array.from(log, ({ atMs }) => atMs), knownLimits: Float64Array.from(log, ({ limit }) => limit),
  }));
  const offlineMs = performance.now() - joining;
  const examples: string[] = [];
  let mismatches = 0, cells = 0, present = 0;
  log.forEach((answer, row) => {
    answer.cells.forEach((online, column) => {
      cells++;
      if (online !== null) present++;
      const offline = cellAt(columns[column]!, row);
      if (Object.is(online, offline)) return;
      mismatches++;
      if (examples.length < 3) examples.push(`${view.name} ${answer.device} at ${answer.atMs}: column ${column} was ${String(online)}, is ${String(offline)}`);
    });
  });

  const sorted = createViewState(view);
  const inOrder = arrivals.toSorted((a, b) => a.timeMs - b.timeMs);
  for (let from = 0; from < inOrder.length; from += BATCH) apply(sorted, inOrder, from);
  let orderMismatches = 0, orderCells = 0;
  for (let device = 0; device < Math.min(devices, 200); device++) {
    for (const agoMs of [0, LATENESS_MS / 3, LATENESS_MS]) {
      const [a, b] = [state, sorted].map((each) => cellsOf(view, each.read([`device-${device}`], state.progress.latestMs - agoMs)));
      a!.forEach((cell, column) => {
        orderCells++;
        if (!Object.is(cell, b![column])) orderMismatches++;
      });
    }
  }
  const spilledEntities = state.store.spillStatistics()?.entities ?? 0;
  state.store.close();
  return { answers: log.length, cells, present, mismatches, orderMismatches, orderCells, spilledEntities, applyMs, onlineMs, offlineMs, examples };
}

/** As the follower of the stream does it. */
function apply(state: ReturnType<typeof createViewState>, arrivals: readonly Arrival[], from: number): void {
  const part = arrivals.slice(from, from + BATCH);
  const timesMs = Float64Array.from(part, ({ timeMs }) => timeMs);
  state.apply({ stream: "readings", baseOffset: from, rows: part.map(({ row }) => row), timesMs, knownAtMs: timesMs });
  state.evict({ nowMs: state.progress.latestMs, latenessMs: LATENESS_MS, visits: part.length });
}

/** A row of features as one cell per column. */
function cellsOf(view: FeatureView, row: ReturnType<ReturnType<typeof createViewState>["read"]>): readonly Cell[] {
  return Object.values(view.features).flatMap((node, feature): readonly Cell[] => {
    const value = row[feature]!;
    const width = node.size ?? (node.aggregation === "quantiles" ? node.quantiles!.length : node.edges === undefined ? undefined : node.edges.length + 1);
    if (width === undefined) return [value as Cell]; // not a list
    return value === null ? Array.from({ length: width }, () => null) : value as readonly Cell[];
  });
}

type Column = Parameters<typeof createPointInTimeIndex>[1]["columns"][string];

function cellAt(column: Column, row: number): Cell {
  if (column.kind === "text") return column.dictionary[column.codes[row]!] ?? null;
  const value = column.values[row]!;
  if (column.kind === "boolean") return value < 0 ? null : value === 1;
  return Number.isNaN(value) ? null : value;
}

function toColumns(arrivals: readonly Arrival[]): Parameters<typeof createPointInTimeIndex>[1] {
  const timesMs = Float64Array.from(arrivals, ({ timeMs }) => timeMs);
  const text = (values: readonly (string | undefined)[]): Column => {
    const dictionary = [...new Set(values.filter((value) => value !== undefined))];
    const codes = new Map(dictionary.map((value, code) => [value, code]));
    return { kind: "text", codes: Int32Array.from(values, (value) => (value === undefined ? -1 : codes.get(value)!)), dictionary };
  };
  return {
    rows: arrivals.length, offsets: Float64Array.from(arrivals, (_, offset) => offset), timesMs, knownAtMs: timesMs,
    columns: {
      device: text(arrivals.map(({ row }) => row.device)), state: text(arrivals.map(({ row }) => row.state)),
      value: { kind: "number", values: Float64Array.from(arrivals, ({ row }) => row.value ?? Number.NaN) },
      error: { kind: "boolean", values: Int8Array.from(arrivals, ({ row }) => (row.error === undefined ? -1 : Number(row.error))) },
    },
  };
}
