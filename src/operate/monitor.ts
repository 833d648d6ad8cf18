/**
 * Monitoring as a consumer of the log: predictions and the events that tell how good they were come in, joined
 * rewards, shadow comparisons and drift windows come out. State is checkpointed with the offsets it was derived from.
 */
import type { DecodedBatch, EventDecoder, StreamConsumer } from "../data/index.ts";
import { createStreamConsumer } from "../data/index.ts";
import { compileExpression } from "../define/index.ts";
import type { Application, Endpoint, Evaluator } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { reasonOf } from "../kernel/errors.ts";
import type { TrainingProfile } from "../modelops/index.ts";
import { createOutcomeJoiner } from "../observe/index.ts";
import type { JoinerState, OutcomeJoiner } from "../observe/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import { PREDICTIONS_LOG } from "../serving/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
import { createDriftWatch } from "./drift-watch.ts";
import type { DriftWatch, DriftWindow } from "./drift-watch.ts";
import { createRewardLedger } from "./reward-ledger.ts";
import type { ArmQuery, PerformanceWindow, RewardLedger, RewardLedgerState, RewardStatistics } from "./reward-ledger.ts";

export interface MonitorOptions {
  readonly application: () => Application;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Training profile of a version, if it has one. */
  readonly profileOf: (model: string, version: number) => Promise<{ readonly profile: TrainingProfile; readonly columns: readonly string[] } | undefined>;
  readonly onDrift: (window: DriftWindow) => Promise<void>;
  /** Sampled rows per drift window, two per answer. Default 1,000: PSI noise from chance is then about 0.04. */
  readonly driftWindowRows?: number;
}

export interface ShadowStatistics {
  readonly requests: number;
  readonly errors: number;
  readonly p99Ms: number;
  readonly championP99Ms: number;
  readonly scoreDifference: number;
}

export interface TrafficCount {
  readonly variant: string;
  readonly version: number;
  readonly requests: number;
}

export interface Monitor extends AsyncDisposable {
  start(): Promise<void>;
  /** Everything durable now has been taken into account, and windows that have passed are closed. */
  settle(): Promise<void>;
  rewards(endpoint: string, query: ArmQuery): RewardStatistics;
  /** Answers by the fallback or with an error, of a version, since a time. */
  failures(endpoint: string, sinceMs: number): { readonly fallbacks: number; readonly answers: number };
  shadow(endpoint: string, version: number, sinceMs: number): ShadowStatistics;
  performance(endpoint: string, windowMs: number): readonly PerformanceWindow[];
  /** Oldest first, at most 200 per model. */
  drift(model: string): readonly DriftWindow[];
  traffic(endpoint: string): readonly TrafficCount[];
  checkpoint(): Promise<void>;
}

interface ShadowSample {
  readonly atMs: number;
  readonly version: number;
  readonly latencyMs: number;
  readonly championLatencyMs: number;
  readonly scoreDifference: number;
  readonly isError: boolean;
}

interface EndpointState {
  readonly endpoint: Endpoint;
  readonly joiner: OutcomeJoiner;
  readonly ledger: RewardLedger;
  shadows: ShadowSample[];
  answers: { readonly atMs: number; readonly isFallback: boolean }[];
  readonly traffic: Map<string, TrafficCount>;
}

interface SavedEndpoint {
  readonly joiner: JoinerState;
  readonly ledger: RewardLedgerState;
  readonly traffic: readonly TrafficCount[];
}

const CHECKPOINT = "monitor";
/** Rows of one answer share its customer: more of them would look like more evidence than there is. */
const DRIFT_ROWS_PER_ANSWER = 2;
const MAX_RECENT = 10_000;
const MAX_DRIFT_WINDOWS = 200;
const MAX_PENDING_OUTCOMES = 500_000;

export function createMonitor(options: MonitorOptions): Monitor {
  const { application, log, decoder, states, clock, logger, profileOf, onDrift, driftWindowRows = 1_000 } = options;
  const endpoints = new Map<string, EndpointState>();
  const watches = new Map<string, Promise<DriftWatch | undefined>>();
  const driftWindows = new Map<string, DriftWindow[]>();
  const consumers = new Map<string, StreamConsumer>();
  let saved: Readonly<Record<string, SavedEndpoint>> = {};
  let savedOffsets: Readonly<Record<string, number>> = {};

  const stateOf = (endpoint: Endpoint): EndpointState => {
    const known = endpoints.get(endpoint.name);
    if (known?.endpoint === endpoint) return known;
    const before = known === undefined ? saved[endpoint.name] : saveEndpoint(known);
    const windowMs = endpoint.outcome?.windowMs ?? 1;
    const state: EndpointState = {
      endpoint,
      joiner: createOutcomeJoiner({ windowMs, maximumPending: MAX_PENDING_OUTCOMES }, before?.joiner),
      ledger: createRewardLedger(before?.ledger),
      shadows: known?.shadows ?? [], answers: known?.answers ?? [],
      traffic: known?.traffic ?? new Map(before?.traffic.map((count) => [`${count.variant}|${count.version}`, count])),
    };
    endpoints.set(endpoint.name, state);
    return state;
  };

  const takePredictions = async (batch: DecodedBatch): Promise<void> => {
    for (const row of batch.rows) {
      const event = row as unknown as PredictionEvent; // written by the endpoint service
      const endpoint = application().endpoints.get(event.endpoint);
      if (endpoint === undefined) continue;
      takePrediction(stateOf(endpoint), event);
      await watchDrift(event);
    }
  };

  const takePrediction = (state: EndpointState, event: PredictionEvent): void => {
    const { traffic, joiner, ledger } = state;
    const key = `${event.variant}|${event.version}`;
    traffic.set(key, { variant: event.variant, version: event.version, requests: (traffic.get(key)?.requests ?? 0) + 1 });
    keepRecent(state.answers, { atMs: event.atMs, isFallback: event.variant === "fallback" });
    if (event.shadow) {
      const { version, latencyMs, scoreDifference, error } = event.shadow;
      keepRecent(state.shadows, { atMs: event.atMs, version, latencyMs, championLatencyMs: event.latencyMs, scoreDifference: scoreDifference ?? 0, isError: error !== undefined });
    }
    if (state.endpoint.outcome === undefined || event.variant === "fallback") return;
    const predictions = predictionsOf(state.endpoint, event);
    ledger.open(event.decision, { atMs: event.atMs, version: event.version, variant: event.variant, rows: predictions.length });
    for (const prediction of predictions) ledger.close(joiner.addPrediction(prediction).rows);
  };

  const watchDrift = async (event: PredictionEvent): Promise<void> => {
    if (event.sample.length === 0) return;
    const key = `${event.model}@${event.version}`;
    const watch = await (watches.get(key) ?? startWatch(key, event));
    if (watch === undefined) return;
    for (const row of event.sample.slice(0, DRIFT_ROWS_PER_ANSWER)) {
      const window = watch.add(row.features, row.score, event.atMs);
      if (window) await keepWindow(window);
    }
  };

  const startWatch = (key: string, { model, version }: PredictionEvent): Promise<DriftWatch | undefined> => {
    const watch = profileOf(model, version).then((found) =>
      found && createDriftWatch({ model, version, columns: found.columns, baseline: found.profile, windowRows: driftWindowRows }));
    watches.set(key, watch);
    return watch;
  };

  const keepWindow = async (window: DriftWindow): Promise<void> => {
    const windows = driftWindows.get(window.model) ?? [];
    driftWindows.set(window.model, [...windows, window].slice(-MAX_DRIFT_WINDOWS));
    await onDrift(window);
  };

  const takeOutcomes = (batch: DecodedBatch): Promise<void> => {
    for (const endpoint of application().endpoints.values()) {
      if (endpoint.outcome?.from.name !== batch.stream) continue;
      const reader = outcomeReader(endpoint);
      const { joiner, ledger } = stateOf(endpoint);
      for (let i = 0; i < batch.rows.length; i++) {
        const outcome = reader(batch.rows[i]!, batch.timesMs[i]!);
        if (outcome) ledger.close(joiner.addOutcome(outcome).rows);
      }
    }
    return Promise.resolve();
  };

  const follow = (stream: string): StreamConsumer => {
    const known = consumers.get(stream);
    if (known) return known;
    const handle = stream === PREDICTIONS_LOG ? takePredictions : takeOutcomes;
    const consumer = createStreamConsumer({ log, decoder, stream, fromOffset: savedOffsets[stream] ?? 0, handle });
    consumers.set(stream, consumer);
    return consumer;
  };

  const followAll = (): void => {
    follow(PREDICTIONS_LOG);
    for (const endpoint of application().endpoints.values()) if (endpoint.outcome) follow(endpoint.outcome.from.name);
  };

  const settle = async (): Promise<void> => {
    followAll();
    await Promise.all([...consumers].map(([stream, consumer]) => consumer.caughtUp(log.statistics(stream).nextOffset)));
    for (const { joiner, ledger } of endpoints.values()) ledger.close(joiner.advance(clock.now()));
  };

  const checkpoint = async (): Promise<void> => {
    const offsets = Object.fromEntries([...consumers].map(([stream, consumer]) => [stream, consumer.appliedOffset]));
    const document = Object.fromEntries([...endpoints].map(([name, state]) => [name, saveEndpoint(state)]));
    await states.save(CHECKPOINT, { offsets, bytes: Buffer.from(JSON.stringify(document)) });
  };

  const load = async (): Promise<void> => {
    try {
      const found = await states.load(CHECKPOINT);
      if (found === undefined) return;
      saved = JSON.parse(Buffer.from(found.bytes).toString("utf8")) as typeof saved; // written by checkpoint
      savedOffsets = found.offsets;
    } catch (thrown) {
      logger.log("warn", "the monitor's checkpoint is unusable; it is derived again from the log", { reason: reasonOf(thrown) });
    }
  };

  return {
    start: async () => {
      await load();
      followAll();
    },
    settle, checkpoint,
    rewards: (endpoint, query) => endpoints.get(endpoint)?.ledger.statistics(query) ?? { n: 0, sum: 0, sumSquares: 0 },
    failures: (endpoint, sinceMs) => {
      const recent = (endpoints.get(endpoint)?.answers ?? []).filter((answer) => answer.atMs >= sinceMs);
      return { answers: recent.length, fallbacks: recent.filter((answer) => answer.isFallback).length };
    },
    shadow: (endpoint, version, sinceMs) =>
      shadowStatistics((endpoints.get(endpoint)?.shadows ?? []).filter((sample) => sample.version === version && sample.atMs >= sinceMs)),
    performance: (endpoint, windowMs) => endpoints.get(endpoint)?.ledger.windows(windowMs) ?? [],
    drift: (model) => driftWindows.get(model) ?? [],
    traffic: (endpoint) => [...(endpoints.get(endpoint)?.traffic.values() ?? [])],
    [Symbol.asyncDispose]: async () => {
      for (const consumer of consumers.values()) await consumer.stop();
      await checkpoint();
    },
  };
}

function saveEndpoint({ joiner, ledger, traffic }: EndpointState): SavedEndpoint {
  return { joiner: joiner.state(), ledger: ledger.state(), traffic: [...traffic.values()] };
}

/** One prediction per answered item of a ranking, else one per answer. */
function predictionsOf(endpoint: Endpoint, event: PredictionEvent) {
  const base = { decisionId: event.decision, timeMs: event.atMs, model: event.model, version: event.version, variant: event.variant };
  if (endpoint.outcome?.item !== undefined) return (event.items ?? []).map(({ item, score }) => ({ ...base, item, score }));
  return [{ ...base, score: event.outputs?.[0] ?? event.items?.[0]?.score ?? 0 }];
}

const readers = new WeakMap<Endpoint, ReturnType<typeof compileOutcome>>();

function outcomeReader(endpoint: Endpoint): ReturnType<typeof compileOutcome> {
  const known = readers.get(endpoint);
  if (known) return known;
  const reader = compileOutcome(endpoint);
  readers.set(endpoint, reader);
  return reader;
}

function compileOutcome(endpoint: Endpoint) {
  const { decision, item, reward } = endpoint.outcome!;
  const readDecision = compileExpression(decision);
  const readItem: Evaluator = item === undefined ? () => undefined : compileExpression(item);
  const readReward: Evaluator = reward === undefined ? () => 1 : compileExpression(reward);
  return (row: Readonly<Record<string, unknown>>, timeMs: number) => {
    const decisionId = readDecision(row, timeMs);
    const value = readReward(row, timeMs);
    if (typeof decisionId !== "string" || typeof value !== "number") return undefined;
    const about = readItem(row, timeMs);
    return { decisionId, timeMs, value, ...(about === undefined ? {} : { item: String(about) }) };
  };
}

function keepRecent<T>(list: T[], value: T): void {
  list.push(value);
  if (list.length > MAX_RECENT * 1.25) list.splice(0, list.length - MAX_RECENT);
}

function shadowStatistics(samples: readonly ShadowSample[]): ShadowStatistics {
  const scored = samples.filter((sample) => !sample.isError);
  return {
    requests: samples.length, errors: samples.length - scored.length,
    p99Ms: percentile(scored.map((sample) => sample.latencyMs), 0.99),
    championP99Ms: percentile(samples.map((sample) => sample.championLatencyMs), 0.99),
    scoreDifference: scored.reduce((sum, sample) => sum + sample.scoreDifference, 0) / Math.max(1, scored.length),
  };
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;
}

