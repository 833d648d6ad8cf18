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
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import { PREDICTIONS_LOG } from "../serving/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
import { createDriftRecord } from "./drift-record.ts";
import type { DriftRecord, DriftRecordState, ProfileSource } from "./drift-record.ts";
import type { DriftWindow } from "./drift-watch.ts";
import { createEndpointRecord } from "./endpoint-record.ts";
import type { AnswerFailures, EndpointRecord, EndpointRecordState, FailureQuery, TrafficCount } from "./endpoint-record.ts";
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
  /** Answers since a time, and how many of them the fallback had to give. */
  failures(endpoint: string, query: FailureQuery): AnswerFailures;
  shadow(endpoint: string, version: number, sinceMs: number): ShadowStatistics;
  performance(endpoint: string, windowMs: number): readonly PerformanceWindow[];
  /** Oldest first, at most 200 per model. */
  drift(model: string): readonly DriftWindow[];
  traffic(endpoint: string): readonly TrafficCount[];
  checkpoint(): Promise<void>;
}

/** Plain JSON: what was derived from the log up to the checkpoint's offsets. */
interface SavedMonitor {
  readonly format: number;
  readonly endpoints: Readonly<Record<string, EndpointRecordState>>;
  readonly drift: DriftRecordState;
}

const CHECKPOINT = "monitor";
/** A checkpoint of another format is of no use: the log has everything. */
const FORMAT = 2;
const NO_REWARDS: RewardStatistics = { n: 0, sum: 0, sumSquares: 0 };
const NO_SHADOW: ShadowStatistics = { requests: 0, errors: 0, p99Ms: 0, championP99Ms: 0, scoreDifference: 0 };

export function createMonitor(options: MonitorOptions): Monitor {
  const { application, log, decoder, states, clock, logger, profileOf, onDrift, driftWindowRows = 1_000 } = options;
  const records = new Map<string, EndpointRecord>();
  const consumers = new Map<string, StreamConsumer>();
  /** Next offset of each stream; moves in the same turn as the state it describes, so that no checkpoint has half a batch. */
  const applied = new Map<string, number>();
  let saved: SavedMonitor | undefined;
  let drift: DriftRecord = createDriftRecord({ profileOf, windowRows: driftWindowRows });

  /** A changed endpoint goes on from what is known of it. */
  const recordOf = (endpoint: Endpoint): EndpointRecord => {
    const known = records.get(endpoint.name);
    if (known?.endpoint === endpoint) return known;
    const record = createEndpointRecord(endpoint, known?.state() ?? saved?.endpoints[endpoint.name]);
    records.set(endpoint.name, record);
    return record;
  };

  const takePredictions = async (batch: DecodedBatch): Promise<void> => {
    const events = batch.rows.map((row) => row as unknown as PredictionEvent); // written by the endpoint service
    for (const event of events) await drift.prepare(event);
    const completed = events.flatMap(takePrediction);
    applied.set(PREDICTIONS_LOG, batch.baseOffset + batch.rows.length);
    for (const window of completed) await onDrift(window);
  };
  const takePrediction = (event: PredictionEvent): readonly DriftWindow[] => {
    const endpoint = application().endpoints.get(event.endpoint);
    if (endpoint === undefined) return [];
    recordOf(endpoint).takePrediction(event);
    return drift.take(event);
  };
  const takeOutcomes = (batch: DecodedBatch): void => {
    for (const endpoint of application().endpoints.values()) {
      if (endpoint.outcome?.from.name === batch.stream) recordOf(endpoint).takeOutcomes(batch);
    }
    applied.set(batch.stream, batch.baseOffset + batch.rows.length);
  };
  const follow = (stream: string): void => {
    if (consumers.has(stream)) return;
    const handle = stream === PREDICTIONS_LOG ? takePredictions : takeOutcomes;
    consumers.set(stream, createStreamConsumer({ log, decoder, stream, fromOffset: applied.get(stream) ?? 0, handle }));
  };
  const followAll = (): void => {
    follow(PREDICTIONS_LOG);
    for (const endpoint of application().endpoints.values()) {
      recordOf(endpoint); // also when nothing new comes: what is known of it must be answered and saved again
      if (endpoint.outcome) follow(endpoint.outcome.from.name);
    }
  };

  const checkpoint = (): Promise<void> => {
    const document: SavedMonitor = { format: FORMAT, drift: drift.state(), endpoints: Object.fromEntries([...records].map(([name, record]) => [name, record.state()])) };
    return states.save(CHECKPOINT, { offsets: Object.fromEntries(applied), bytes: Buffer.from(JSON.stringify(document)) });
  };

  const load = async (): Promise<void> => {
    try {
      const found = await states.load(CHECKPOINT);
      if (found === undefined) return;
      const document = JSON.parse(Buffer.from(found.bytes).toString("utf8")) as SavedMonitor; // written by checkpoint
      if (document.format !== FORMAT) throw new Error(`its format is ${document.format}, not ${FORMAT}`);
      saved = document;
      drift = createDriftRecord({ profileOf, windowRows: driftWindowRows }, document.drift);
      for (const [stream, offset] of Object.entries(found.offsets)) applied.set(stream, offset);
    } catch (thrown) {
      logger.log("warn", "the monitor's checkpoint is unusable; it is derived again from the log", { reason: reasonOf(thrown) });
    }
  };

  return {
    start: async () => {
      await load();
      followAll();
    },
    settle: async () => {
      followAll();
      await Promise.all([...consumers].map(([stream, consumer]) => consumer.caughtUp(log.statistics(stream).nextOffset)));
      for (const record of records.values()) record.advance(clock.now());
    },
    checkpoint,
    rewards: (endpoint, query) => records.get(endpoint)?.ledger.statistics(query) ?? NO_REWARDS,
    failures: (endpoint, query) => records.get(endpoint)?.failures(query) ?? { answers: 0, fallbacks: 0, errors: 0 },
    shadow: (endpoint, version, sinceMs) => records.get(endpoint)?.shadows.statistics(version, sinceMs) ?? NO_SHADOW,
    performance: (endpoint, windowMs) => records.get(endpoint)?.ledger.windows(windowMs) ?? [],
    drift: (model) => drift.windows(model),
    traffic: (endpoint) => records.get(endpoint)?.traffic() ?? [],
    [Symbol.asyncDispose]: async () => {
      for (const consumer of consumers.values()) await consumer.stop();
      await checkpoint();
    },
  };
}
