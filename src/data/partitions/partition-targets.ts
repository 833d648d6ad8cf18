/**
 * What a unit's events flow into: the state of a view, whose changed entities go to the online store as packed bytes with
 * the position in one step, or the log of a view that lives under another key. Both keep their own position in the online
 * store, so each event takes effect once, whoever dies when.
 */
import type { FeatureView } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { EventLog, LogRecord, NewRecord } from "../../ports/event-log.ts";
import type { OnlineStore } from "../../ports/online-store.ts";
import { createKeyReader } from "../features/entity-key.ts";
import { createFieldReader } from "../features/event-fields.ts";
import { createViewState } from "../features/view-state.ts";
import type { Row } from "../streams/recent-rows.ts";
import { copyId, createCopyFilter } from "./copied-event.ts";
import { copyLog, entityPartition, storedCopies, storedView } from "./partition-plan.ts";
import type { PartitionUnit } from "./partition-plan.ts";

/** Events with their rows, offsets ascending; what came before is left out already. */
export interface PartitionEvents {
  readonly records: readonly LogRecord[];
  readonly rows: readonly Row[];
  /** One past the last offset, that of events left out included. */
  readonly nextOffset: number;
}

export interface PartitionTarget {
  /** Everything below this offset has taken effect here or will with the next `writes`. */
  readonly nextOffset: () => number;
  apply(events: PartitionEvents): void;
  /** Stores the effects of everything applied before the call. Never called while an earlier call is unfinished. */
  store(): Promise<void>;
}

export interface TargetOptions {
  readonly unit: PartitionUnit;
  readonly epoch: number;
  readonly log: EventLog;
  readonly store: OnlineStore;
  readonly clock: Clock;
}

/** Claims the view's partition and loads what is stored of it. */
export async function openViewTarget(view: FeatureView, { unit, epoch, store, clock }: TargetOptions): Promise<PartitionTarget> {
  const name = storedView(view);
  const position = await store.claim(name, unit.partition, epoch);
  const state = createViewState(view);
  for await (const { key, bytes } of store.entries(name, unit.partition)) state.unpack(key, bytes);
  state.progress.nextOffset = position.offsets[unit.name] ?? 0;
  const filter = unit.isCopy ? createCopyFilter(position.offsets) : undefined;
  const dirty = new Set<string>();
  let stored = state.progress.nextOffset;

  const applyRun = (records: readonly LogRecord[], rows: readonly Row[]): void => {
    if (records.length === 0) return;
    const timesMs = Float64Array.from(records, ({ timeMs }) => timeMs);
    const knownAtMs = Float64Array.from(records, (record) => record.knownAtMs);
    state.apply({ stream: unit.stream.name, baseOffset: records[0]!.offset, timesMs, knownAtMs, rows }, (key) => void dirty.add(key));
  };

  return {
    nextOffset: () => state.progress.nextOffset,
    apply: ({ records, rows, nextOffset }) => {
      let from = 0;
      const endRun = (to: number): void => {
        applyRun(records.slice(from, to), rows.slice(from, to));
        from = to;
      };
      for (let at = 0; at < records.length; at++) {
        const record = records[at]!;
        if (at > from && record.offset !== records[at - 1]!.offset + 1) endRun(at);
        if (record.offset < state.progress.nextOffset && at === from) continue; // applied before: the state steps over it itself
        if (filter && !filter.isNew(record.id)) {
          endRun(at);
          from = at + 1;
        }
      }
      endRun(records.length);
      state.progress.nextOffset = Math.max(state.progress.nextOffset, nextOffset);
      state.evict({ nowMs: clock.now(), latenessMs: unit.stream.latenessMs, visits: Math.ceil(records.length / 8) });
    },
    store: async () => {
      if (state.progress.nextOffset === stored) return;
      stored = state.progress.nextOffset;
      const entries = Array.from(dirty, (key) => ({ key, bytes: state.pack(key) }));
      dirty.clear();
      await store.write({ view: name, partition: unit.partition, epoch, offsets: { [unit.name]: stored, ...filter?.offsets() }, entries });
    },
  };
}

/** Copies each event into the log of its entity's partition. */
export async function openCopyTarget(view: FeatureView, { unit, epoch, log, store }: TargetOptions): Promise<PartitionTarget> {
  const name = storedCopies(view);
  const position = await store.claim(name, unit.partition, epoch);
  const keyOf = createKeyReader(view);
  const fieldsOf = createFieldReader(view);
  let nextOffset = position.offsets[unit.name] ?? 0;
  let stored = nextOffset;
  let waiting = new Map<number, NewRecord[]>(); // by partition

  return {
    nextOffset: () => nextOffset,
    apply: (events) => {
      events.records.forEach((record, at) => {
        if (record.offset < nextOffset) return;
        const key = keyOf(fieldsOf(events.rows[at]!), record.timeMs);
        if (key === undefined) return; // belongs to no entity
        const partition = entityPartition(view, unit.stream, key);
        const copy = { id: copyId({ source: unit.name, offset: record.offset }), timeMs: record.timeMs, knownAtMs: record.knownAtMs, payload: record.payload };
        const others = waiting.get(partition);
        if (others) others.push(copy);
        else waiting.set(partition, [copy]);
      });
      nextOffset = Math.max(nextOffset, events.nextOffset);
    },
    store: async () => {
      if (nextOffset === stored) return;
      const copies = waiting;
      const upTo = nextOffset;
      waiting = new Map();
      await Promise.all(Array.from(copies, ([partition, records]) => log.append(copyLog(view, partition), records)));
      await store.write({ view: name, partition: unit.partition, epoch, offsets: { [unit.name]: upTo }, entries: [] });
      stored = upTo;
    },
  };
}
