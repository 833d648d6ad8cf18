/**
 * Reading a log: from this process's memory while the wanted batches are recent, else from the broker, every checksum
 * verified. Readers that wait share one long poll per log, which brings what anybody appended. A broker that does not
 * answer is asked again until the reader gives up.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { ReadOptions, RecordBatch } from "../../ports/event-log.ts";
import type { BrokerClient } from "./broker-client.ts";
import { endOf, noteStored } from "./log-state.ts";
import type { LogState } from "./log-state.ts";
import type { LogTopics } from "./log-topics.ts";
import { decodeKafkaBatch } from "./record-batch.ts";
import type { KafkaBatch } from "./record-batch.ts";

export interface ReadContext {
  readonly client: BrokerClient;
  readonly topics: LogTopics;
  readonly poll: LongPoll;
  /** Fires when the event log closes. */
  readonly closed: AbortSignal;
}

const READ_BYTES = 4 * 1024 * 1024;
const PAUSE_MS = 100;
const POLL_MS = 500;
const OFFSET_OUT_OF_RANGE = 1;

/** See `EventLog.read`. */
export async function* readLog(log: LogState, context: ReadContext, options: ReadOptions): AsyncGenerator<RecordBatch, void, undefined> {
  const { signal, follow = false } = options;
  const { client, topics, closed, poll } = context;
  const either = signal === undefined ? closed : AbortSignal.any([signal, closed]);
  const refuseClosed = (): void => {
    if (closed.aborted) throw new StrataError("CLOSED", { what: "The event log" });
  };
  refuseClosed();
  if (signal?.aborted) return;
  await answered(() => topics.refresh(log), either);
  const end = follow ? Infinity : log.nextOffset;
  const sinceMs = "appendedAtMs" in options.from ? options.from.appendedAtMs : -Infinity;
  let offset = "offset" in options.from ? options.from.offset : await answered(() => offsetSince(log, client, sinceMs), either) ?? 0;
  let fetched: KafkaBatch[] = []; // newest first
  for (;;) {
    refuseClosed();
    if (offset >= end || signal?.aborted) return;
    if (offset < log.oldestOffset) throw offsetGone(log, offset);
    if (offset >= log.nextOffset) {
      await poll.wait(log, either);
      continue;
    }
    while (fetched.length > 0 && endOf(fetched.at(-1)!) <= offset) fetched.pop();
    const batch = log.tail.at(offset) ?? fetched.at(-1);
    if (batch === undefined) {
      fetched = (await answered(() => fetchFrom(log, context, offset), either) ?? []).toReversed();
      continue;
    }
    if (batch.baseOffset > offset) throw offsetGone(log, offset);
    const decoded = decodeKafkaBatch(log.name, batch, { fromOffset: offset, crc32c: client.library.crc32c });
    if (decoded.records.length > 0) yield decoded;
    offset = endOf(batch);
  }
}

function offsetGone(log: LogState, offset: number): StrataError {
  return new StrataError("LOG_OFFSET_GONE", { log: log.name, offset, oldest: log.oldestOffset });
}

async function fetchFrom(log: LogState, { client, topics }: ReadContext, offset: number): Promise<readonly KafkaBatch[]> {
  const { code, batches, oldestOffset } = await client.fetch(log.topic, { offset, maxWaitMs: 0, maxBytes: READ_BYTES });
  if (code === OFFSET_OUT_OF_RANGE) {
    await topics.refresh(log);
    throw offsetGone(log, offset);
  }
  if (code !== 0 || batches.length === 0) {
    client.forgetLeaders();
    throw new Error(`the broker answered ${code}`);
  }
  log.oldestOffset = Math.max(log.oldestOffset, oldestOffset);
  return batches;
}

/** Asks until the broker answers; undefined when the signal fired first. */
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

/** The offset of the first record appended at or after the time. */
export async function offsetSince(log: LogState, client: BrokerClient, timeMs: number): Promise<number> {
  if (log.nextOffset === 0 || timeMs > log.lastAppendedAtMs) return log.nextOffset;
  if (timeMs < 0) return log.oldestOffset; // negative times mean other things to Kafka
  return Math.max(log.oldestOffset, (await client.offsetAt(log.topic, Math.ceil(timeMs)))?.offset ?? log.nextOffset);
}

/** One long poll per log for all readers that wait at its end. */
export interface LongPoll {
  /** Resolves when more may be known, or the signal fires. */
  wait(log: LogState, signal: AbortSignal): Promise<void>;
}

export function createLongPoll(client: BrokerClient, topics: LogTopics, closed: AbortSignal): LongPoll {
  const polling = new Set<LogState>();
  const waiting = new Map<LogState, number>();

  const pollOnce = async (log: LogState): Promise<void> => {
    if (!log.exists) {
      await sleep(PAUSE_MS, undefined, { signal: closed }).catch(() => undefined);
      if (!log.exists) await topics.refresh(log);
      return;
    }
    const { code, batches } = await client.fetch(log.topic, { offset: log.nextOffset, maxWaitMs: POLL_MS, maxBytes: READ_BYTES });
    if (code !== 0) throw new Error(`the broker answered ${code}`);
    noteStored(log, batches);
  };
  const run = async (log: LogState): Promise<void> => {
    polling.add(log);
    while (!closed.aborted && (waiting.get(log) ?? 0) > 0) {
      try {
        await pollOnce(log);
      } catch {
        client.forgetLeaders();
        await sleep(PAUSE_MS, undefined, { signal: closed }).catch(() => undefined);
      }
    }
    polling.delete(log);
  };

  return {
    wait: async (log, signal) => {
      waiting.set(log, (waiting.get(log) ?? 0) + 1);
      if (!polling.has(log)) void run(log);
      await log.changed.wait(signal);
      waiting.set(log, waiting.get(log)! - 1);
    },
  };
}
