/**
 * The embedded event log: one folder, one writer process, a folder of segments per log.
 *
 *   <folder>/lock, lock-owner     one writer (folder-lock.ts)
 *   <folder>/checkpoints          consumer checkpoints (consumer-checkpoints.ts)
 *   <folder>/logs/<log>/*.segment record batches (record-batch.ts)
 *   <folder>/logs/<log>/tiered    segments that lie in the blob store instead (tier-manifest.ts)
 *
 * Appends are acknowledged after one fdatasync per group (log-writer.ts); see log-recovery.ts for what opening does.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { LogStatistics, NewRecord, ReadOptions, TieringEventLog } from "../../ports/event-log.ts";
import { silentLogger, type Logger } from "../../ports/telemetry.ts";
import { openConsumerCheckpoints, type ConsumerCheckpoints } from "./consumer-checkpoints.ts";
import { removeLeftovers } from "./durable-file.ts";
import { fileNameOf, nameOfFile } from "./file-name.ts";
import { nodeFiles, type Files } from "./files.ts";
import type { FolderLock } from "./folder-lock.ts";
import { readLog } from "./log-reader.ts";
import { recoverLog } from "./log-recovery.ts";
import { retainLog } from "./log-retention.ts";
import { createLogState, oldestOffset, type LogState } from "./log-state.ts";
import { tierLog, tieredOf } from "./log-tiering.ts";
import { createTierReader } from "./tier-reader.ts";
import { verifyLog } from "./log-verification.ts";
import { createLogWriter, type LogWriter } from "./log-writer.ts";

export interface EmbeddedEventLogOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** A segment that would grow past this is closed and the next one begun; retention drops whole segments. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Per log, how much of its newest data stays in memory for consumers that keep up. Default 8 MiB. */
  readonly tailBytes?: number;
  /** Larger records are refused with RECORD_TOO_LARGE. Default 16 MiB. */
  readonly maxRecordBytes?: number;
  /** Where cold segments go and are read from; asked when needed, because it opens after the log's lock is held. Default: none go. */
  readonly blobs?: () => BlobStore;
  readonly logger?: Logger;
  /** Tests make writes and syncs fail here. */
  readonly files?: Files;
  /** 32 bits nobody who appends can guess: they keep payloads from imitating batches. Default: from node:crypto. */
  readonly newSeed?: () => number;
}

type Settings = Required<Omit<EmbeddedEventLogOptions, "blobs">> & Pick<EmbeddedEventLogOptions, "blobs">;

interface OpenLog {
  readonly state: LogState;
  readonly writer: LogWriter;
}

const MEBIBYTE = 1024 * 1024;

/** The checkpoint group under which a clean close marks how far each log was durable. */
const CLEAN_CLOSE = "";

/** Opens or creates the folder; DATA_DIR_LOCKED when another process has it open. Records handed out share memory with the log: treat payloads as read-only. */
export async function openEmbeddedEventLog(options: EmbeddedEventLogOptions): Promise<TieringEventLog> {
  const settings: Settings = {
    segmentBytes: 64 * MEBIBYTE, tailBytes: 8 * MEBIBYTE, maxRecordBytes: 16 * MEBIBYTE,
    logger: silentLogger, files: nodeFiles, newSeed: () => randomInt(2 ** 32), ...options,
  };
  await settings.files.makeFolder(settings.folder);
  const lock = await settings.files.lock(settings.folder);
  try {
    await removeLeftovers(settings.files, settings.folder);
    const checkpoints = await openConsumerCheckpoints(join(settings.folder, "checkpoints"), settings);
    const logs = await openLogs(settings, checkpoints);
    return createEventLog({ settings, lock, checkpoints, logs });
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

async function openLogs(settings: Settings, checkpoints: ConsumerCheckpoints): Promise<Map<string, OpenLog>> {
  const logs = new Map<string, OpenLog>();
  for (const fileName of await settings.files.list(join(settings.folder, "logs"))) {
    const name = nameOfFile(fileName);
    if (name === undefined) continue;
    const log = newLog(name, settings);
    await recoverLog(log.state, { ...settings, provenOffset: checkpoints.highest(name) });
    logs.set(name, log);
  }
  return logs;
}

function newLog(name: string, settings: Settings): OpenLog {
  const state = createLogState(name, { folder: join(settings.folder, "logs", fileNameOf(name)), tailBytes: settings.tailBytes, tier: createTierReader(() => settings.blobs?.()) });
  return { state, writer: createLogWriter(state, settings) };
}

interface Parts {
  readonly settings: Settings;
  readonly lock: FolderLock;
  readonly checkpoints: ConsumerCheckpoints;
  readonly logs: Map<string, OpenLog>;
}

function createEventLog({ settings, lock, checkpoints, logs }: Parts): TieringEventLog {
  let closing: Promise<void> | undefined;

  const refuseClosed = (): void => {
    if (closing) throw new StrataError("CLOSED", { what: "The event log" });
  };
  /** Retention and tiering of a log change the same list: one after the other. */
  const turns = new WeakMap<LogState, Promise<unknown>>();
  const inTurn = <T>(state: LogState, work: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(state) ?? Promise.resolve()).then(work, work);
    turns.set(state, turn.catch(() => undefined));
    return turn;
  };
  const logNamed = (name: string): OpenLog => {
    refuseClosed();
    const log = logs.get(name) ?? newLog(name, settings);
    logs.set(name, log);
    return log;
  };
  const close = async (): Promise<void> => {
    try {
      await Promise.all(Array.from(logs.values(), (log) => log.writer.close()));
      await markCleanClose(logs, checkpoints).catch((thrown: unknown) => settings.logger.log("warn", `The event log closed without its mark: ${reasonOf(thrown)}`));
      await checkpoints.close();
    } finally {
      for (const { state } of logs.values()) {
        state.closed = true;
        state.changed.ring();
      }
      lock.release();
    }
  };

  const eventLog: TieringEventLog = {
    append: async (name, records) => {
      const log = logNamed(name);
      refuseLarge(records, settings.maxRecordBytes);
      return log.writer.append(records);
    },
    async *read(name, options) {
      refuseBadStart(options);
      yield* readLog(logNamed(name).state, settings.files, options);
    },
    logs: () => {
      refuseClosed();
      return [...logs.values()].filter(({ state }) => state.nextOffset > 0).map(({ state }) => state.name).toSorted();
    },
    statistics: (name) => {
      refuseClosed();
      const log = logs.get(name);
      return log ? statisticsOf(log.state) : { oldestOffset: 0, nextOffset: 0, sizeBytes: 0, segments: 0 };
    },
    refresh: async (name) => eventLog.statistics(name), // one writer process: it knows
    pendingBytes: () => [...logs.values()].reduce((sum, log) => sum + log.writer.pendingBytes(), 0),
    checkpoint: (name, group) => {
      refuseClosed();
      return checkpoints.get(name, group);
    },
    commit: async (name, group, nextOffset) => {
      refuseBadCommit(group, nextOffset, logNamed(name).state.nextOffset);
      await commitOrExplain(checkpoints, [name, group, nextOffset]);
    },
    retain: async (name, policy) => {
      const { state } = logNamed(name);
      return inTurn(state, () => retainLog(state, policy, { files: settings.files, blobs: settings.blobs?.(), nowMs: settings.clock.now() }));
    },
    tier: async (name, { olderThanMs }) => {
      const { state } = logNamed(name);
      const blobs = settings.blobs?.();
      return blobs === undefined ? 0 : inTurn(state, () => tierLog(state, settings.clock.now() - olderThanMs, { files: settings.files, blobs, logger: settings.logger }));
    },
    verify: async (name) => verifyLog(logNamed(name).state, settings.files),
    close: () => closing ??= close(),
    [Symbol.asyncDispose]: () => eventLog.close(),
  };
  return eventLog;
}

function statisticsOf(log: LogState): LogStatistics {
  const tieredBytes = tieredOf(log).reduce((sum, segment) => sum + segment.sizeBytes, 0);
  return {
    oldestOffset: oldestOffset(log),
    nextOffset: log.nextOffset,
    sizeBytes: log.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0),
    segments: log.segments.length,
    ...(tieredBytes > 0 ? { tieredBytes } : {}),
  };
}

function refuseLarge(records: readonly NewRecord[], limitBytes: number): void {
  for (const { id, payload } of records) {
    if (payload.length + id.length > limitBytes) throw new StrataError("RECORD_TOO_LARGE", { sizeBytes: payload.length + id.length, limitBytes });
  }
}

function refuseBadStart({ from }: ReadOptions): void {
  if ("offset" in from ? Number.isSafeInteger(from.offset) && from.offset >= 0 : !Number.isNaN(from.appendedAtMs)) return;
  throw new StrataError("REQUEST_INVALID", { reason: `A log cannot be read from ${JSON.stringify(from)}: give an offset (0, 1, 2, …) or a time in ms.` });
}

/** A checkpoint past the end would skip records that do not exist yet, and would prove durable what is not. */
function refuseBadCommit(group: string, nextOffset: number, endOffset: number): void {
  if (group === CLEAN_CLOSE) throw new StrataError("REQUEST_INVALID", { reason: "A consumer group needs a name." });
  if (Number.isSafeInteger(nextOffset) && nextOffset >= 0 && nextOffset <= endOffset) return;
  throw new StrataError("REQUEST_INVALID", { reason: `Group "${group}" cannot commit offset ${nextOffset}: the log ends at ${endOffset}.` });
}

async function commitOrExplain(checkpoints: ConsumerCheckpoints, [log, group, nextOffset]: readonly [string, string, number]): Promise<void> {
  try {
    await checkpoints.commit(log, group, nextOffset);
  } catch (thrown) {
    throw new StrataError("LOG_WRITE_FAILED", { log, reason: `the checkpoint of group "${group}" was not stored: ${reasonOf(thrown)}` }, { cause: thrown });
  }
}

/** Lets the next opening tell damage at a log's end from a torn tail. */
async function markCleanClose(logs: ReadonlyMap<string, OpenLog>, checkpoints: ConsumerCheckpoints): Promise<void> {
  await Promise.all(Array.from(logs.values(), ({ state }) => checkpoints.commit(state.name, CLEAN_CLOSE, state.nextOffset)));
}
