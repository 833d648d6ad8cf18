/** What a telemetry store shows: plain data for the console, the command line and the Prometheus endpoint. */
import type { Labels } from "../../ports/telemetry.ts";
import type { OctaveCount } from "./log-histogram.ts";

/** Amount per second over the last finished 1, 10 and 60 seconds. */
export interface Rates {
  readonly last1s: number;
  readonly last10s: number;
  readonly last60s: number;
}

/** Each within 1 % of the value at its rank; null while nothing was recorded. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

export interface CounterSeries {
  readonly labels: Labels;
  readonly value: number;
  readonly perSecond: Rates;
  /** Amount of each of the last 60 finished seconds, oldest first; only when history was asked for. */
  readonly history?: readonly number[];
}

export interface GaugeSeries {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSeries {
  readonly labels: Labels;
  readonly count: number;
  readonly sum: number;
  readonly minimum: number | null;
  readonly maximum: number | null;
  /** Records per second. */
  readonly perSecond: Rates;
  readonly total: Quantiles;
  /** The last 50 to 60 seconds: five full windows of 10 s and the present one. */
  readonly rolling: Quantiles & { readonly count: number };
  /** Cumulative counts at powers of two. */
  readonly octaves: readonly OctaveCount[];
  /** Records of each of the last 60 finished seconds, oldest first; only when history was asked for. */
  readonly history?: readonly number[];
}

interface Described<Kind extends string, Series> {
  readonly kind: Kind;
  readonly name: string;
  readonly help: string;
  readonly series: readonly Series[];
  /** Records whose labels did not fit the bounds and went to the series overflow="true". */
  readonly overflowedRecords: number;
  /** Records ignored because the value was not finite (or negative, for a counter). */
  readonly refusedRecords: number;
}

export type InstrumentSnapshot =
  | Described<"counter", CounterSeries>
  | Described<"gauge", GaugeSeries>
  | Described<"histogram", HistogramSeries>;

export interface TelemetrySnapshot {
  readonly timeMs: number;
  readonly startedMs: number;
  /** In the order of their names. */
  readonly instruments: readonly InstrumentSnapshot[];
}
