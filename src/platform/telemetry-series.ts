/** Series of the telemetry store as the overview reads them: named instruments only, found by label. */
import type { CounterSeries, HistogramSeries, TelemetryStore } from "../observe/index.ts";

export interface TelemetrySeries {
  /** Of a counter; none when nobody has counted yet. */
  counters(name: string): readonly CounterSeries[];
  histograms(name: string): readonly HistogramSeries[];
}

export function readSeries(telemetry: TelemetryStore, only: readonly string[]): TelemetrySeries {
  const found = new Map(telemetry.snapshot({ only }).instruments.map((instrument) => [instrument.name, instrument]));
  return {
    counters: (name) => {
      const instrument = found.get(name);
      return instrument?.kind === "counter" ? instrument.series : [];
    },
    histograms: (name) => {
      const instrument = found.get(name);
      return instrument?.kind === "histogram" ? instrument.series : [];
    },
  };
}

/** Quantiles of the last minute, or of all time where nothing came within it; null before the first record. */
export function recentQuantiles({ rolling, total }: HistogramSeries): { readonly p50: number; readonly p99: number } | null {
  const { p50, p99 } = rolling.p50 === null ? total : rolling;
  return p50 === null || p99 === null ? null : { p50, p99 };
}

/** The value at the middle of the weights: a median of medians where only these are known. */
export function weightedMedian(values: readonly { readonly value: number; readonly weight: number }[]): number | null {
  const sorted = values.filter(({ weight }) => weight > 0).toSorted((a, b) => a.value - b.value);
  const half = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let seen = 0;
  return sorted.find(({ weight }) => (seen += weight) >= half)?.value ?? null;
}

export const sumOf = <T>(items: readonly T[], value: (item: T) => number): number => items.reduce((sum, item) => sum + value(item), 0);

/** Sums by reason, most frequent first. */
export function countReasons(series: readonly { readonly reason: string; readonly count: number }[]): readonly { readonly reason: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const { reason, count } of series) counts.set(reason, (counts.get(reason) ?? 0) + count);
  return Array.from(counts, ([reason, count]) => ({ reason, count })).filter(({ count }) => count > 0).toSorted((a, b) => b.count - a.count);
}
