/** What this process knows of one log on Kafka; shared by its appender, its readers and retention. */
import { createBell, type Bell } from "../../kernel/bell.ts";
import { encodeLogName } from "../../ports/log-name.ts";
import type { KafkaBatch } from "./record-batch.ts";

export interface LogState {
  readonly name: string;
  readonly topic: string;
  /** Whether the topic is there. */
  exists: boolean;
  oldestOffset: number;
  /** One past the last record known. */
  nextOffset: number;
  lastAppendedAtMs: number;
  /** As the broker counts, at the last refresh, and our own appends since. */
  sizeBytes: number;
  /** Rings when records are known that were not, and when the log closes. */
  readonly changed: Bell;
  readonly tail: BatchTail;
}

export function createLogState(name: string, { prefix, tailBytes }: { readonly prefix: string; readonly tailBytes: number }): LogState {
  return {
    name, topic: `${prefix}.${encodeLogName(name)}`, exists: false, oldestOffset: 0, nextOffset: 0, lastAppendedAtMs: 0, sizeBytes: 0,
    changed: createBell(), tail: createBatchTail(tailBytes),
  };
}

export const endOf = ({ baseOffset, count }: KafkaBatch): number => baseOffset + count;

/** Takes note of batches that are stored, in offset order, and keeps the newest for readers. */
export function noteStored(log: LogState, batches: readonly KafkaBatch[]): void {
  const known = log.nextOffset;
  for (const batch of batches) {
    log.tail.push(batch);
    log.nextOffset = Math.max(log.nextOffset, endOf(batch));
    log.lastAppendedAtMs = Math.max(log.lastAppendedAtMs, batch.appendedAtMs);
  }
  if (log.nextOffset > known) log.changed.ring();
}

/** The newest batches by base offset, so that consumers that keep up ask the broker for nothing. */
export interface BatchTail {
  push(batch: KafkaBatch): void;
  /** The batch that starts at `offset`. */
  at(offset: number): KafkaBatch | undefined;
}

function createBatchTail(maxBytes: number): BatchTail {
  const byOffset = new Map<number, KafkaBatch>();
  let heldBytes = 0;
  return {
    push: (batch) => {
      if (byOffset.has(batch.baseOffset)) return;
      byOffset.set(batch.baseOffset, batch);
      heldBytes += batch.bytes.length;
      for (const [offset, { bytes }] of byOffset) {
        if (heldBytes <= maxBytes) return;
        byOffset.delete(offset);
        heldBytes -= bytes.length;
      }
    },
    at: (offset) => byOffset.get(offset),
  };
}
