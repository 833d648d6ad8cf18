/**
 * Data quality over the live streams: one follower per set of expectations, the door's rules, the streams that are
 * stopped, and the history of verdicts.
 */
import type { Application, Expectations } from "../../define/index.ts";
import { describeExpectations } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { hashOf } from "../../kernel/hash.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { QUALITY_STATE_PREFIX, followExpectations } from "./expectations-follower.ts";
import type { ExpectationsFollower, FollowedVerdict } from "./expectations-follower.ts";
import { createQualityMetrics } from "./quality-metrics.ts";
import { createRowRules } from "./row-gate.ts";
import type { QualityDoor } from "../ingestion/stream-intake.ts";
import { createStreamStops } from "./stream-stops.ts";
import type { Acceptance, StreamStop } from "./stream-stops.ts";
import { QUALITY_MIGRATIONS } from "./tables.ts";
import { createVerdictHistory } from "./verdict-history.ts";
import type { HistoryQuery, PastVerdict, VerdictHistory } from "./verdict-history.ts";
import type { RuleVerdict } from "./verdict.ts";

export interface QualityMonitorOptions {
  readonly application: () => Application;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
}

export interface QualityChange {
  readonly verdict: RuleVerdict;
  /** The stream was closed by it. */
  readonly stopped: boolean;
}

/** One set of expectations as it stands. */
export interface QualityState {
  readonly name: string;
  readonly description: string;
  readonly stream: string;
  readonly windowMs: number;
  readonly verdicts: readonly RuleVerdict[];
  readonly stop: StreamStop | null;
  readonly acceptance: Acceptance | null;
}

export interface QualityMonitor extends AsyncDisposable {
  /** Makes the tables, loads stops; the door may be asked from then on. */
  open(): Promise<void>;
  /** Follows every stream that has expectations. */
  start(): Promise<void>;
  applyDefinition(application: Application): Promise<void>;
  /** What ingestion asks. */
  readonly door: QualityDoor;
  /** Tells when a rule begins to fail, or passes again; call the result to hear no more. */
  subscribe(listener: (change: QualityChange) => void): () => void;
  /** Resolves when every event durable now was judged. */
  settle(): Promise<void>;
  /** EXPECTATIONS_NOT_FOUND. */
  state(name: string): QualityState;
  states(): readonly QualityState[];
  stopOf(stream: string): StreamStop | undefined;
  acceptanceOf(stream: string): Acceptance | undefined;
  /** Opens a stopped stream, accepts what it holds, and judges what comes from here on. */
  resume(stream: string, reason: string): Promise<{ readonly resumed: StreamStop | null; readonly acceptance: Acceptance }>;
  readonly history: VerdictHistory;
  /** Past shares of bad events, oldest first, at most 40; for distributions the effect in multiples of its threshold. */
  trend(expectations: string, rule: string): readonly number[];
  pastVerdicts(name: string, query: HistoryQuery): Promise<readonly PastVerdict[]>;
  /** Judges rules that go by the clock. */
  tick(): Promise<void>;
  checkpoint(): Promise<void>;
}

export function createQualityMonitor(options: QualityMonitorOptions): QualityMonitor {
  const { application, log, states, database, clock, logger } = options;
  const metrics = createQualityMetrics(options.meter);
  const history = createVerdictHistory(database);
  const stops = createStreamStops({ database, clock });
  const followers = new Map<string, ExpectationsFollower>();
  const listeners = new Set<(change: QualityChange) => void>();
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined); // told to whoever asked
    return result;
  };

  const trends = new Map<string, number[]>();
  const trendOf = (expectations: string, rule: string): number[] => {
    const key = `${expectations}.${rule}`;
    const known = trends.get(key) ?? [];
    trends.set(key, known);
    return known;
  };
  const remember = (verdict: RuleVerdict): void => {
    const value = trendValue(verdict);
    const trend = trendOf(verdict.expectations, verdict.rule);
    if (value !== undefined && trend.push(value) > TREND_POINTS) trend.shift();
  };
  const rememberPast = async ({ name, rules }: Expectations): Promise<void> => {
    for (const rule of Object.keys(rules)) {
      if (trendOf(name, rule).length > 0) continue;
      for (const past of (await history.read(name, { rule, source: "stream", limit: TREND_POINTS })).toReversed()) remember(past);
    }
  };

  const takeVerdicts = async (found: readonly FollowedVerdict[]): Promise<void> => {
    for (const { verdict } of found) remember(verdict);
    for (const { verdict, offset, changedFrom } of found) {
      if (changedFrom === undefined || (verdict.status === "passing" && changedFrom === "waiting") || verdict.status === "waiting") continue;
      const stopped = verdict.status === "failing" && await stopFor(verdict, offset);
      logger.log(verdict.status === "failing" ? "warn" : "info", `Data quality: ${verdict.expectations}.${verdict.rule} is ${verdict.status}. ${verdict.sentence}`, { stream: verdict.stream, action: verdict.action, stopped });
      for (const listener of listeners) listener({ verdict, stopped });
    }
    await history.record(found.map(({ verdict, offset }) => ({ verdict, source: "stream" as const, place: offset, atMs: verdict.atMs ?? clock.now() })));
  };
  const stopFor = async (verdict: RuleVerdict, offset: number): Promise<boolean> => {
    const { action, stream, expectations, rule, sentence } = verdict;
    if (action !== "stop" || offset <= (stops.acceptance(stream)?.nextOffset ?? 0)) return false; // a person has accepted these data
    await stops.stop({ stream, atMs: clock.now(), expectations, rule, reason: sentence });
    metrics.stopped(stream, true);
    return true;
  };

  const follow = async (expectations: Expectations): Promise<void> => {
    await rememberPast(expectations);
    followers.set(expectations.name, await followExpectations(expectations, { ...options, metrics, onVerdicts: takeVerdicts }));
  };
  const sameRules = (a: Expectations, b: Expectations): boolean => a === b || (a.of === b.of && hashOf(describeExpectations(a)) === hashOf(describeExpectations(b)));
  const followDefined = async (current: Application): Promise<void> => {
    for (const [name, follower] of followers) {
      const wanted = current.expectations.get(name);
      if (wanted !== undefined && sameRules(wanted, follower.expectations)) continue;
      await follower.stop();
      followers.delete(name);
      if (wanted === undefined) await states.delete(`${QUALITY_STATE_PREFIX}${name}`);
    }
    for (const expectations of current.expectations.values()) if (!followers.has(expectations.name)) await follow(expectations);
  };

  const stateOf = ({ expectations, verdicts }: ExpectationsFollower): QualityState => ({
    name: expectations.name, description: expectations.description, stream: expectations.of.name, windowMs: expectations.windowMs,
    verdicts: verdicts(), stop: stops.of(expectations.of.name) ?? null, acceptance: stops.acceptance(expectations.of.name) ?? null,
  });
  const followerOf = (name: string): ExpectationsFollower => {
    const follower = followers.get(name);
    if (follower === undefined) throw new StrataError("NOT_FOUND", { kind: "expectations", name, known: [...followers.keys()].join(", ") });
    return follower;
  };
  const checkpoint = (): Promise<void> => inTurn(async () => {
    for (const follower of followers.values()) await follower.checkpoint();
  });

  return {
    history, checkpoint,
    trend: (expectations, rule) => trends.get(`${expectations}.${rule}`) ?? [],
    open: async () => {
      await database.migrate("quality", QUALITY_MIGRATIONS);
      await stops.load();
      for (const { stream } of stops.all()) metrics.stopped(stream, true);
    },
    start: () => inTurn(() => followDefined(application())),
    applyDefinition: (next) => inTurn(() => followDefined(next)),
    door: { admit: stops.admit, rowRules: createRowRules(application, "refuse"), rowWarnings: createRowRules(application, "warn") },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    settle: async () => { await Promise.all([...followers.values()].map((follower) => follower.caughtUp())); },
    state: (name) => stateOf(followerOf(name)),
    states: () => [...followers.values()].map(stateOf),
    stopOf: stops.of,
    acceptanceOf: stops.acceptance,
    resume: async (stream, reason) => {
      const known = application().streams;
      if (!known.has(stream)) throw new StrataError("STREAM_NOT_FOUND", { stream, known: [...known.keys()].join(", ") });
      return inTurn(async () => {
        const watching = [...followers.values()].filter(({ expectations }) => expectations.of.name === stream);
        for (const follower of watching) await follower.caughtUp();
        for (const follower of watching) await follower.reset();
        const acceptance: Acceptance = { stream, nextOffset: log.statistics(stream).nextOffset, atMs: clock.now(), reason };
        const resumed = await stops.resume(acceptance);
        metrics.stopped(stream, false);
        return { resumed: resumed ?? null, acceptance };
      });
    },
    pastVerdicts: (name, query) => {
      followerOf(name);
      return history.read(name, query);
    },
    tick: async () => {
      for (const follower of followers.values()) await follower.tick();
    },
    [Symbol.asyncDispose]: () => inTurn(async () => {
      for (const follower of followers.values()) await follower.stop();
    }),
  };
}

const TREND_POINTS = 40;

/** undefined when nothing was judged. */
function trendValue({ share, drift }: RuleVerdict): number | undefined {
  if (drift !== undefined) return drift.severity;
  return share === null ? undefined : 1 - share;
}
