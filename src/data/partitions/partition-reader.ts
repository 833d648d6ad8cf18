/**
 * Feature reads where views are computed by workers: packed bytes by key from the online store, evaluated here at the
 * time of the read. A read begins by asking the log how far it goes, and waits until the workers have stored that much,
 * so it sees every event that was acknowledged anywhere before.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { FeatureView } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { OnlineStore } from "../../ports/online-store.ts";
import { joinKey } from "../features/entity-key.ts";
import { createPackedReader } from "../features/packed-reader.ts";
import type { PackedReader } from "../features/packed-reader.ts";
import type { FeatureValue } from "../features/view-state.ts";
import { copyLog, entityPartition, localEntity, partitionLog, storedCopies, storedView } from "./partition-plan.ts";

export interface PartitionReader {
  /**
   * One row of features per key, in the order of the view's features. DEADLINE_EXCEEDED when the workers have not stored
   * what was acknowledged before the call within `timeoutMs` (default 10,000).
   */
  read(view: FeatureView, keys: readonly (readonly string[])[], options: { readonly atMs: number; readonly timeoutMs?: number }): Promise<readonly (readonly FeatureValue[])[]>;
}

const TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 20;

interface Stand {
  /** The online store's name. */
  readonly view: string;
  readonly partition: number;
  readonly log: string;
}

export function createPartitionReader({ log, store, clock }: { readonly log: EventLog; readonly store: OnlineStore; readonly clock: Clock }): PartitionReader {
  const readers = new Map<string, PackedReader>();
  const readerOf = (view: FeatureView): PackedReader => {
    const name = storedView(view);
    const reader = readers.get(name) ?? createPackedReader(view);
    readers.set(name, reader);
    return reader;
  };

  /** Waits until what the log holds now is stored. */
  const reached = async (stand: Stand, deadlineMs: number): Promise<void> => {
    const { nextOffset } = await log.refresh(stand.log);
    if (nextOffset === 0) return;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      const position = await store.position(stand.view, stand.partition);
      if ((position?.offsets[stand.log] ?? 0) >= nextOffset) return;
      if (clock.monotonicMs() > deadlineMs) throw new StrataError("DEADLINE_EXCEEDED", { what: `Applying offset ${nextOffset} of log "${stand.log}" by its worker`, timeoutMs: TIMEOUT_MS });
      await sleep(pauseMs);
    }
  };

  return {
    read: async (view, keys, { atMs, timeoutMs = TIMEOUT_MS }) => {
      const stream = view.from;
      const deadlineMs = clock.monotonicMs() + timeoutMs;
      const joined = keys.map((key) => joinKey(view, key));
      const partitions = [...new Set(joined.map((key) => entityPartition(view, stream, key)))];
      if (localEntity(view, stream) >= 0) {
        await Promise.all(partitions.map((partition) => reached({ view: storedView(view), partition, log: partitionLog(stream, partition) }, deadlineMs)));
      } else {
        const sources = Array.from({ length: stream.partitioning?.partitions ?? 1 }, (_, partition) => partition); // an entity's events may come from anywhere
        await Promise.all(sources.map((partition) => reached({ view: storedCopies(view), partition, log: partitionLog(stream, partition) }, deadlineMs)));
        await Promise.all(partitions.map((partition) => reached({ view: storedView(view), partition, log: copyLog(view, partition) }, deadlineMs)));
      }
      const rows = await store.read(storedView(view), joined);
      const reader = readerOf(view);
      return rows.map((bytes) => reader.read(bytes, atMs));
    },
  };
}
