/** Test material: the parts of the event log and the state store that the feature engine uses, in memory. */
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog, LogRecord, NewRecord } from "../../ports/event-log.ts";
import type { StateCheckpoint, StateStore } from "../../ports/state-store.ts";
import type { SampleEvent } from "./event-samples.test.ts";

export interface MemoryLog {
  readonly log: EventLog;
  append(stream: string, events: readonly Pick<SampleEvent, "timeMs" | "knownAtMs" | "row">[]): void;
  /** Drops the records below an offset, as retention does. */
  dropBelow(stream: string, offset: number): void;
}

/** Batches of at most `batchSize` records, like those of a log on disk. */
export function createMemoryLog(batchSize = 64): MemoryLog {
  const logs = new Map<string, { records: LogRecord[]; oldestOffset: number }>();
  let wake = Promise.withResolvers<void>();
  const of = (name: string) => logs.get(name) ?? logs.set(name, { records: [], oldestOffset: 0 }).get(name)!;

  async function* read(name: string, { from, follow, signal }: Parameters<EventLog["read"]>[1]): ReturnType<EventLog["read"]> {
    let next = "offset" in from ? from.offset : 0;
    const aborted = new Promise<void>((resolve) => { signal?.addEventListener("abort", () => resolve(), { once: true }); });
    while (signal?.aborted !== true) {
      const { records, oldestOffset } = of(name);
      if (next < oldestOffset) throw new StrataError("LOG_OFFSET_GONE", { offset: next, log: name, oldest: oldestOffset });
      if (next < records.length) {
        const batch = records.slice(next, next + batchSize);
        yield { baseOffset: next, appendedAtMs: 0, records: batch };
        next += batch.length;
      } else if (follow === true) await Promise.race([wake.promise, aborted]);
      else return;
    }
  }

  const log: Partial<EventLog> = {
    read,
    statistics: (name) => ({ oldestOffset: of(name).oldestOffset, nextOffset: of(name).records.length, sizeBytes: 0, segments: 1 }),
  };
  return {
    log: log as EventLog, // the engine uses no more than this
    dropBelow: (stream, offset) => { of(stream).oldestOffset = offset; },
    append: (stream, events) => {
      const { records } = of(stream);
      for (const { timeMs, knownAtMs, row } of events) {
        const record: NewRecord = { id: String(records.length), timeMs, knownAtMs, payload: Buffer.from(JSON.stringify(row)) };
        records.push({ ...record, offset: records.length });
      }
      wake.resolve();
      wake = Promise.withResolvers();
    },
  };
}

export interface MemoryStates extends StateStore {
  readonly saved: Map<string, StateCheckpoint>;
}

export function createMemoryStates(): MemoryStates {
  const saved = new Map<string, StateCheckpoint>();
  return {
    saved,
    save: async (name, checkpoint) => { saved.set(name, structuredClone(checkpoint)); },
    load: async (name) => saved.get(name),
    delete: async (name) => { saved.delete(name); },
    names: async () => [...saved.keys()],
  };
}
