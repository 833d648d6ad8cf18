/** The feature store over the data layer: what feature services, Feast's API and the catalogue read and ask for. */
import { EVENT_AGE_METRIC, createOnlineFeatureReader, createReadSampler } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { TelemetryStore } from "../observe/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { CatalogueSources, FreshnessQuantiles, ViewFreshness } from "../protocols/admin/catalogue.ts";
import type { FeatureReadParts } from "../protocols/admin/feature-read.ts";
import type { FeastParts } from "../protocols/feast/feast.ts";
import type { FeastDocuments } from "../protocols/feast/search.ts";
import type { Config } from "./config.ts";
import type { DataLayer } from "./data-layer.ts";
import { createFeatureAudit } from "./feature-audit.ts";
import type { FeatureAudit } from "./feature-audit.ts";

export interface FeatureLayer {
  readonly reads: FeatureReadParts;
  readonly catalogue: CatalogueSources;
  readonly feast: FeastParts;
  /** Of sampled reads, after those on their way to the log are there. */
  readonly audit: FeatureAudit;
}

export interface FeatureLayerOptions {
  readonly data: DataLayer;
  readonly log: EventLog;
  readonly config: Pick<Config, "featureReadSampling">;
  readonly application: () => Application;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: TelemetryStore;
  readonly documents: FeastDocuments;
}

export function createFeatureLayer({ data, log, config, application, clock, logger, telemetry, documents }: FeatureLayerOptions): FeatureLayer {
  const { features, ingestion } = data;
  const sampler = createReadSampler({ log, logger, appliedOffset: features.appliedOffset, nextId: () => data.ids.next(), chance: Math.random, share: config.featureReadSampling });
  const reader = createOnlineFeatureReader({ features, clock, meter: telemetry, logger, onRead: sampler.offer });
  const audit = createFeatureAudit({ application, log, decoder: data.decoder, lake: data.lake, meter: telemetry });
  const streamsOf = (views: readonly string[]): readonly string[] => [...new Set(views.flatMap((view) => application().featureViews.get(view)?.from.name ?? []))];
  return {
    reads: { application, reader },
    audit: async (options) => {
      await sampler.settle();
      return await audit(options);
    },
    catalogue: { application, rebuild: (view) => { features.rebuild([view]); }, freshness: () => features.statistics().map((view) => freshnessOf(view, { log, telemetry })) },
    feast: {
      application, reader, ingestion, documents,
      isHealthy: () => features.health().ok,
      materialization: {
        building: () => features.statistics().filter(({ rebuild }) => rebuild !== undefined).map(({ view }) => view),
        rebuild: async (views) => { await features.rebuild(views).ready; },
        catchUp: (views) => features.fresh(streamsOf(views)),
      },
    },
  };
}

type ViewStatistics = ReturnType<DataLayer["features"]["statistics"]>[number];

function freshnessOf({ view, stream, entities, events, memoryBytes, appliedOffset, rebuild }: ViewStatistics, { log, telemetry }: { readonly log: EventLog; readonly telemetry: TelemetryStore }): ViewFreshness {
  return {
    view, stream, entities, eventsInMemory: events, memoryBytes, appliedOffset, waitingEvents: Math.max(0, log.statistics(stream).nextOffset - appliedOffset),
    appliedAfterSeconds: quantilesOf(telemetry, { instrument: "strata_feature_freshness_seconds", label: "stream", value: stream }),
    servedAgeSeconds: quantilesOf(telemetry, { instrument: EVENT_AGE_METRIC, label: "view", value: view }), ...(rebuild === undefined ? {} : { building: rebuild }),
  };
}

interface Wanted {
  readonly instrument: string;
  readonly label: string;
  readonly value: string;
}

function quantilesOf(telemetry: TelemetryStore, { instrument, label, value }: Wanted): FreshnessQuantiles {
  const found = telemetry.snapshot({ only: [instrument] }).instruments[0];
  const series = found?.kind === "histogram" ? found.series.find(({ labels }) => labels[label] === value) : undefined;
  return { count: series?.count ?? 0, p50: series?.total.p50 ?? null, p90: series?.total.p90 ?? null, p99: series?.total.p99 ?? null };
}
