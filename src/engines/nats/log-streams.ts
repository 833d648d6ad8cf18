/**
 * The streams of the logs on the server: made with the settings that keep data, found again, asked where they stand.
 * A stream keeps everything (retention is ours, by whole messages), refuses new messages rather than drop old ones, is
 * on disk, and tells every subscriber of `<prefix>.stored.<log>` what it stored, headers only, after it stored it.
 */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { decodeLogName } from "../../ports/log-name.ts";
import type { JetStreamManager, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import type { LogState } from "./log-state.ts";
import { endOf, storedMessage } from "./stored-message.ts";
import type { StoredMessage } from "./stored-message.ts";

export interface LogStreamOptions {
  readonly prefix: string;
  readonly replicas: number;
  /** Appends are refused above this; 0 = no bound. */
  readonly maxBytes: number;
}

export interface LogStreams {
  /** Names of the logs the server has. */
  names(): Promise<readonly string[]>;
  /** Makes the log's stream unless it is there. */
  create(log: LogState): Promise<void>;
  /** Asks the server and updates what is known. */
  refresh(log: LogState): Promise<void>;
  /** The message with this sequence; undefined when there is none (any more). */
  message(log: LogState, sequence: number): Promise<StoredMessage | undefined>;
  /** Messages from the sequence on, up to about `maxBytes`; empty when there are none. */
  messages(log: LogState, fromSequence: number, maxBytes: number): Promise<readonly StoredMessage[]>;
  /** Removes the messages below the sequence. */
  purge(log: LogState, sequence: number): Promise<void>;
}

/** Error codes of the server's table. */
const STREAM_NOT_FOUND = 10_059;
const STREAM_NAME_IN_USE = 10_058;
/** How long the next message of a batch may take before the server counts as gone. */
const BATCH_STALL_MS = 5_000;

export function createLogStreams(manager: JetStreamManager, options: LogStreamOptions): LogStreams {
  const { prefix, replicas, maxBytes } = options;

  const info = async (log: LogState): Promise<StreamInfo | undefined> => {
    try {
      return await manager.streams.info(log.stream);
    } catch (thrown) {
      if (apiCode(thrown) === STREAM_NOT_FOUND) return undefined;
      throw thrown;
    }
  };

  const message: LogStreams["message"] = async (log, sequence) => {
    const found = await manager.direct.getMessage(log.stream, { seq: sequence });
    return found === null ? undefined : storedMessage(found.seq, found.header, found.data);
  };

  return {
    message,
    names: async () => {
      const names: string[] = [];
      for await (const { config } of manager.streams.list(`${prefix}.log.*`)) {
        if (config.name.startsWith(`${prefix}-log-`)) names.push(decodeLogName(config.name.slice(prefix.length + 5)));
      }
      return names.toSorted();
    },
    create: async (log) => {
      try {
        await manager.streams.add(streamConfig(log, { prefix, replicas, maxBytes }));
      } catch (thrown) {
        if (apiCode(thrown) !== STREAM_NAME_IN_USE) throw thrown; // it is there, with settings that an operator gave it
      }
      log.exists = true;
    },
    refresh: async (log) => {
      const found = await info(log);
      if (found === undefined) return;
      log.exists = true;
      const { state } = found;
      log.messages = state.messages;
      log.sizeBytes = state.bytes;
      if (state.messages === 0 && state.last_seq > 0) throw new StrataError("LOG_CORRUPT", { log: log.name, file: log.stream, position: state.last_seq, reason: "the stream was emptied from outside, so its offsets are lost" });
      if (state.messages === 0) return;
      if (state.first_seq !== log.firstSequence || log.lastSequence === 0) await noteFirst(log, state.first_seq, message);
      if (state.last_seq > log.lastSequence) await noteLast(log, state.last_seq, message);
    },
    messages: async (log, fromSequence, maxBytes) => collect(await manager.direct.getBatch(log.stream, { seq: fromSequence, batch: 1_024, max_bytes: maxBytes })),
    purge: async (log, sequence) => void await manager.streams.purge(log.stream, { seq: sequence }),
  };
}

async function noteFirst(log: LogState, sequence: number, message: LogStreams["message"]): Promise<void> {
  const first = await message(log, sequence);
  if (first === undefined) return; // retention elsewhere was faster; the next refresh knows
  log.firstSequence = sequence;
  log.oldestOffset = first.baseOffset;
}

async function noteLast(log: LogState, sequence: number, message: LogStreams["message"]): Promise<void> {
  const last = await message(log, sequence);
  if (last === undefined || last.sequence <= log.lastSequence) return;
  log.lastSequence = last.sequence;
  log.nextOffset = endOf(last);
  log.lastAppendedAtMs = Math.max(log.lastAppendedAtMs, last.appendedAtMs);
  log.changed.ring();
}

type Batch = Awaited<ReturnType<JetStreamManager["direct"]["getBatch"]>>;

/** The batch's messages; what came before the server went away counts. */
async function collect(batch: Batch): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = [];
  let timer: NodeJS.Timeout | undefined;
  const stalled = (): void => batch.stop(new Error(`no answer for ${BATCH_STALL_MS} ms`));
  const watch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(stalled, BATCH_STALL_MS);
  };
  watch();
  try {
    for await (const { seq, header, data } of batch) {
      messages.push(storedMessage(seq, header, data));
      watch();
    }
  } catch (thrown) {
    if (messages.length === 0 && !isEmptyAnswer(thrown)) throw thrown;
  } finally {
    clearTimeout(timer);
  }
  return messages;
}

const isEmptyAnswer = (thrown: unknown): boolean => /message not found|no results|404/i.test(reasonOf(thrown));

function streamConfig(log: LogState, { prefix, replicas, maxBytes }: LogStreamOptions): Partial<StreamConfig> & { name: string } {
  return {
    name: log.stream, subjects: [log.subject], description: `Strata log ${log.name}`, storage: "file", retention: "limits", discard: "new",
    num_replicas: replicas, max_bytes: maxBytes > 0 ? maxBytes : -1, allow_direct: true, allow_atomic: true, duplicate_window: 120_000_000_000, // ns
    republish: { src: log.subject, dest: log.subject.replace(`${prefix}.log.`, `${prefix}.stored.`), headers_only: true },
  };
}

/** The server's error code, when it answered with one. */
export function apiCode(thrown: unknown): number | undefined {
  const code: unknown = (thrown as { code?: unknown } | undefined)?.code;
  return typeof code === "number" && code >= 10_000 ? code : undefined;
}

