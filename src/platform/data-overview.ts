/** Gathers the data part of the overview. What asks SQL is remembered for a while: the overview is drawn every second. */
import type { Lake, QualityMonitor, RuleVerdict } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { HistogramSeries, TelemetryStore } from "../observe/index.ts";
import type { ColumnOverview, DataOverview, ExpectationsOverview, ProfileOverview, StreamDataOverview } from "../protocols/admin/data-overview.ts";
import type { QualityLayer, StreamProfile } from "./quality-layer.ts";

export interface DataOverviewSources {
  readonly application: () => Application;
  readonly dataQuality: QualityMonitor;
  readonly qualityWork: QualityLayer;
  readonly lake: Lake;
  readonly telemetry: TelemetryStore;
  readonly clock: Clock;
}

const REMEMBERED_MS = 10_000;
const SAMPLES_SHOWN = 3;
const BARS = 20;
const CHARACTERS = 200;

/** undefined when the definition has no stream. */
export function createDataOverview({ application, dataQuality, qualityWork, lake, telemetry, clock }: DataOverviewSources): () => Promise<DataOverview | undefined> {
  let storage: { readonly atMs: number; readonly found: ReturnType<Lake["storage"]> } | undefined;
  const storageNow = (): ReturnType<Lake["storage"]> => {
    const nowMs = clock.monotonicMs();
    if (storage === undefined || nowMs - storage.atMs > REMEMBERED_MS) storage = { atMs: nowMs, found: lake.storage() };
    return storage.found;
  };

  return async () => {
    const streams = [...application().streams.keys()];
    if (streams.length === 0) return undefined;
    const stored = new Map((await storageNow()).map((one) => [one.stream, one]));
    const waiting = lake.statistics();
    const freshness = freshnessOf(telemetry);
    return {
      streams: streams.map((stream): StreamDataOverview => {
        const fresh = freshness.get(stream);
        return {
          stream, waitingRows: waiting[stream]?.waitingRows ?? 0,
          tiers: Object.entries(stored.get(stream)?.tiers ?? {}).filter(([, { files }]) => files > 0).map(([tier, { files, sizeBytes }]) => ({ tier, files, sizeBytes })),
          ...(fresh === undefined ? {} : { freshnessMs: fresh }),
        };
      }),
      expectations: dataQuality.states().map(({ name, description, stream, stop, verdicts }): ExpectationsOverview => ({
        name, description, stream, ...(stop === null ? {} : { stopped: { atMs: stop.atMs, rule: stop.rule, reason: stop.reason } }),
        rules: verdicts.map((verdict) => ruleOverview(verdict, dataQuality.trend(name, verdict.rule))),
      })),
      profiles: streams.flatMap((stream) => {
        const profile = qualityWork.lastProfile(stream);
        return profile === undefined ? [] : [profileOverview(profile)];
      }),
    };
  };
}

function ruleOverview({ rule, action, status, sentence, because, samples }: RuleVerdict, trend: readonly number[]): ExpectationsOverview["rules"][number] {
  return {
    rule, action, status, sentence, because, trend,
    samples: samples.slice(0, SAMPLES_SHOWN).map(({ place, values, deadLetterId }) => ({ place, values: shortened(values), ...(deadLetterId === undefined ? {} : { deadLetterId }) })),
  };
}

/** The page is sent every second to everybody who looks. */
function shortened(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(values).map(([field, value]) => [field, typeof value === "string" ? value.slice(0, CHARACTERS) : value]));
}

function profileOverview({ stream, rows, columns }: StreamProfile): ProfileOverview {
  return {
    stream, rows,
    columns: columns.map(({ name, kind, missingShare, distinct, numbers, topValues }): ColumnOverview => ({
      name, kind, missingShare, distinct,
      bars: numbers ? numbers.histogram.map(({ from, to, count }) => ({ label: `${short(from)} to ${short(to)}`, count }))
        : (topValues ?? []).slice(0, BARS).map(({ value, count }) => ({ label: value.slice(0, CHARACTERS), count })),
    })),
  };
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function freshnessOf(telemetry: TelemetryStore): ReadonlyMap<string, { readonly p50: number; readonly p99: number }> {
  const instrument = telemetry.snapshot({ only: ["strata_feature_freshness_seconds"] }).instruments[0];
  if (instrument?.kind !== "histogram") return new Map();
  return new Map(instrument.series.flatMap((series: HistogramSeries) => {
    const { p50, p99 } = series.rolling;
    return p50 === null || p99 === null ? [] : [[series.labels["stream"] ?? "", { p50: p50 * 1_000, p99: p99 * 1_000 }] as const];
  }));
}
