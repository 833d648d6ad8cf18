/** Layer 2 over its engines: ingestion, features, candidates, the lake and data quality, started together and closed together. */
import { join, resolve } from "node:path";
import { createCandidateEngine, createEventDecoder, createFeatureEngine, createIngestion, createLake, createQualityMonitor, createSchemaRegistry, createStreamHistory, createWatermarkBoard } from "../data/index.ts";
import type { CandidateEngine, EventDecoder, FeatureEngine, Ingestion, Lake, QualityMonitor } from "../data/index.ts";
import type { Application, Model } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { createIdSource } from "../kernel/ids.ts";
import type { IdSource } from "../kernel/ids.ts";
import type { TelemetryStore } from "../observe/index.ts";
import { canTier } from "../ports/event-log.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Config } from "./config.ts";
import type { Engines } from "./engines.ts";
import { createFeatureGauges } from "./feature-gauges.ts";
import { createQualityLayer } from "./quality-layer.ts";
import { repeatWork } from "./repeating-work.ts";
import type { QualityLayer } from "./quality-layer.ts";
import { openStreamLayer, waitForDerivations } from "./stream-layer.ts";
import type { StreamLayer } from "./stream-layer.ts";

export interface DataLayer extends AsyncDisposable {
  readonly decoder: EventDecoder;
  readonly ids: IdSource;
  readonly ingestion: Ingestion;
  readonly features: FeatureEngine;
  readonly candidates: CandidateEngine;
  readonly lake: Lake;
  readonly dataQuality: QualityMonitor;
  readonly qualityWork: QualityLayer;
  readonly streams: StreamLayer;
  /** STREAM_SCHEMA_INCOMPATIBLE when a stream's compatibility does not allow its new schema. */
  checkDefinition(application: Application): Promise<void>;
  applyDefinition(application: Application): Promise<void>;
  checkpoint(): Promise<void>;
  /** Drops log segments that the definition's retention names, and that the lake and every derivation have; moves cold ones to the blob store where it says so. */
  retain(): Promise<void>;
  /** Whether lately arrived events are good enough to learn from. */
  quality(model: Model): { readonly ok: boolean; readonly reason: string };
}

export interface DataLayerOptions {
  readonly engines: Engines;
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: TelemetryStore;
  readonly application: () => Application;
}

/** A stream that refuses more than this share of its events is not learned from. */
const MAX_REFUSED_SHARE = 0.5;
const MINIMUM_EVENTS_JUDGED = 100;

export async function openDataLayer({ engines, config, clock, logger, telemetry, application }: DataLayerOptions): Promise<DataLayer> {
  const { log, states, database, analytics, blobs, lakeCache, lakeFolder } = engines;
  const streams = () => application().streams;
  const ids = createIdSource(clock, Math.random);
  const decoder = createEventDecoder({ streams });
  const shared = { log, decoder, states, clock, logger, meter: telemetry };
  await using stack = new AsyncDisposableStack();

  const dataQuality = createQualityMonitor({ ...shared, database, application });
  await dataQuality.open();
  const schemas = createSchemaRegistry({ database, log, clock });
  await schemas.open();
  await schemas.check(streams().values());
  await schemas.register(streams().values());
  const watermarks = createWatermarkBoard(clock);
  const ingestion = createIngestion({ ...shared, limiter: engines.limiter, onStored: watermarks.observe, door: dataQuality.door, ids, streams, maxPendingBytes: config.maxPendingBytes, dedupeRecords: config.dedupeRecords });
  const lake = createLake({ ...shared, analytics, database, blobs, cache: lakeCache, folder: lakeFolder, durable: config.lakeDurable ?? engines.lakeDurable, streams });
  const features = waitForDerivations(createFeatureEngine({ ...shared, application, history: createStreamHistory({ lake }), spill: { residentBytes: config.featureMemoryBytes, open: engines.openSpill } }), () => streamLayer.derivations);
  const candidates = createCandidateEngine({ ...shared, application });
  for (const part of [lake, features, candidates, dataQuality]) { // views are built from the lake, too
    stack.use(part);
    await part.start();
  }
  const qualityWork = createQualityLayer({ application, dataQuality, lake, analytics, database, temporaryFolder: join(resolve(config.dataDir), "tmp"), clock });
  await ingestion.start(new AbortController().signal);
  stack.defer(() => ingestion.stop(10_000)); // first to close: nothing new comes in while the others drain
  const setFeatureGauges = createFeatureGauges(features, telemetry);
  stack.use(repeatWork({ name: "measuring features", everyMs: 1_000, logger, work: async () => setFeatureGauges() }));
  const streamLayer = stack.use(await openStreamLayer({ ...shared, application, ingestion, features, candidates, lake, telemetry, database, ids, watermarks, schemas }));

  const owned = stack.move();
  return {
    decoder, ids, ingestion, features, candidates, lake, dataQuality, qualityWork, streams: streamLayer,
    checkDefinition: (next) => schemas.check(next.streams.values()),
    applyDefinition: async (next) => {
      await schemas.register(next.streams.values());
      await streamLayer.derivations.applyDefinition(next);
      await lake.followNewStreams();
      await features.applyDefinition(next).ready;
      await candidates.applyDefinition(next);
      await dataQuality.applyDefinition(next);
    },
    checkpoint: async () => {
      await streamLayer.derivations.checkpoint();
      await features.checkpoint();
      await candidates.checkpoint();
      await dataQuality.tick();
      await dataQuality.checkpoint();
    },
    retain: async () => {
      for (const stream of streams().values()) {
        if (stream.tierAfterMs !== undefined && canTier(log)) await log.tier(stream.name, { olderThanMs: stream.tierAfterMs });
        const { maxAgeMs, maxBytes } = stream.retention;
        if (maxAgeMs === undefined && maxBytes === undefined) continue;
        const { nextOffset: endOffset, sizeBytes } = log.statistics(stream.name);
        await lake.flush(stream.name);
        if (streamLayer.derivations.safeOffset(stream.name) < endOffset) continue; // a derivation is behind: the next round asks again
        const addedBytes = log.statistics(stream.name).sizeBytes - sizeBytes; // by events that the lake may not have yet
        await log.retain(stream.name, addedBytes <= 0 || maxBytes === undefined ? stream.retention : { ...stream.retention, maxBytes: Math.max(maxBytes, addedBytes + config.segmentBytes) }); // whole segments go
      }
    },
    quality: (model) => {
      const obstacle = qualityWork.liveObstacle(model);
      return obstacle === undefined ? judgeQuality(telemetry, model.examples.kind === "each-event" ? model.examples.from.name : model.examples.candidates.interactions[0]!.from.name) : { ok: false, reason: obstacle };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function judgeQuality(telemetry: TelemetryStore, stream: string): { readonly ok: boolean; readonly reason: string } {
  const counter = telemetry.snapshot({ only: ["strata_ingest_events_total"] }).instruments[0];
  if (counter?.kind !== "counter") return { ok: true, reason: "" };
  const perMinute = (result: string): number => 60 * (counter.series.find(({ labels }) => labels["stream"] === stream && labels["result"] === result)?.perSecond.last60s ?? 0);
  const [accepted, rejected] = [perMinute("accepted"), perMinute("rejected")];
  const share = rejected / Math.max(1, accepted + rejected);
  if (accepted + rejected < MINIMUM_EVENTS_JUDGED || share <= MAX_REFUSED_SHARE) return { ok: true, reason: "" };
  return { ok: false, reason: `${Math.round(share * 100)} % of the last minute's ${Math.round(accepted + rejected)} events of stream "${stream}" were refused` };
}
