/**
 * The Prometheus text exposition format, version 0.0.4, of a telemetry snapshot.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ : HELP and TYPE before the samples of a metric,
 * one group per metric, label values escaped. Counters end in `_total`. Histograms are rendered as cumulative
 * buckets at powers of two (replicas can be added up), or as summaries with the quantiles of the last minute.
 */
import type { HistogramSeries, InstrumentSnapshot, TelemetrySnapshot } from "../../observe/index.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;

export interface PrometheusTextOptions {
  /** `buckets` unless given. */
  readonly histograms?: "buckets" | "summary";
  /** Buckets end at the powers of two from 2^lowest to 2^highest; −4 … 20 unless given: 0.06 ms to 17 min, or 1 MiB. */
  readonly lowestExponent?: number;
  readonly highestExponent?: number;
}

/** The body of `GET /metrics`; every line ends in a line feed. Instruments without a series are left out. */
export function renderPrometheusText(snapshot: TelemetrySnapshot, options: PrometheusTextOptions = {}): string {
  return snapshot.instruments.filter((instrument) => instrument.series.length > 0).map((instrument) => renderInstrument(instrument, options)).join("");
}

function renderInstrument(instrument: InstrumentSnapshot, options: PrometheusTextOptions): string {
  if (instrument.kind === "gauge") {
    return heading(instrument.name, instrument.help, "gauge") + instrument.series.map(({ labels, value }) => sample(instrument.name, labels, value)).join("");
  }
  if (instrument.kind === "counter") {
    const name = instrument.name.endsWith("_total") ? instrument.name : `${instrument.name}_total`;
    return heading(name, instrument.help, "counter") + instrument.series.map(({ labels, value }) => sample(name, labels, value)).join("");
  }
  const asSummary = options.histograms === "summary";
  const render = asSummary ? renderSummary : renderBuckets;
  return heading(instrument.name, instrument.help, asSummary ? "summary" : "histogram")
    + instrument.series.map((series) => render(instrument.name, series, options) + sumAndCount(instrument.name, series)).join("");
}

function renderBuckets(name: string, series: HistogramSeries, options: PrometheusTextOptions): string {
  const { lowestExponent = -4, highestExponent = 20 } = options;
  let text = "";
  for (let exponent = lowestExponent; exponent <= highestExponent; exponent++) {
    const bound = 2 ** exponent;
    text += sample(`${name}_bucket`, { ...series.labels, le: number(bound) }, countUpTo(series, bound));
  }
  return text + sample(`${name}_bucket`, { ...series.labels, le: "+Inf" }, series.count);
}

/** Exact, because octaves end at powers of two. */
function countUpTo(series: HistogramSeries, bound: number): number {
  return series.octaves.findLast((octave) => octave.upperBound <= bound)?.count ?? 0;
}

function renderSummary(name: string, series: HistogramSeries): string {
  const { p50, p90, p99 } = series.rolling;
  const quantiles = [["0.5", p50], ["0.9", p90], ["0.99", p99]] as const;
  return quantiles.map(([quantile, value]) => sample(name, { ...series.labels, quantile }, value ?? Number.NaN)).join("");
}

function sumAndCount(name: string, series: HistogramSeries): string {
  return sample(`${name}_sum`, series.labels, series.sum) + sample(`${name}_count`, series.labels, series.count);
}

function heading(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabelValue(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${number(value)}\n`;
}

function escapeLabelValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"").replaceAll("\n", "\\n");
}

/** As Go's ParseFloat reads it. */
function number(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}
