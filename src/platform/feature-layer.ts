/** The feature store over the data layer: what feature services, Feast's API and the catalogue read and ask for. */
import { createOnlineFeatureReader } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import type { FeatureReadParts } from "../protocols/admin/feature-read.ts";
import type { FeastParts } from "../protocols/feast/feast.ts";
import type { FeastDocuments } from "../protocols/feast/search.ts";
import type { DataLayer } from "./data-layer.ts";

export interface FeatureLayer {
  readonly reads: FeatureReadParts;
  readonly feast: FeastParts;
}

export interface FeatureLayerOptions {
  readonly data: DataLayer;
  readonly application: () => Application;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Meter;
  readonly documents: FeastDocuments;
}

export function createFeatureLayer({ data, application, clock, logger, telemetry, documents }: FeatureLayerOptions): FeatureLayer {
  const { features, ingestion } = data;
  const reader = createOnlineFeatureReader({ features, clock, meter: telemetry, logger });
  const streamsOf = (views: readonly string[]): readonly string[] => [...new Set(views.flatMap((view) => application().featureViews.get(view)?.from.name ?? []))];
  return {
    reads: { application, reader },
    feast: {
      application, reader, ingestion, documents,
      isHealthy: () => features.health().ok,
      materialization: {
        building: () => features.statistics().filter(({ rebuild }) => rebuild !== undefined).map(({ view }) => view),
        rebuild: (views) => features.rebuild(views).ready,
        catchUp: (views) => features.fresh(streamsOf(views)),
      },
    },
  };
}
