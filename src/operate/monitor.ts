/**
 * Monitoring as a consumer of the log: predictions and the events that tell how good they were come in, joined
 * rewards, shadow comparisons and drift windows come out. State is checkpointed with the offsets it was derived from.
 */
import type { DecodedBatch, EventDecoder, StreamConsumer } from "../data/index.ts";
import { createStreamConsumer } from "../data/index.ts";
import type { Application, Endpoint } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { StateCheckpoint, StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import { PREDICTIONS_LOG } from "../serving/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
import { createDriftRecord } from "./drift-record.ts";
import type { ProfileSource } from "./drift-record.ts";
import type { DriftWindow } from "./drift-watch.ts";
import { createEndpointRecord } from "./endpoint-record.ts";
import type { EndpointRecord, EndpointRecordState, TrafficCount } from "./endpoint-record.ts";
import type { ArmQuery, PerformanceWindow, RewardStatistics } from "./reward-ledger.ts";
import type { ShadowStatistics } from "./shadow-record.ts";

export interface MonitorOptions {
  readonly application: () => Application;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly profileOf: ProfileSource;
  readonly onDrift: (window: DriftWindow) => Promise<void>;
  /** Sampled rows per drift window, two per answer. Default 1,000: PSI noise from chance is then about 0.04. */
  readonly driftWindowRows?: number;
}

export interface Monitor extends AsyncDisposable {
  start(): Promise<void>;
  /** Everything durable now has been taken into account, and windows that have passed are closed. */
  settle(): Promise<void>;
  rewards(endpoint: string, query: ArmQuery): RewardStatistics;
  /** Answers, and those by the fallback among them, since a time. */
  failures(endpoint: string, sinceMs: number): { readonly fallbacks: number; readonly answers: number };
  shadow(endpoint: string, version: number, sinceMs: number): ShadowStatistics;
  performance(endpoint: string, windowMs: number): readonly PerformanceWindow[];
  /** Oldest first, at most 200 per model. */
  drift(model: string): readonly DriftWindow[];
  traffic(endpoint: string): readonly TrafficCount[];
  checkpoint(): Promise<void>;
}

const CHECKPOINT = "monitor";
const NO_REWARDS: RewardStatistics = { n: 0, sum: 0, sumSquares: 0 };
const NO_SHADOW: ShadowStatistics = { requests: 0, errors: 0, p99Ms: 0, championP99Ms: 0, scoreDifference: 0 };

export function createMonitor(options: MonitorOptions): Monitor {
  const { application, log, decoder, states, clock, logger, profileOf, onDrift, driftWindowRows = 1_000 } = options;
  const records = new Map<string, EndpointRecord>();
  const consumers = new Map<string, StreamConsumer>();
  const drift = createDriftRecord({ profileOf, onDrift, windowRows: driftWindowRows });
  let saved: SavedMonitor = { endpoints: {}, offsets: {} };

  /** A changed endpoint goes on from what is known of it. */
  const recordOf = (endpoint: Endpoint): EndpointRecord => {
    const known = records.get(endpoint.name);
    if (known?.endpoint === endpoint) return known;
    const record = createEndpointRecord(endpoint, known?.state() ?? saved.endpoints[endpoint.name]);
    records.set(endpoint.name, record);
    return record;
  };

  const takePredictions = async (batch: DecodedBatch): Promise<void> => {
    for (const row of batch.rows) {
      const event = row as unknown as PredictionEvent; // written by the endpoint service
      const endpoint = application().endpoints.get(event.endpoint);
      if (endpoint === undefined) continue;
      recordOf(endpoint).takePrediction(event);
      await drift.take(event);
    }
  };
  const takeOutcomes = (batch: DecodedBatch): void => {
    for (const endpoint of application().endpoints.values()) {
      if (endpoint.outcome?.from.name === batch.stream) recordOf(endpoint).takeOutcomes(batch);
    }
  };
  const follow = (stream: string): void => {
    if (consumers.has(stream)) return;
    const handle = stream === PREDICTIONS_LOG ? takePredictions : takeOutcomes;
    consumers.set(stream, createStreamConsumer({ log, decoder, stream, fromOffset: saved.offsets[stream] ?? 0, handle }));
  };
  const followAll = (): void => {
    follow(PREDICTIONS_LOG);
    for (const { outcome } of application().endpoints.values()) if (outcome) follow(outcome.from.name);
  };

  const checkpoint = (): Promise<void> => states.save(CHECKPOINT, encode(records, consumers));

  return {
    start: async () => {
      saved = await load(states, logger);
      followAll();
    },
    settle: async () => {
      followAll();
      await Promise.all([...consumers].map(([stream, consumer]) => consumer.caughtUp(log.statistics(stream).nextOffset)));
      for (const record of records.values()) record.advance(clock.now());
    },
    checkpoint,
    rewards: (endpoint, query) => records.get(endpoint)?.ledger.statistics(query) ?? NO_REWARDS,
    failures: (endpoint, sinceMs) => records.get(endpoint)?.failures(sinceMs) ?? { fallbacks: 0, answers: 0 },
    shadow: (endpoint, version, sinceMs) => records.get(endpoint)?.shadows.statistics(version, sinceMs) ?? NO_SHADOW,
    performance: (endpoint, windowMs) => records.get(endpoint)?.ledger.windows(windowMs) ?? [],
    drift: drift.windows,
    traffic: (endpoint) => records.get(endpoint)?.traffic() ?? [],
    [Symbol.asyncDispose]: async () => {
      for (const consumer of consumers.values()) await consumer.stop();
      await checkpoint();
    },
  };
}

interface SavedMonitor {
  readonly endpoints: Readonly<Record<string, EndpointRecordState>>;
  readonly offsets: Readonly<Record<string, number>>;
}

function encode(records: ReadonlyMap<string, EndpointRecord>, consumers: ReadonlyMap<string, StreamConsumer>): StateCheckpoint {
  const endpoints = Object.fromEntries([...records].map(([name, record]) => [name, record.state()]));
  return {
    offsets: Object.fromEntries([...consumers].map(([stream, consumer]) => [stream, consumer.appliedOffset])),
    bytes: Buffer.from(JSON.stringify(endpoints)),
  };
}

async function load(states: StateStore, logger: Logger): Promise<SavedMonitor> {
  try {
    const found = await states.load(CHECKPOINT);
    if (found === undefined) return { endpoints: {}, offsets: {} };
    return { endpoints: JSON.parse(Buffer.from(found.bytes).toString("utf8")) as SavedMonitor["endpoints"], offsets: found.offsets }; // written by encode
  } catch (thrown) {
    logger.log("warn", "the monitor's checkpoint is unusable; it is derived again from the log", { reason: reasonOf(thrown) });
    return { endpoints: {}, offsets: {} };
  }
}
