/**
 * Counter, gauge and histogram of the in-process store. A record finds its series and adds to it, nothing else;
 * values that are not finite are counted as refused instead of poisoning a sum.
 */
import type { Counter, Gauge, Histogram, Labels } from "../../ports/telemetry.ts";
import { LogHistogram } from "./log-histogram.ts";
import { RateWindow } from "./rate-window.ts";
import { SeriesIndex } from "./series-index.ts";
import type { CounterSeries, GaugeSeries, HistogramSeries, InstrumentSnapshot, Quantiles, Rates } from "./snapshot.ts";

const HISTORY_SECONDS = 60;
const SUB_WINDOW_SECONDS = 10;
const SUB_WINDOWS = 6;

/** The present second, as seen by the store that owns the instruments. */
export interface SecondSource {
  second(): number;
}

export interface InstrumentOptions {
  readonly name: string;
  readonly help: string;
  readonly maximumSeries: number;
  readonly time: SecondSource;
}

/** When and how the snapshot is taken. */
export interface SnapshotMoment {
  readonly second: number;
  readonly startedMs: number;
  readonly history: boolean;
}

export interface Instrument {
  readonly kind: InstrumentSnapshot["kind"];
  snapshot(moment: SnapshotMoment): InstrumentSnapshot;
}

export class StoredCounter implements Counter, Instrument {
  readonly kind = "counter";
  readonly #options: InstrumentOptions;
  readonly #index: SeriesIndex<{ value: number; readonly rate: RateWindow }>;
  #refusedRecords = 0;

  constructor(options: InstrumentOptions) {
    this.#options = options;
    const create = () => ({ value: 0, rate: new RateWindow(options.time.second()) });
    this.#index = new SeriesIndex({ maximumSeries: options.maximumSeries, reservedLabels: [], create });
  }

  add(amount: number, labels?: Labels): void {
    if (!(amount >= 0 && amount < Number.POSITIVE_INFINITY)) {
      this.#refusedRecords++;
      return;
    }
    const series = this.#index.find(labels);
    series.value += amount;
    series.rate.add(amount, this.#options.time.second());
  }

  snapshot(moment: SnapshotMoment): InstrumentSnapshot {
    const series = this.#index.entries().map(({ labels, series: { value, rate } }): CounterSeries =>
      ({ labels, value, perSecond: ratesOf(rate, moment), ...historyOf(rate, moment) }));
    return { kind: "counter", ...describe(this.#options, this.#index, this.#refusedRecords), series };
  }
}

export class StoredGauge implements Gauge, Instrument {
  readonly kind = "gauge";
  readonly #options: InstrumentOptions;
  readonly #index: SeriesIndex<{ value: number }>;
  #refusedRecords = 0;

  constructor(options: InstrumentOptions) {
    this.#options = options;
    this.#index = new SeriesIndex({ maximumSeries: options.maximumSeries, reservedLabels: [], create: () => ({ value: 0 }) });
  }

  set(value: number, labels?: Labels): void {
    if (Number.isFinite(value)) this.#index.find(labels).value = value + 0; // no −0, which JSON cannot hold
    else this.#refusedRecords++;
  }

  snapshot(): InstrumentSnapshot {
    const series = this.#index.entries().map(({ labels, series: { value } }): GaugeSeries => ({ labels, value }));
    return { kind: "gauge", ...describe(this.#options, this.#index, this.#refusedRecords), series };
  }
}

export class StoredHistogram implements Histogram, Instrument {
  readonly kind = "histogram";
  readonly #options: InstrumentOptions;
  readonly #index: SeriesIndex<RollingHistogram>;
  #refusedRecords = 0;

  constructor(options: InstrumentOptions) {
    this.#options = options;
    const create = () => new RollingHistogram(options.time.second());
    this.#index = new SeriesIndex({ maximumSeries: options.maximumSeries, reservedLabels: ["le", "quantile"], create });
  }

  record(value: number, labels?: Labels): void {
    if (Number.isFinite(value)) this.#index.find(labels).record(value, this.#options.time.second());
    else this.#refusedRecords++;
  }

  snapshot(moment: SnapshotMoment): InstrumentSnapshot {
    const series = this.#index.entries().map(({ labels, series }) => series.snapshot(labels, moment));
    return { kind: "histogram", ...describe(this.#options, this.#index, this.#refusedRecords), series };
  }
}

/**
 * A ring of sub-windows and what has left it: a record touches only the present sub-window, and a sub-window
 * that leaves the ring is merged into the rest, so total and rolling view cost one increment together.
 */
class RollingHistogram {
  readonly #ring = Array.from({ length: SUB_WINDOWS }, () => new LogHistogram());
  readonly #past = new LogHistogram();
  readonly #rate: RateWindow;
  #second: number;
  #window: number;
  #present: LogHistogram;

  constructor(second: number) {
    this.#rate = new RateWindow(second);
    this.#second = second;
    this.#window = Math.floor(second / SUB_WINDOW_SECONDS);
    this.#present = this.#ring[this.#window % SUB_WINDOWS]!;
  }

  record(value: number, second: number): void {
    if (second > this.#second) this.#moveTo(second);
    this.#present.record(value);
    this.#rate.add(1, second);
  }

  snapshot(labels: Labels, moment: SnapshotMoment): HistogramSeries {
    this.#moveTo(moment.second);
    const rolling = new LogHistogram();
    for (const window of this.#ring) rolling.merge(window);
    const total = new LogHistogram();
    total.merge(this.#past);
    total.merge(rolling);
    return {
      labels, count: total.count, sum: total.sum,
      minimum: total.count > 0 ? total.minimum : null, maximum: total.count > 0 ? total.maximum : null,
      perSecond: ratesOf(this.#rate, moment), total: quantilesOf(total),
      rolling: { ...quantilesOf(rolling), count: rolling.count }, octaves: total.octaves(), ...historyOf(this.#rate, moment),
    };
  }

  #moveTo(second: number): void {
    if (second <= this.#second) return;
    this.#second = second;
    const window = Math.floor(second / SUB_WINDOW_SECONDS);
    for (let left = Math.min(window - this.#window, SUB_WINDOWS); left > 0; left--) this.#retire(window - left + 1);
    this.#window = window;
    this.#present = this.#ring[window % SUB_WINDOWS]!;
  }

  #retire(window: number): void {
    const leaving = this.#ring[window % SUB_WINDOWS]!;
    this.#past.merge(leaving);
    leaving.clear();
  }
}

function describe<S>(options: InstrumentOptions, index: SeriesIndex<S>, refusedRecords: number) {
  return { name: options.name, help: options.help, overflowedRecords: index.overflowedRecords, refusedRecords };
}

function ratesOf(rate: RateWindow, { second, startedMs }: SnapshotMoment): Rates {
  return {
    last1s: rate.perSecond(1, second, startedMs),
    last10s: rate.perSecond(10, second, startedMs),
    last60s: rate.perSecond(60, second, startedMs),
  };
}

function historyOf(rate: RateWindow, { second, history }: SnapshotMoment): { readonly history?: readonly number[] } {
  return history ? { history: rate.history(HISTORY_SECONDS, second) } : {};
}

function quantilesOf(histogram: LogHistogram): Quantiles {
  return { p50: histogram.quantile(0.5) ?? null, p90: histogram.quantile(0.9) ?? null, p99: histogram.quantile(0.99) ?? null };
}
