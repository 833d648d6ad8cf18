/**
 * The event log on NATS JetStream: a stream per log, a message per group of record batches, offsets by compare and set
 * (log-appender.ts). Several processes may append and read; each hears of the others' messages from the server.
 *
 * What "acknowledged" is worth is the server's setting: JetStream acknowledges before it syncs, every two minutes by
 * default (Jepsen, "NATS 2.12.1", 2025). It keeps what it acknowledged through power loss with `sync_interval: always`,
 * or with three or more replicas in different failure domains. A client cannot read the setting, so the operator says
 * that it holds (`syncAlways`), or the log says loudly that nobody did.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog, LogDamage, LogStatistics, ReadOptions } from "../../ports/event-log.ts";
import { decodeLogName } from "../../ports/log-name.ts";
import { silentLogger, type Logger } from "../../ports/telemetry.ts";
import type { NatsConnection } from "@nats-io/transport-node";
import { openCheckpoints } from "./checkpoints.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { createLogAppender } from "./log-appender.ts";
import type { LogAppender } from "./log-appender.ts";
import { readLog } from "./log-reader.ts";
import { retainLog } from "./log-retention.ts";
import { createLogState, noteStored } from "./log-state.ts";
import type { LogState } from "./log-state.ts";
import { createLogStreams } from "./log-streams.ts";
import type { LogStreams } from "./log-streams.ts";
import { createMessagePublisher } from "./message-publisher.ts";
import type { MessagePublisher } from "./message-publisher.ts";
import { connectToNats, loadNats } from "./nats-library.ts";
import type { NatsServerOptions } from "./nats-library.ts";
import { damageOf, placeOf } from "./stored-message.ts";

export interface NatsEventLogOptions extends NatsServerOptions {
  readonly clock: Clock;
  /** Begins the names of streams and subjects; logs of another prefix are another log. Letters, digits and "-". Default "strata". */
  readonly prefix?: string;
  /** Copies of each stream. Default 1. */
  readonly replicas?: number;
  /** The operator's word that the server runs with `sync_interval: always`. Default false. */
  readonly syncAlways?: boolean;
  /** Bytes per log above which appends are refused. Default: no bound. */
  readonly maxLogBytes?: number;
  /** Per log, how much of its newest data stays in memory for consumers that keep up. Default 8 MiB. */
  readonly tailBytes?: number;
  /** After this without an answer a message is sent again. Default 5000. */
  readonly ackTimeoutMs?: number;
  /** How long closing waits for appends in doubt. Default 5000. */
  readonly closeTimeoutMs?: number;
  readonly logger?: Logger;
}

interface OpenLog {
  readonly state: LogState;
  readonly appender: LogAppender;
}

const MEBIBYTE = 1024 * 1024;

/** Connects and reads where every log stands. LOG_UNREACHABLE, RUNTIME_MISSING. */
export async function openNatsEventLog(options: NatsEventLogOptions): Promise<EventLog> {
  const { prefix = "strata", replicas = 1, logger = silentLogger } = options;
  const library = await loadNats();
  const connection = await connectToNats(library, options);
  try {
    warnOfLoss(replicas, options.syncAlways ?? false, logger);
    const client = library.jetstream.jetstream(connection);
    const manager = await library.jetstream.jetstreamManager(connection);
    const streams = createLogStreams(manager, { prefix, replicas, maxBytes: options.maxLogBytes ?? 0 });
    const publisher = createMessagePublisher({ library, connection, client, processToken: randomBytes(9).toString("base64url"), ackTimeoutMs: options.ackTimeoutMs ?? 5_000 });
    const checkpoints = await openCheckpoints(manager, client, { prefix, replicas });
    const parts: Parts = { options: { ...options, prefix }, connection, streams, publisher, checkpoints, logs: new Map() };
    for (const name of await streams.names()) {
      const log = newLog(name, parts);
      await streams.refresh(log.state);
      parts.logs.set(name, log);
    }
    return createEventLog(parts);
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

function warnOfLoss(replicas: number, syncAlways: boolean, logger: Logger): void {
  if (replicas >= 3 || syncAlways) return;
  logger.log("warn", `The event log is on NATS with ${replicas} replica(s), and nothing says that the server syncs before it acknowledges: a power loss can take up to two minutes of acknowledged events. Set \`sync_interval: always\` in the server's jetstream block and say so here (syncAlways), or use 3 replicas.`);
}

interface Parts {
  readonly options: NatsEventLogOptions & { readonly prefix: string };
  readonly connection: NatsConnection;
  readonly streams: LogStreams;
  readonly publisher: MessagePublisher;
  readonly checkpoints: Checkpoints;
  readonly logs: Map<string, OpenLog>;
}

function newLog(name: string, { options, streams, publisher }: Parts): OpenLog {
  const state = createLogState(name, { prefix: options.prefix, tailBytes: options.tailBytes ?? 8 * MEBIBYTE });
  return { state, appender: createLogAppender(state, { streams, publisher, clock: options.clock }) };
}

const NO_STATISTICS: LogStatistics = { oldestOffset: 0, nextOffset: 0, sizeBytes: 0, segments: 0 };

function createEventLog(parts: Parts): EventLog {
  const { options, connection, streams, checkpoints, logs } = parts;
  const closed = new AbortController();
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
  subscribeToStored(parts, (name) => (closing ? undefined : logNamed(name)));

  const close = async (): Promise<void> => {
    const deadline = AbortSignal.timeout(options.closeTimeoutMs ?? 5_000);
    await Promise.all(Array.from(logs.values(), ({ appender }) => appender.drain(deadline)));
    closed.abort();
    await connection.close();
  };

  const refresh = async (name: string): Promise<LogStatistics> => {
    const { state } = logNamed(name);
    await streams.refresh(state);
    await checkpoints.refresh(name);
    return statisticsOf(state);
  };

  const eventLog: EventLog = {
    append: async (name, records) => logNamed(name).appender.append(records),
    async *read(name, readOptions) {
      refuseBadStart(readOptions);
      yield* readLog(logNamed(name).state, { streams, closed: closed.signal }, readOptions);
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
    refresh,
    pendingBytes: () => [...logs.values()].reduce((sum, log) => sum + log.appender.pendingBytes(), 0),
    checkpoint: (name, group) => {
      refuseClosed();
      return checkpoints.get(name, group);
    },
    commit: async (name, group, nextOffset) => {
      const { state } = logNamed(name);
      if (nextOffset > state.nextOffset) await streams.refresh(state);
      refuseBadCommit(group, nextOffset, state.nextOffset);
      await checkpoints.commit(name, group, nextOffset);
    },
    retain: async (name, policy) => retainLog(logNamed(name).state, streams, { ...policy, nowMs: options.clock.now() }),
    verify: async (name) => verifyLog(logNamed(name).state, streams),
    close: () => closing ??= close(),
    [Symbol.asyncDispose]: () => eventLog.close(),
  };
  return eventLog;
}

/** The server tells what it stored, after it stored it. Our own messages are noted when they are acknowledged. */
function subscribeToStored({ options, connection, publisher }: Parts, logNamed: (name: string) => OpenLog | undefined): void {
  const start = `${options.prefix}.stored.`;
  connection.subscribe(`${start}*`, {
    callback: (error, message) => {
      if (error || message.headers === undefined) return;
      const id = message.headers.get("Nats-Msg-Id") || message.headers.get("Strata-Part");
      if (publisher.isOwn(id)) return;
      const log = logNamed(decodeLogName(message.subject.slice(start.length)));
      if (log) noteStored(log.state, placeOf(Number(message.headers.get("Nats-Sequence")), message.headers));
    },
  });
}

function statisticsOf(log: LogState): LogStatistics {
  const segments = log.lastSequence === 0 ? 0 : log.lastSequence - log.firstSequence + 1;
  return { oldestOffset: log.oldestOffset, nextOffset: log.nextOffset, sizeBytes: log.sizeBytes, segments };
}

async function verifyLog(log: LogState, streams: LogStreams): Promise<readonly LogDamage[]> {
  await streams.refresh(log);
  const damage: LogDamage[] = [];
  for (let sequence = log.firstSequence, expected = log.oldestOffset; sequence <= log.lastSequence;) {
    const messages = await streams.messages(log, sequence, 4 * MEBIBYTE);
    if (messages.length === 0) break;
    for (const message of messages) {
      const reason = damageOf(log.name, message) ?? (message.baseOffset === expected ? undefined : `the message begins at offset ${message.baseOffset}, not ${expected}`);
      if (reason !== undefined) damage.push({ log: log.name, file: log.stream, position: message.sequence, kind: "corrupt", reason });
      expected = message.baseOffset + message.count;
      sequence = message.sequence + 1;
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
