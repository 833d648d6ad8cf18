/**
 * Reading a log: from this process's memory while the wanted messages are recent, else from the server in batches by
 * sequence (direct get), every checksum verified. A place is found by bisection over the messages' headers. A server
 * that does not answer is asked again until the reader gives up.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { ReadOptions, RecordBatch } from "../../ports/event-log.ts";
import type { LogState } from "./log-state.ts";
import { noteStored } from "./log-state.ts";
import type { LogStreams } from "./log-streams.ts";
import { decodeMessage, endOf } from "./stored-message.ts";
import type { StoredMessage } from "./stored-message.ts";

export interface ReadContext {
  readonly streams: LogStreams;
  /** Fires when the event log closes. */
  readonly closed: AbortSignal;
}

/** Enough that reading costs few requests, little enough to hold for every slow consumer. */
const READ_BYTES = 4 * 1024 * 1024;
const PAUSE_MS = 100;
/** Notices may get lost, as when the connection breaks: a waiting reader asks this often itself. */
const ASK_EVERY_MS = 1_000;

/** See `EventLog.read`. */
export async function* readLog(log: LogState, context: ReadContext, options: ReadOptions): AsyncGenerator<RecordBatch, void, undefined> {
  const { signal, follow = false } = options;
  const { streams, closed } = context;
  const either = signal === undefined ? closed : AbortSignal.any([signal, closed]);
  const refuseClosed = (): void => {
    if (closed.aborted) throw new StrataError("CLOSED", { what: "The event log" });
  };
  refuseClosed();
  if (signal?.aborted) return;
  await answered(() => streams.refresh(log), either);
  const end = follow ? Infinity : log.nextOffset;
  const sinceMs = "appendedAtMs" in options.from ? options.from.appendedAtMs : -Infinity;
  let offset = "offset" in options.from ? options.from.offset : await answered(() => offsetOf(log, streams, sinceMs), either) ?? 0;
  const server = createServerReader(log, streams);
  for (;;) {
    refuseClosed();
    if (offset >= end || signal?.aborted) return;
    if (offset < log.oldestOffset) throw offsetGone(log, offset);
    if (offset >= log.nextOffset) {
      await waitForMore(log, streams, either);
      continue;
    }
    const message = log.tail.at(offset) ?? await answered(() => server.messageAt(offset), either);
    if (message === undefined) continue;
    if (message.baseOffset > offset) throw offsetGone(log, offset);
    yield decodeMessage(log.name, message, offset);
    server.passed(message);
    offset = endOf(message);
  }
}

function offsetGone(log: LogState, offset: number): StrataError {
  return new StrataError("LOG_OFFSET_GONE", { log: log.name, offset, oldest: log.oldestOffset });
}

async function waitForMore(log: LogState, streams: LogStreams, either: AbortSignal): Promise<void> {
  const known = log.nextOffset;
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), ASK_EVERY_MS);
  await log.changed.wait(AbortSignal.any([either, timer.signal]));
  clearTimeout(timeout);
  if (log.nextOffset === known && !either.aborted) await answered(() => streams.refresh(log), either);
}

/** Asks until the server answers; undefined when the signal fired first. */
async function answered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await ask();
    } catch (thrown) {
      if (isStrataError(thrown)) throw thrown;
      if (!signal.aborted) await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

interface ServerReader {
  /** The message that holds the offset, or the first after a gap; undefined when the server has none yet. */
  messageAt(offset: number): Promise<StoredMessage | undefined>;
  passed(message: StoredMessage): void;
}

function createServerReader(log: LogState, streams: LogStreams): ServerReader {
  let fetched: StoredMessage[] = []; // newest first
  let nextSequence: number | undefined;

  const fetch = async (offset: number): Promise<void> => {
    const from = nextSequence ?? await sequenceOf(log, streams, (message) => endOf(message) > offset);
    const messages = await streams.messages(log, from, READ_BYTES);
    for (const message of messages) {
      noteStored(log, message);
      if (message.sequence > log.lastSequence - TAIL_MESSAGES) log.tail.push(message);
    }
    fetched = messages.toReversed();
  };

  const next = (offset: number): StoredMessage | undefined => {
    while (fetched.length > 0 && endOf(fetched.at(-1)!) <= offset) fetched.pop();
    return fetched.at(-1);
  };

  return {
    messageAt: async (offset) => {
      if (next(offset) === undefined) await fetch(offset);
      const found = next(offset);
      if (found !== undefined && found.baseOffset > offset) await streams.refresh(log); // retention was faster: say what is kept
      return found;
    },
    passed: ({ sequence }) => { nextSequence = sequence + 1; },
  };
}

/** What a process reads at the end of a log, its other consumers read next. */
const TAIL_MESSAGES = 64;

/** The offset of the first record appended at or after the time. */
async function offsetOf(log: LogState, streams: LogStreams, timeMs: number): Promise<number> {
  if (log.lastSequence === 0 || timeMs > log.lastAppendedAtMs) return log.nextOffset;
  const sequence = await sequenceOf(log, streams, (message) => message.appendedAtMs >= timeMs);
  return (await streams.message(log, sequence))?.baseOffset ?? log.oldestOffset;
}

/** Bisection: the first sequence whose message passes the test, which later ones pass too. */
export async function sequenceOf(log: LogState, streams: LogStreams, passes: (message: StoredMessage) => boolean): Promise<number> {
  let low = log.firstSequence;
  let high = log.lastSequence;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await streams.message(log, middle);
    if (message !== undefined && passes(message)) high = middle;
    else low = middle + 1; // a message that is gone lies before what is kept
  }
  return low;
}

