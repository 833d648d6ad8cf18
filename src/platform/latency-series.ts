/** The latency of each endpoint as telemetry has it, by endpoint. */
import type { HistogramSeries, TelemetryStore } from "../observe/index.ts";

export function latencySeries(telemetry: TelemetryStore): ReadonlyMap<string, HistogramSeries> {
  const instrument = telemetry.snapshot({ only: ["strata_endpoint_seconds"] }).instruments[0];
  if (instrument?.kind !== "histogram") return new Map();
  return new Map(instrument.series.map((series) => [series.labels["endpoint"] ?? "", series]));
}

