/**
 * Appends to one log's topic: group commit, one batch in flight, acknowledged by all in-sync replicas. The broker knows a
 * batch by producer and sequence number, so a batch whose answer was lost is sent again under the same number until the
 * answer is known: stored once, whatever happened to the first copy (KIP-98). When the broker has forgotten the producer,
 * the log's end is read back for the batch before a new producer goes on.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { createGroupCommit } from "../../kernel/group-commit.ts";
import type { AppendResult, NewRecord } from "../../ports/event-log.ts";
import type { BrokerClient } from "./broker-client.ts";
import { endOf, noteStored } from "./log-state.ts";
import type { LogState } from "./log-state.ts";
import { MAX_BATCH_BYTES } from "./log-topics.ts";
import type { LogTopics } from "./log-topics.ts";
import { RECORD_OVERHEAD_BYTES, encodeKafkaBatch } from "./record-batch.ts";
import type { KafkaBatch, ProducerPlace } from "./record-batch.ts";

export interface LogAppender {
  append(records: readonly NewRecord[]): Promise<AppendResult>;
  pendingBytes(): number;
  /** Resolves when nothing is under way; what is in doubt when the signal fires is rejected with LOG_APPEND_UNKNOWN. */
  drain(deadline: AbortSignal): Promise<void>;
}

export interface LogAppenderOptions {
  readonly client: BrokerClient;
  readonly topics: LogTopics;
  readonly clock: Clock;
}

interface PendingAppend {
  readonly records: readonly NewRecord[];
  readonly sizeBytes: number;
  baseOffset: number;
}

const MAX_GROUP_BYTES = 8 * 1024 * 1024;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
/** Out of order, unknown producer, fenced epoch: the broker does not know this producer (any more). */
const PRODUCER_FORGOTTEN = new Set([45, 47, 59]);
const DUPLICATE_SEQUENCE = 46;
/** Answers after which the same batch may be sent again: no leader, not enough replicas, busy, starting. */
const PASSING = new Set([-1, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 56, 74, 75]);

export function createLogAppender(log: LogState, { client, topics, clock }: LogAppenderOptions): LogAppender {
  const { crc32c } = client.library;
  let pendingBytes = 0;
  let deadline: AbortSignal | undefined;
  let producer: { producerId: bigint; producerEpoch: number; sequence: number } | undefined;

  const encode = (records: readonly NewRecord[], place: ProducerPlace): KafkaBatch => {
    const appendedAtMs = Math.max(Math.floor(clock.now()), log.lastAppendedAtMs);
    return { ...place, baseOffset: -1, count: records.length, appendedAtMs, bytes: encodeKafkaBatch(records, { ...place, appendedAtMs }, crc32c) };
  };

  /** Where the batch stands, if it was stored at or after `fromOffset`. */
  const findStored = async (batch: KafkaBatch, fromOffset: number): Promise<number | undefined> => {
    await topics.refresh(log);
    for (let offset = fromOffset; offset < log.nextOffset;) {
      const { batches } = await client.fetch(log.topic, { offset, maxWaitMs: 0, maxBytes: MAX_GROUP_BYTES });
      const found = batches.find(({ producerId, producerEpoch, sequence }) => producerId === batch.producerId && producerEpoch === batch.producerEpoch && sequence === batch.sequence);
      if (found) return found.baseOffset;
      if (batches.length === 0) return undefined;
      offset = endOf(batches.at(-1)!);
    }
    return undefined;
  };

  /** The batch's offset once it is stored; undefined when the broker does not know the producer and has no such batch. */
  const produce = async (batch: KafkaBatch): Promise<number | undefined> => {
    const fromOffset = log.nextOffset;
    let inDoubt = false;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      let reason = "";
      try {
        if (!log.exists) await topics.create(log);
        const { code, baseOffset, message } = await client.produce(log.topic, batch.bytes);
        if (code === 0 && baseOffset >= 0) return baseOffset;
        if (code === 0 || code === DUPLICATE_SEQUENCE || PRODUCER_FORGOTTEN.has(code)) {
          const stored = inDoubt || code === 0 || code === DUPLICATE_SEQUENCE ? await findStored(batch, fromOffset) : undefined;
          if (stored !== undefined || PRODUCER_FORGOTTEN.has(code)) return stored;
        } else if (!PASSING.has(code)) throw new StrataError("LOG_WRITE_FAILED", { log: log.name, reason: `Kafka answered ${code} ${message}` });
        reason = `Kafka answered ${code} ${message}`;
        client.forgetLeaders();
      } catch (thrown) {
        if (isStrataError(thrown)) throw thrown;
        reason = reasonOf(thrown);
      }
      inDoubt = true;
      if (deadline?.aborted) throw new StrataError("LOG_APPEND_UNKNOWN", { log: log.name, reason });
      await sleep(pauseMs, undefined, deadline ? { signal: deadline } : {}).catch(() => undefined);
    }
  };

  const newProducer = async (): Promise<NonNullable<typeof producer>> => {
    for (;;) {
      try {
        return { ...await client.newProducer(), sequence: 0 };
      } catch (thrown) {
        if (deadline?.aborted) throw thrown;
        await sleep(LONGEST_PAUSE_MS / 5);
      }
    }
  };

  const store = async (appends: readonly PendingAppend[]): Promise<void> => {
    const records = appends.flatMap((append) => append.records);
    if (records.length === 0) return place(appends, log.nextOffset);
    for (;;) {
      producer ??= await newProducer();
      const batch = encode(records, { producerId: producer.producerId, producerEpoch: producer.producerEpoch, sequence: producer.sequence });
      if (batch.bytes.length > MAX_BATCH_BYTES) throw new StrataError("BATCH_TOO_LARGE", { sizeBytes: batch.bytes.length, limitBytes: MAX_BATCH_BYTES });
      const baseOffset = await produce(batch);
      if (baseOffset === undefined) {
        producer = undefined;
        continue;
      }
      producer.sequence = (producer.sequence + records.length) % 2 ** 31;
      batch.bytes.writeBigInt64BE(BigInt(baseOffset), 0);
      place(appends, baseOffset);
      log.sizeBytes += batch.bytes.length;
      noteStored(log, [{ ...batch, baseOffset }]);
      return;
    }
  };

  const commits = createGroupCommit<PendingAppend>({
    weigh: (append) => append.sizeBytes, maxWeight: MAX_GROUP_BYTES,
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
      for (const { id } of records) if (!id.isWellFormed()) throw new StrataError("REQUEST_INVALID", { reason: `The event id ${JSON.stringify(id)} is not well-formed text; use whole Unicode characters.` });
      const kept = records.map((record) => ({ id: record.id, timeMs: record.timeMs, knownAtMs: record.knownAtMs, payload: Buffer.from(record.payload) })); // the caller may reuse its buffers
      const append: PendingAppend = { records: kept, sizeBytes: kept.reduce((sum, { id, payload }) => sum + payload.length + id.length + RECORD_OVERHEAD_BYTES, 0), baseOffset: 0 };
      pendingBytes += append.sizeBytes;
      await commits.add(append);
      return { baseOffset: append.baseOffset, nextOffset: append.baseOffset + records.length };
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
    baseOffset += append.records.length;
  }
}
