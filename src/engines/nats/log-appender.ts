/**
 * Appends to one log's stream: group commit, one group in flight. What waits while a group is under way leaves together
 * as one message (as an atomic batch of messages where it exceeds what the server takes as one).
 *
 * A group says which sequence it expects to be the stream's last (compare and set), so offsets are consecutive whoever
 * else appends. When the server does not answer, the same group is sent again with the same expectation: it can be
 * stored at most once, because either copy makes the other's expectation wrong; then the message that stands there is
 * read back and its id tells whose it is. So no answer lost on the way loses or doubles an append.
 * More than one group in flight would save nothing (a group takes all that waits) and would break this: a later group
 * could find its expected sequence met by somebody else's message.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { createGroupCommit } from "../../kernel/group-commit.ts";
import type { AppendResult, NewRecord } from "../../ports/event-log.ts";
import { encodeBatch } from "../../ports/record-batch.ts";
import type { LogState } from "./log-state.ts";
import { noteStored } from "./log-state.ts";
import { apiCode } from "./log-streams.ts";
import type { LogStreams } from "./log-streams.ts";
import type { MessagePublisher, OutgoingMessage } from "./message-publisher.ts";
import { sealMessage } from "./stored-message.ts";

export interface LogAppender {
  append(records: readonly NewRecord[]): Promise<AppendResult>;
  pendingBytes(): number;
  /** Resolves when nothing is under way; what is in doubt at `deadline` (a signal) is rejected with LOG_APPEND_UNKNOWN. */
  drain(deadline: AbortSignal): Promise<void>;
}

export interface LogAppenderOptions {
  readonly streams: LogStreams;
  readonly publisher: MessagePublisher;
  readonly clock: Clock;
}

interface PendingAppend {
  readonly batches: readonly Buffer[];
  readonly sizeBytes: number;
  readonly count: number;
  baseOffset: number;
}

/** Answers that say that the stream's last message is another one than expected. */
const WRONG_SEQUENCE = new Set([10_071, 10_164]);
/** A stream that is not there (any more, or not yet on this server), and a cluster that has no leader at the moment. */
const PASSING = new Set([10_008, 10_023, 10_039, 10_059, 10_118]);
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

export function createLogAppender(log: LogState, { streams, publisher, clock }: LogAppenderOptions): LogAppender {
  let pendingBytes = 0;
  let deadline: AbortSignal | undefined;

  /** Packs batches into messages and gives them their offsets. */
  const seal = (batches: readonly Buffer[], token: string): readonly OutgoingMessage[] => {
    const appendedAtMs = Math.max(clock.now(), log.lastAppendedAtMs);
    let { nextOffset: baseOffset, lastSequence: sequence } = log;
    return publisher.pack(batches).map((group, index) => {
      const { bytes, nextOffset } = sealMessage(group, { baseOffset, appendedAtMs });
      const message = { sequence: ++sequence, baseOffset, count: nextOffset - baseOffset, appendedAtMs, bytes, id: `${token}.${index}` };
      baseOffset = nextOffset;
      return message;
    });
  };

  const isOurs = async (message: OutgoingMessage): Promise<boolean> => (await streams.message(log, message.sequence))?.id === message.id;

  /** Asks until the answer is known: true = stored, false = somebody else's message stands there. */
  const publish = async (messages: readonly OutgoingMessage[]): Promise<boolean> => {
    let inDoubt = false;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        if (!log.exists) await streams.create(log);
        await publisher.publish(log.subject, messages);
        return true;
      } catch (thrown) {
        const code = apiCode(thrown);
        if (code !== undefined && WRONG_SEQUENCE.has(code)) {
          if (!inDoubt) return false;
          const ours = await isOurs(messages[0]!).catch(() => undefined);
          if (ours !== undefined) return ours;
        } else if (isStrataError(thrown) || (code !== undefined && !PASSING.has(code))) throw thrown;
        else inDoubt ||= code === undefined;
        if (code === 10_059) log.exists = false;
        if (deadline?.aborted) throw inDoubt ? new StrataError("LOG_APPEND_UNKNOWN", { log: log.name, reason: reasonOf(thrown) }, { cause: thrown }) : thrown;
      }
      await sleep(pauseMs, undefined, deadline ? { signal: deadline } : {}).catch(() => undefined);
    }
  };

  const store = async (appends: readonly PendingAppend[]): Promise<void> => {
    const batches = appends.flatMap((append) => append.batches);
    if (batches.length === 0 && log.nextOffset === 0 && !log.exists) return;
    if (batches.length === 0) return place(appends, log.nextOffset);
    for (;;) {
      const messages = seal(batches, publisher.newToken());
      if (await publish(messages)) {
        place(appends, messages[0]!.baseOffset);
        for (const message of messages) {
          log.tail.push(message);
          log.sizeBytes += publisher.storedBytes(log.subject, message);
          noteStored(log, message);
        }
        return;
      }
      await untilAnswered(() => streams.refresh(log), deadline);
    }
  };

  const commits = createGroupCommit<PendingAppend>({
    weigh: (append) => append.sizeBytes, maxWeight: publisher.maxPayloadBytes,
    write: async (appends) => {
      try {
        await store(appends);
      } catch (thrown) {
        if (isStrataError(thrown)) throw thrown;
        throw new StrataError("LOG_WRITE_FAILED", { log: log.name, reason: reasonOf(thrown) }, { cause: thrown });
      } finally {
        for (const append of appends) pendingBytes -= append.sizeBytes;
      }
    },
  });

  return {
    append: async (records) => {
      const batches = records.length === 0 ? [] : publisher.split(records).map(encodeBatch);
      const append: PendingAppend = { batches, sizeBytes: batches.reduce((sum, batch) => sum + batch.length, 0), count: records.length, baseOffset: 0 };
      pendingBytes += append.sizeBytes;
      await commits.add(append);
      return { baseOffset: append.baseOffset, nextOffset: append.baseOffset + append.count };
    },
    pendingBytes: () => pendingBytes,
    drain: async (signal) => {
      deadline = signal;
      await commits.drain();
    },
  };
}

function place(appends: readonly PendingAppend[], baseOffset: number): void {
  for (const append of appends) {
    append.baseOffset = baseOffset;
    baseOffset += append.count;
  }
}

async function untilAnswered(ask: () => Promise<void>, deadline: AbortSignal | undefined): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await ask();
    } catch (thrown) {
      if (isStrataError(thrown) || deadline?.aborted) throw thrown;
    }
    await sleep(pauseMs);
  }
}
