/**
 * The event log on the Kafka protocol: a topic of one partition per log, a record per event with Kafka's own offsets,
 * appended by an idempotent producer with the acknowledgement of all in-sync replicas (log-appender.ts).
 *
 * "Acknowledged" means durable with the settings that topics are made with: several copies of which a majority must have
 * the event, or, with one copy, a sync of every append (`flush.messages=1`). Topics that exist already are checked.
 * Retention by age is exact; retention by size is the broker's, which drops whole segments in its own time.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog, LogDamage, LogStatistics, ReadOptions } from "../../ports/event-log.ts";
import { silentLogger, type Logger } from "../../ports/telemetry.ts";
import { connectToKafka } from "./broker-client.ts";
import type { BrokerClient, KafkaServerOptions } from "./broker-client.ts";
import { openCheckpoints } from "./checkpoints.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { loadKafka } from "./kafka-library.ts";
import { createLogAppender } from "./log-appender.ts";
import type { LogAppender } from "./log-appender.ts";
import { createLongPoll, offsetSince, readLog } from "./log-reader.ts";
import { createLogState, endOf } from "./log-state.ts";
import type { LogState } from "./log-state.ts";
import { createLogTopics } from "./log-topics.ts";
import type { LogTopics } from "./log-topics.ts";
import { damageOf } from "./record-batch.ts";

export interface KafkaEventLogOptions extends KafkaServerOptions {
  readonly clock: Clock;
  /** Begins the names of topics and groups; logs of another prefix are another log. Default "strata". */
  readonly prefix?: string;
  /** Copies of each topic that is made. Default 1. */
  readonly replicas?: number;
  /** Per log, how much of its newest data stays in memory for consumers that keep up. Default 8 MiB. */
  readonly tailBytes?: number;
  /** How long closing waits for appends in doubt. Default 5000. */
  readonly closeTimeoutMs?: number;
  readonly logger?: Logger;
}

interface OpenLog {
  readonly state: LogState;
  readonly appender: LogAppender;
}

const MEBIBYTE = 1024 * 1024;
const NO_STATISTICS: LogStatistics = { oldestOffset: 0, nextOffset: 0, sizeBytes: 0, segments: 0 };

/** Connects and reads where every log stands. LOG_UNREACHABLE, RUNTIME_MISSING. */
export async function openKafkaEventLog(options: KafkaEventLogOptions): Promise<EventLog> {
  const { prefix = "strata", replicas = 1, logger = silentLogger } = options;
  const client = await connectToKafka(await loadKafka(), options);
  try {
    const topics = createLogTopics(client, { prefix, replicas, logger });
    const checkpoints = await openCheckpoints(client.admin, prefix);
    const parts: Parts = { options: { ...options, prefix }, client, topics, checkpoints, logs: new Map() };
    for (const name of await topics.names()) {
      const log = newLog(name, parts);
      await topics.refresh(log.state, { withSize: true });
      await topics.checkSettings(log.state);
      parts.logs.set(name, log);
    }
    return createEventLog(parts);
  } catch (thrown) {
    await client.close();
    throw thrown;
  }
}

interface Parts {
  readonly options: KafkaEventLogOptions & { readonly prefix: string };
  readonly client: BrokerClient;
  readonly topics: LogTopics;
  readonly checkpoints: Checkpoints;
  readonly logs: Map<string, OpenLog>;
}

function newLog(name: string, { options, client, topics }: Parts): OpenLog {
  const state = createLogState(name, { prefix: options.prefix, tailBytes: options.tailBytes ?? 8 * MEBIBYTE });
  return { state, appender: createLogAppender(state, { client, topics, clock: options.clock }) };
}

function createEventLog(parts: Parts): EventLog {
  const { options, client, topics, checkpoints, logs } = parts;
  const closed = new AbortController();
  const poll = createLongPoll(client, topics, closed.signal);
  let closing: Promise<void> | undefined;

  const refuseClosed = (): void => {
    if (closing) throw new StrataError("CLOSED", { what: "The event log" });
  };
  const logNamed = (name: string): OpenLog => {
    refuseClosed();
    const log = logs.get(name) ?? newLog(name, parts);
    logs.set(name, log);
    return log;
  };
  const close = async (): Promise<void> => {
    const deadline = AbortSignal.timeout(options.closeTimeoutMs ?? 5_000);
    await Promise.all(Array.from(logs.values(), ({ appender }) => appender.drain(deadline)));
    closed.abort();
    await client.close();
  };

  const eventLog: EventLog = {
    append: async (name, records) => logNamed(name).appender.append(records),
    async *read(name, readOptions) {
      refuseBadStart(readOptions);
      yield* readLog(logNamed(name).state, { client, topics, poll, closed: closed.signal }, readOptions);
    },
    logs: () => {
      refuseClosed();
      return [...logs.values()].filter(({ state }) => state.nextOffset > 0).map(({ state }) => state.name).toSorted();
    },
    statistics: (name) => {
      refuseClosed();
      const log = logs.get(name);
      return log ? statisticsOf(log.state) : NO_STATISTICS;
    },
    refresh: async (name) => {
      const { state } = logNamed(name);
      await Promise.all([topics.refresh(state), checkpoints.refresh()]);
      return statisticsOf(state);
    },
    pendingBytes: () => [...logs.values()].reduce((sum, log) => sum + log.appender.pendingBytes(), 0),
    checkpoint: (name, group) => {
      refuseClosed();
      return checkpoints.get(logNamed(name).state.topic, group);
    },
    commit: async (name, group, nextOffset) => {
      const { state } = logNamed(name);
      if (nextOffset > state.nextOffset) await topics.refresh(state);
      refuseBadCommit(group, nextOffset, state.nextOffset);
      await checkpoints.commit(state, group, nextOffset);
    },
    retain: async (name, { maxAgeMs, maxBytes }) => {
      const { state } = logNamed(name);
      await topics.refresh(state);
      const before = state.oldestOffset;
      if (maxBytes !== undefined && state.exists) await topics.keepBytes(state, maxBytes);
      const keep = maxAgeMs === undefined || state.nextOffset === before ? before : Math.min(await offsetSince(state, client, options.clock.now() - maxAgeMs), state.nextOffset - 1);
      if (keep > before) await topics.dropBelow(state, keep);
      return state.oldestOffset - before;
    },
    verify: async (name) => verifyLog(logNamed(name).state, client, topics),
    close: () => closing ??= close(),
    [Symbol.asyncDispose]: () => eventLog.close(),
  };
  return eventLog;
}

/** What is inside a partition is the broker's affair: it counts as one segment. */
function statisticsOf({ oldestOffset, nextOffset, sizeBytes }: LogState): LogStatistics {
  return { oldestOffset, nextOffset, sizeBytes, segments: nextOffset > oldestOffset ? 1 : 0 };
}

async function verifyLog(log: LogState, client: BrokerClient, topics: LogTopics): Promise<readonly LogDamage[]> {
  await topics.refresh(log);
  const damage: LogDamage[] = [];
  for (let offset = log.oldestOffset; offset < log.nextOffset;) {
    const { batches } = await client.fetch(log.topic, { offset, maxWaitMs: 0, maxBytes: 8 * MEBIBYTE });
    if (batches.length === 0) break;
    for (const batch of batches) {
      const reason = damageOf(batch, client.library.crc32c) ?? (batch.baseOffset <= offset ? undefined : `the batch begins at offset ${batch.baseOffset}, not ${offset}`);
      if (reason !== undefined) damage.push({ log: log.name, file: log.topic, position: batch.baseOffset, kind: "corrupt", reason });
      offset = endOf(batch);
    }
  }
  return damage;
}

function refuseBadStart({ from }: ReadOptions): void {
  if ("offset" in from ? Number.isSafeInteger(from.offset) && from.offset >= 0 : !Number.isNaN(from.appendedAtMs)) return;
  throw new StrataError("REQUEST_INVALID", { reason: `A log cannot be read from ${JSON.stringify(from)}: give an offset (0, 1, 2, …) or a time in ms.` });
}

function refuseBadCommit(group: string, nextOffset: number, endOffset: number): void {
  if (group === "") throw new StrataError("REQUEST_INVALID", { reason: "A consumer group needs a name." });
  if (Number.isSafeInteger(nextOffset) && nextOffset >= 0 && nextOffset <= endOffset) return;
  throw new StrataError("REQUEST_INVALID", { reason: `Group "${group}" cannot commit offset ${nextOffset}: the log ends at ${endOffset}.` });
}
