/** How each stream stands, gathered where each number is kept, and the same numbers as metrics. */
import type { CandidateEngine, DerivationEngine, FeatureEngine, Ingestion, Lake, SchemaRegistry, WatermarkBoard } from "../data/index.ts";
import { StrataError } from "../kernel/errors.ts";
import type { Application, Stream } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { TelemetryStore } from "../observe/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { StreamStanding } from "../protocols/admin/stream-routes.ts";

export interface StandingParts {
  readonly application: () => Application;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly telemetry: TelemetryStore;
  readonly ingestion: Ingestion;
  readonly features: FeatureEngine;
  readonly candidates: CandidateEngine;
  readonly lake: Lake;
  readonly derivations: DerivationEngine;
  readonly watermarks: WatermarkBoard;
  readonly schemas: SchemaRegistry;
}

export function streamNamed(application: Application, name: string): Stream {
  const stream = application.streams.get(name);
  if (stream === undefined) throw new StrataError("STREAM_NOT_FOUND", { stream: name, known: [...application.streams.keys()].join(", ") });
  return stream;
}

export async function standingOf(parts: StandingParts, stream: Stream): Promise<StreamStanding> {
  const { log, clock, ingestion, schemas, watermarks, derivations } = parts;
  const { name, quota } = stream;
  const { oldestOffset, nextOffset, sizeBytes, tieredBytes = 0 } = log.statistics(name);
  const { latestMs, watermarkMs } = watermarks.times(stream);
  const letters = await ingestion.deadLetterCounts(name);
  const derivation = derivations.statistics().find((one) => one.stream === name);
  return {
    name, description: stream.description, oldestOffset, events: nextOffset, eventsPerSecond: rateOf(parts.telemetry, name), hotBytes: sizeBytes - tieredBytes, tieredBytes,
    schemaVersion: (await schemas.versions(name)).at(-1)?.version ?? 0, compatibility: stream.compatibility,
    latestEventMs: finite(latestMs), watermarkMs: finite(watermarkMs), watermarkLagMs: watermarkMs === undefined || !Number.isFinite(watermarkMs) ? null : clock.now() - watermarkMs,
    consumers: consumersOf(parts, name), deadLetters: Object.values(letters).reduce((sum, count) => sum + count, 0),
    ...(quota === undefined ? {} : { quota }),
    ...(derivation === undefined ? {} : { derivation: { ...derivation, sources: derivation.sources.map((source) => source.stream) } }),
  };
}

/** Whoever reads the stream: how far, and how many events behind. */
function consumersOf({ log, features, candidates, lake, derivations }: StandingParts, name: string): StreamStanding["consumers"] {
  const { nextOffset } = log.statistics(name);
  const stored = lake.statistics()[name];
  const positions: (readonly [consumer: string, position: number])[] = [
    ...(stored === undefined ? [] : [["lake", stored.endOffset] as const]),
    ...features.statistics().filter(({ stream }) => stream === name).map(({ view, appliedOffset }) => [`view ${view}`, appliedOffset] as const),
    ...candidates.statistics().filter(({ appliedOffsets }) => name in appliedOffsets).map(({ candidates: source, appliedOffsets }) => [`candidates ${source}`, appliedOffsets[name]!] as const),
    ...derivations.statistics().flatMap(({ stream, sources }) => sources.filter((source) => source.stream === name).map(({ position }) => [`stream ${stream}`, position] as const)),
  ];
  return positions.map(([consumer, position]) => ({ consumer, position, lagEvents: Math.max(0, nextOffset - position) }));
}

/** Sets the gauges; called once a second. */
export function createStreamGauges(parts: StandingParts): () => void {
  const { telemetry, application, clock, watermarks, derivations } = parts;
  const watermark = telemetry.gauge("strata_stream_watermark_seconds", "The stream's watermark, seconds since the epoch: nothing earlier is expected.");
  const lag = telemetry.gauge("strata_stream_watermark_lag_seconds", "How far the watermark lies behind the clock.");
  const behind = telemetry.gauge("strata_stream_consumer_lag_events", "Durable events that a consumer has not taken.");
  const late = telemetry.gauge("strata_derivation_late_events", "Events that came after their stream's watermark, in all; each is a dead letter of the derived stream.");
  const held = telemetry.gauge("strata_derivation_held", "Events or sessions that a derivation holds for later.");
  return () => {
    for (const stream of application().streams.values()) {
      const { watermarkMs } = watermarks.times(stream);
      if (watermarkMs !== undefined && Number.isFinite(watermarkMs)) {
        watermark.set(watermarkMs / 1_000, { stream: stream.name });
        lag.set((clock.now() - watermarkMs) / 1_000, { stream: stream.name });
      }
      for (const { consumer, lagEvents } of consumersOf(parts, stream.name)) behind.set(lagEvents, { stream: stream.name, consumer });
    }
    for (const one of derivations.statistics()) {
      late.set(one.late, { stream: one.stream });
      held.set(one.held, { stream: one.stream });
    }
  };
}

function rateOf(telemetry: TelemetryStore, stream: string): number {
  const counter = telemetry.snapshot({ only: ["strata_ingest_events_total"] }).instruments[0];
  if (counter?.kind !== "counter") return 0;
  return counter.series.filter(({ labels }) => labels["stream"] === stream && labels["result"] === "accepted").reduce((sum, { perSecond }) => sum + perSecond.last10s, 0);
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
