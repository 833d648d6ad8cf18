/**
 * One set of expectations over its stream's log, each event counted exactly once: what the rules remember and the
 * offset they have reached change in the same turn and are checkpointed together.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { hashOf } from "../../kernel/hash.ts";
import { reasonOf } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Expectations } from "../../define/index.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Labels, Logger } from "../../ports/telemetry.ts";
import { deadLetterLog } from "../ingestion/dead-letter.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import type { EventDecoder } from "../streams/event-decoder.ts";
import { createStreamConsumer } from "../streams/stream-consumer.ts";
import type { StreamConsumer } from "../streams/stream-consumer.ts";
import { createQuarantineReader } from "./quarantined-events.ts";
import { followReference, referenceName } from "./reference-follower.ts";
import type { ReferenceFollower, ReferenceState } from "./reference-follower.ts";
import type { QualityMetrics } from "./quality-metrics.ts";
import { createRuleMonitor } from "./rule-monitor.ts";
import type { RuleMonitor, RuleState } from "./rule-monitor.ts";
import type { RuleVerdict, VerdictStatus } from "./verdict.ts";

export interface FollowerOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: QualityMetrics;
  /** Told of every change of a rule's status, of every completed comparison, and once a window of every rule; awaited. */
  readonly onVerdicts: (verdicts: readonly FollowedVerdict[]) => Promise<void>;
}

export interface FollowedVerdict {
  readonly verdict: RuleVerdict;
  /** The offset up to which the stream was judged. */
  readonly offset: number;
  /** The status before, where it is another one. */
  readonly changedFrom?: VerdictStatus;
}

export interface ExpectationsFollower {
  readonly expectations: Expectations;
  /** Resolves when everything that is durable now was judged. */
  caughtUp(): Promise<void>;
  verdicts(): readonly RuleVerdict[];
  /** Judges rules that go by the clock. */
  tick(): Promise<void>;
  /** Starts the counts of all rules anew; `rebase` makes distributions take a new reference, too. */
  reset(): Promise<void>;
  checkpoint(): Promise<void>;
  stop(): Promise<void>;
}

interface SavedFollower {
  readonly format: number;
  readonly watermarkMs: number;
  readonly recordedWindow: number;
  readonly rules: Readonly<Record<string, { readonly hash: string; readonly status: VerdictStatus; readonly state: RuleState }>>;
  readonly references: Readonly<Record<string, ReferenceState>>;
}

export const QUALITY_STATE_PREFIX = "quality-";
const FORMAT = 1;
/** Rows judged before the event loop gets a turn: a few milliseconds. */
const ROWS_PER_TURN = 2_048;

export async function followExpectations(expectations: Expectations, options: FollowerOptions): Promise<ExpectationsFollower> {
  const { log, decoder, states, clock, logger, metrics, onVerdicts } = options;
  const { of: stream, name } = expectations;
  const letters = deadLetterLog(stream.name);
  const stateName = `${QUALITY_STATE_PREFIX}${name}`;
  const { saved, offsets } = await recover(stateName, [stream.name, letters], options);
  const referenceTests = new Map(Object.values(expectations.rules).flatMap(({ test }) => (test.kind === "refers-to" ? [[referenceName(test), test] as const] : [])));
  const references = new Map<string, ReferenceFollower>([...referenceTests].map(([key, test]) => [key, followReference(test, options, saved?.references[key])]));
  const hashes = new Map(Object.entries(expectations.rules).map(([rule, node]) => [rule, hashOf({ node, windowMs: expectations.windowMs, stream: stream.name })]));
  const known = (rule: string) => (saved?.rules[rule]?.hash === hashes.get(rule) ? saved?.rules[rule] : undefined); // a rule that changed starts anew
  const context = { expectations, references: (test: Parameters<typeof referenceName>[0]) => references.get(referenceName(test))!.keys };
  const monitors: readonly RuleMonitor[] = Object.entries(expectations.rules).map(([rule, node]) => createRuleMonitor(rule, node, context, known(rule)?.state));
  const statuses = new Map<string, VerdictStatus>(monitors.map(({ rule }) => [rule, known(rule)?.status ?? "waiting"]));
  const labels = new Map<string, Labels>(monitors.map(({ rule }) => [rule, { expectations: name, rule }]));
  const setLabels: Labels = { expectations: name };
  let watermarkMs = saved?.watermarkMs ?? 0;
  let recordedWindow = saved?.recordedWindow ?? 0;
  let changes = 0, savedChanges = 0;

  const judgeTime = (monitor: RuleMonitor): number => (monitor.node.test.kind === "fresh" ? clock.now() : watermarkMs);
  const verdictOf = (monitor: RuleMonitor): RuleVerdict => monitor.verdict(judgeTime(monitor));

  /** What there is to tell after some events: completed comparisons, changes of status, and every rule once a window. */
  const gather = (offset: number): FollowedVerdict[] => {
    const window = Math.floor(watermarkMs / expectations.windowMs);
    const isDue = window > recordedWindow;
    recordedWindow = Math.max(recordedWindow, window);
    return monitors.flatMap((monitor) => {
      const completed = monitor.completed().map((verdict) => told(monitor, verdict, offset));
      if (completed.length > 0) return completed;
      const status = monitor.status(judgeTime(monitor));
      metrics.status(labels.get(monitor.rule)!, status);
      return isDue || status !== statuses.get(monitor.rule) ? [told(monitor, verdictOf(monitor), offset)] : [];
    });
  };
  const told = (monitor: RuleMonitor, verdict: RuleVerdict, offset: number): FollowedVerdict => {
    const before = statuses.get(monitor.rule)!;
    statuses.set(monitor.rule, verdict.status);
    metrics.verdict(labels.get(monitor.rule)!, verdict);
    return { verdict, offset, ...(verdict.status === before ? {} : { changedFrom: before }) };
  };

  const takeEvents = async (batch: DecodedBatch): Promise<void> => {
    for (const reference of references.values()) await reference.caughtUp(); // what was acknowledged before these events is known
    const startedMs = clock.monotonicMs();
    const nowMs = clock.now();
    const good = new Float64Array(monitors.length), bad = new Float64Array(monitors.length);
    for (let at = 0; at < batch.rows.length; at++) {
      const event = { row: batch.rows[at]!, offset: batch.baseOffset + at, timeMs: batch.timesMs[at]!, knownAtMs: Math.min(batch.knownAtMs[at]!, nowMs) };
      for (let rule = 0; rule < monitors.length; rule++) {
        const outcome = monitors[rule]!.take(event);
        if (outcome === "good") good[rule]! += 1;
        else if (outcome === "bad") bad[rule]! += 1;
      }
      watermarkMs = Math.max(watermarkMs, event.knownAtMs);
      offsets[stream.name] = event.offset + 1;
      changes += 1;
      if (at % ROWS_PER_TURN === ROWS_PER_TURN - 1) await nextTurn();
    }
    for (const [at, { rule }] of monitors.entries()) metrics.judged(labels.get(rule)!, good[at]!, bad[at]!);
    const found = gather(batch.baseOffset + batch.rows.length);
    metrics.seconds((clock.monotonicMs() - startedMs) / 1_000, setLabels);
    await onVerdicts(found);
  };

  const readQuarantined = createQuarantineReader(stream, name);
  const takeLetters = async (batch: DecodedBatch): Promise<void> => {
    const events = readQuarantined(batch);
    for (const event of events) {
      for (const rule of event.rules) {
        monitors.find((monitor) => monitor.rule === rule)?.takeQuarantined({ ...event, knownAtMs: Math.min(event.knownAtMs, clock.now()) });
        if (labels.has(rule)) metrics.judged(labels.get(rule)!, 0, 1);
      }
      watermarkMs = Math.max(watermarkMs, Math.min(event.knownAtMs, clock.now()));
    }
    offsets[letters] = batch.baseOffset + batch.rows.length;
    changes += 1;
    if (events.length > 0) await onVerdicts(gather(offsets[stream.name]!));
  };

  const follow = (from: string, handle: (batch: DecodedBatch) => Promise<void>): StreamConsumer => {
    const consumer = createStreamConsumer({ log, decoder, stream: from, fromOffset: offsets[from]!, handle });
    void consumer.ended.then(() => {
      if (consumer.state === "failed") logger.log("error", "Expectations stopped following a stream", { expectations: name, stream: from, reason: reasonOf(consumer.error) });
    });
    return consumer;
  };
  const consumers = [follow(stream.name, takeEvents), follow(letters, takeLetters)];

  const checkpoint = async (): Promise<void> => {
    if (changes === savedChanges) return;
    const upTo = changes;
    const document: SavedFollower = {
      format: FORMAT, watermarkMs, recordedWindow,
      rules: Object.fromEntries(monitors.map((monitor) => [monitor.rule, { hash: hashes.get(monitor.rule)!, status: statuses.get(monitor.rule)!, state: monitor.state() }])),
      references: Object.fromEntries([...references].map(([key, reference]) => [key, reference.state()])),
    };
    await states.save(stateName, { offsets: { ...offsets }, bytes: Buffer.from(JSON.stringify(document)) });
    savedChanges = upTo;
  };

  return {
    expectations, checkpoint,
    caughtUp: async () => { await Promise.all(consumers.map((consumer) => consumer.caughtUp(log.statistics(consumer.stream).nextOffset))); },
    verdicts: () => monitors.map(verdictOf),
    tick: () => onVerdicts(monitors.filter(({ node }) => node.test.kind === "fresh").flatMap((monitor) => {
      const verdict = verdictOf(monitor);
      return verdict.status === statuses.get(monitor.rule) ? [] : [told(monitor, verdict, offsets[stream.name]!)];
    })),
    reset: async () => {
      for (const monitor of monitors) {
        monitor.reset();
        statuses.set(monitor.rule, "waiting");
      }
      changes += 1;
      await checkpoint();
    },
    stop: async () => {
      await Promise.allSettled(consumers.map((consumer) => consumer.stop(1_000)));
      await Promise.allSettled([...references.values()].map((reference) => reference.stop()));
      await checkpoint();
    },
  };
}

interface Recovered {
  readonly saved: SavedFollower | undefined;
  /** Next offset to judge, per log. */
  readonly offsets: Record<string, number>;
}

/** From the checkpoint if it is whole and of these logs; else from the oldest event that the log has. */
async function recover(stateName: string, logs: readonly string[], { log, states, logger }: FollowerOptions): Promise<Recovered> {
  const oldest = (): Record<string, number> => Object.fromEntries(logs.map((name) => [name, log.statistics(name).oldestOffset]));
  try {
    const found = await states.load(stateName);
    if (found === undefined) return { saved: undefined, offsets: oldest() };
    const saved = JSON.parse(Buffer.from(found.bytes).toString()) as SavedFollower; // written by checkpoint
    const fits = saved.format === FORMAT && logs.every((name) => (found.offsets[name] ?? Infinity) <= log.statistics(name).nextOffset);
    if (fits) return { saved, offsets: Object.fromEntries(logs.map((name) => [name, Math.max(found.offsets[name]!, log.statistics(name).oldestOffset)])) };
    logger.log("warn", "Expectations are judged anew: their checkpoint does not fit the log", { state: stateName });
  } catch (thrown) {
    logger.log("warn", "Expectations are judged anew: their checkpoint is unusable", { state: stateName, reason: reasonOf(thrown) });
  }
  return { saved: undefined, offsets: oldest() };
}
