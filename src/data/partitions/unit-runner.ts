/**
 * One worker's run of one unit: reads the unit's log from where its targets stand, applies, stores. While one round of
 * writes is under way the next events are applied, and leave together with the next round: under light load an event is
 * stored at once, under heavy load the rounds grow by themselves.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { hash32 } from "../../kernel/random.ts";
import type { EventLog, LogRecord, RecordBatch } from "../../ports/event-log.ts";
import type { OnlineStore } from "../../ports/online-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { Row } from "../streams/recent-rows.ts";
import { compileSchema } from "../streams/schema-check.ts";
import type { PartitionUnit } from "./partition-plan.ts";
import { openCopyTarget, openViewTarget } from "./partition-targets.ts";
import type { PartitionEvents, PartitionTarget } from "./partition-targets.ts";
import { readSeenEvents } from "./seen-events.ts";
import type { SeenEvents } from "./seen-events.ts";

export interface UnitRun {
  /** Resolves when the run has ended: after `stop`, or because another worker has the unit. Rejects with what failed. */
  readonly ended: Promise<"stopped" | "fenced">;
  /** One past the last event whose effects are stored. */
  storedOffset(): number;
  /** Stores what was applied, then ends. */
  stop(): void;
}

export interface UnitRunOptions {
  readonly unit: PartitionUnit;
  readonly epoch: number;
  readonly log: EventLog;
  readonly store: OnlineStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Latest records per partition whose ids are remembered. */
  readonly dedupeRecords: number;
  /** Told how many events were stored, and how old the youngest of them was when it became durable here, in ms. */
  readonly onStored?: (events: number, ageMs: number) => void;
}

/** Events applied and not yet stored; above this, applying waits. */
const MAX_WAITING_EVENTS = 50_000;

export function runUnit(options: UnitRunOptions): UnitRun {
  const stopping = new AbortController();
  let stored = 0;
  const run = async (): Promise<"stopped" | "fenced"> => {
    try {
      await follow(options, stopping, (offset) => { stored = offset; });
      return "stopped";
    } catch (thrown) {
      if (thrown instanceof StrataError && thrown.code === "STORE_FENCED") return "fenced";
      throw thrown;
    }
  };
  return { ended: run(), storedOffset: () => stored, stop: () => stopping.abort() };
}

async function follow(options: UnitRunOptions, stopping: AbortController, onStored: (offset: number) => void): Promise<void> {
  const { unit, log, logger } = options;
  const targets = [
    ...await Promise.all(unit.views.map((view) => openViewTarget(view, options))),
    ...await Promise.all(unit.repartitioned.map((view) => openCopyTarget(view, options))),
  ];
  const { oldestOffset } = await log.refresh(unit.name);
  const wanted = targets.length === 0 ? oldestOffset : Math.min(...targets.map((target) => target.nextOffset()));
  if (wanted < oldestOffset) logger.log("warn", `Partition log "${unit.name}" begins at offset ${oldestOffset}: what was before it is missing from views built now`, { log: unit.name });
  const offset = Math.max(wanted, oldestOffset);
  onStored(offset);
  const seen = unit.isCopy ? undefined
    : await readSeenEvents(log, unit.name, { offset, records: options.dedupeRecords, oldestOffset, keys: [hash32(unit.name), hash32(unit.name, 1)] });
  const rounds = createRounds(options, targets, { onStored, onFailure: () => stopping.abort() });
  const read = createRowReader(unit, logger);
  for await (const batch of log.read(unit.name, { from: { offset }, follow: true, signal: stopping.signal })) {
    const events = read(batch, seen);
    for (const target of targets) target.apply(events);
    await rounds.applied(events, batch.records.length);
    if (stopping.signal.aborted) break;
  }
  await rounds.settle();
}

/** A batch's rows as its stream's schema gives them, without events that came before or cannot be read. */
function createRowReader({ stream, name }: PartitionUnit, logger: Logger): (batch: RecordBatch, seen: SeenEvents | undefined) => PartitionEvents {
  const check = compileSchema(stream.schema);
  const rowOf = ({ payload, offset }: LogRecord): Row | undefined => {
    try {
      const value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()) as unknown;
      const checked = check(value);
      return checked.success ? checked.data : value as Row; // accepted by an earlier schema: as it was sent
    } catch (thrown) {
      logger.log("error", `Event ${offset} of "${name}" is no JSON and is left out: ${reasonOf(thrown)}`, { log: name, offset });
      return undefined;
    }
  };
  return ({ baseOffset, records: all }, seen) => {
    const records: LogRecord[] = [], rows: Row[] = [];
    for (const record of all) {
      if (seen?.isFirst(record) === false) continue;
      const row = rowOf(record);
      if (row === undefined) continue;
      records.push(record);
      rows.push(row);
    }
    return { records, rows, nextOffset: baseOffset + all.length };
  };
}

interface Rounds {
  applied(events: PartitionEvents, count: number): Promise<void>;
  /** Resolves when everything applied is stored; rejects with the first failure. */
  settle(): Promise<void>;
}

function createRounds({ clock, onStored: tell }: UnitRunOptions, targets: readonly PartitionTarget[], { onStored, onFailure }: { readonly onStored: (offset: number) => void; readonly onFailure: () => void }): Rounds {
  let waiting = 0;
  let youngestMs = 0;
  let current: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  const storeAll = async (): Promise<void> => {
    while (waiting > 0 && failure === undefined) {
      const count = waiting;
      waiting = 0;
      try {
        const offset = Math.min(...targets.map((target) => target.nextOffset()));
        await Promise.all(targets.map((target) => target.store()));
        onStored(offset);
        tell?.(count, clock.now() - youngestMs);
      } catch (thrown) {
        failure = { error: thrown };
        onFailure();
      }
    }
    current = undefined;
  };

  return {
    applied: async ({ records }, count) => {
      waiting += Math.max(1, count);
      youngestMs = records.at(-1)?.knownAtMs ?? youngestMs;
      current ??= storeAll();
      if (waiting > MAX_WAITING_EVENTS) await current;
      if (failure !== undefined) throw failure.error;
    },
    settle: async () => {
      await current;
      if (failure !== undefined) throw failure.error;
    },
  };
}
