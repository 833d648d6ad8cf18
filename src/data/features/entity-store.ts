/**
 * The online state of a view: every entity's events as a range of rows in shared columns. Events are appended in
 * order of arrival; an entity's rows are brought into order of time when it is next read, so late events cost what
 * they must and a burst of them costs it once. Events too old for any window leave, folded into the history where
 * lifetime features need them.
 */
import type { SpillStatistics, SpillStore } from "../../ports/spill-store.ts";
import { createEntityRegistry } from "./entity-registry.ts";
import { NOT_SPILLED, NO_CHUNK, TABLE_BYTES, createTable, growTable } from "./entity-table.ts";
import { createEvictedHistory, evictRows, forgetHistory, latestEvicted } from "./evicted-history.ts";
import type { EvictedHistory } from "./evicted-history.ts";
import { createLastSeen } from "./last-seen.ts";
import { createEntityPacker } from "./packed-entity.ts";
import type { PackedHead } from "./packed-entity.ts";
import { SMALLEST_CHUNK, createRowChunks } from "./row-chunks.ts";
import { rowsBefore, rowsUpTo } from "./row-search.ts";
import { createSpillBound } from "./spill-bound.ts";
import type { SpillOptions } from "./spill-bound.ts";
import { createWindowColumns, growWindowColumns, sizeOfColumns } from "./window-columns.ts";
import type { WindowColumns } from "./window-columns.ts";
import { createWindowOperator } from "./window-operator.ts";
import type { WindowPlan } from "./window-plan.ts";
import { copyRows, settleRows } from "./window-rows.ts";
import { buildTiles } from "./window-tiles.ts";

/** An entity's rows: `[start, start + count)`. */
export interface EntityRows {
  readonly start: number;
  readonly count: number;
}

export interface EntityStore {
  readonly columns: WindowColumns;
  /** Present when the view has lifetime features. */
  readonly history: EvictedHistory | undefined;
  /** The entity's number; a new one when it was not known. */
  enter(key: string): number;
  /** -1 when the entity is not known. */
  find(key: string): number;
  /** The row to fill for a new event of the entity; its time and values must be written before anything else is called. */
  append(entity: number): number;
  /** The first of `count` rows to fill, for an entity without any; otherwise like `append`. */
  load(entity: number, count: number): number;
  /** The entity as bytes (packed-entity.ts). */
  pack(entity: number, horizonMs: number): Uint8Array;
  /** Puts the packed entity in place of what is known under the key. */
  unpack(key: string, bytes: Uint8Array): PackedHead;
  /** Writes the entity's features at a time, in the plan's order (see WindowOperator); entity -1 has no events. */
  evaluate(entity: number, timeMs: number, out: Float64Array): void;
  /** Time of the entity's latest event at or before a time; -Infinity when there is none. */
  latestMs(entity: number, timeMs: number): number;
  /** Drops events before `horizonMs` of the next `visits` entities in turn; returns how many. */
  evict(horizonMs: number, visits: number): number;
  /** Known entities whose rows are in memory, each with its rows in order of time. */
  entities(): IterableIterator<{ readonly key: string; readonly entity: number } & EntityRows>;
  /** The other entities, packed. */
  spilled(): IterableIterator<{ readonly key: string; readonly bytes: Uint8Array }>;
  readonly entityCount: number;
  /** Those of spilled entities included. */
  readonly eventCount: number;
  memoryBytes(): number;
  /** Entities in the spill store, the bytes kept and the room they take; undefined while none ever left. */
  spillStatistics(): { readonly entities: number; readonly keptBytes: number; readonly usedBytes: number } | undefined;
  /** Where spilled entities are; undefined while none ever left. */
  readonly spilledTo: SpillStore | undefined;
  /** Closes the spill store. */
  close(): void;
}

const FIRST_ROWS = 1024;

export interface StoreOptions {
  /** Rows beyond a bound leave memory for the spill store. Default: all stay. */
  readonly spill?: SpillOptions;
}

export function createEntityStore(plan: WindowPlan, { spill }: StoreOptions = {}): EntityStore {
  const columns = createWindowColumns(plan, { capacity: FIRST_ROWS, known: false });
  const history = plan.hasLifetime ? createEvictedHistory(plan) : undefined;
  const operator = createWindowOperator(plan, columns, history);
  const chunks = createRowChunks((rows) => {
    if (rows > columns.capacity) growWindowColumns(columns, Math.max(rows, Math.min(columns.capacity * 2, bound?.rows ?? Number.POSITIVE_INFINITY)));
  });
  const packer = createEntityPacker(plan, columns, history);
  const registry = createEntityRegistry();
  const table = createTable(64);
  const seen = createLastSeen();
  const query = { start: 0, end: 0, entity: -1, timeMs: 0, knownLimit: Number.POSITIVE_INFINITY };
  let eventCount = 0;
  let spilledEntities = 0;
  let opened: SpillStore | undefined;
  let hand = 0;

  const spillStore = (): SpillStore => (opened ??= spill!.open()); // only called where there is a bound

  const settle = (entity: number): void => {
    const start = table.starts[entity]!;
    const end = start + table.counts[entity]!;
    const from = start + table.settled[entity]!;
    if (from === end) return;
    settleRows(columns, { start, from, end }, seen);
    table.settled[entity] = end - start;
  };

  /** Takes a chunk for an entity, which stays in memory. */
  const takeChunk = (size: number, entity: number): number => {
    bound?.makeRoom(size, entity);
    return chunks.take(size);
  };

  const releaseChunk = (entity: number): void => {
    if (table.sizes[entity] !== NO_CHUNK) chunks.release(table.chunks[entity]!, table.sizes[entity]!);
    table.sizes[entity] = NO_CHUNK;
  };

  /** Moves the rows to the front of their chunk when half of it is free, else to a chunk twice as large. */
  const makeRoom = (entity: number): void => {
    const size = table.sizes[entity]!;
    const count = table.counts[entity]!;
    const isRoomy = size !== NO_CHUNK && count * 2 <= 2 ** size;
    const newSize = size === NO_CHUNK ? SMALLEST_CHUNK : isRoomy ? size : size + 1;
    const to = isRoomy ? table.chunks[entity]! : takeChunk(newSize, entity);
    copyRows(columns, { from: table.starts[entity]!, count, to });
    if (!isRoomy) releaseChunk(entity);
    table.chunks[entity] = to;
    table.sizes[entity] = newSize;
    table.starts[entity] = to;
    buildTiles(columns, { start: to, from: to, end: to + table.settled[entity]! });
  };

  const evictEntity = (entity: number, horizonMs: number): number => {
    settle(entity);
    const from = table.starts[entity]!;
    const to = rowsBefore(columns.times, { from, to: from + table.counts[entity]!, timeMs: horizonMs });
    if (to === from) return 0;
    if (history) evictRows(history, plan, columns, { entity, from, to });
    table.starts[entity]! += to - from;
    table.counts[entity]! -= to - from;
    table.settled[entity]! -= to - from;
    if (table.counts[entity] === 0) {
      releaseChunk(entity);
      if (history === undefined) registry.forget(entity); // an entity that lifetime features remember keeps its number
    }
    eventCount -= to - from;
    return to - from;
  };

  /** A spilled entity is left alone until all its events have gone; what lifetime features need of them stays with the bytes. */
  const evictSpilled = (entity: number, horizonMs: number): number => {
    if (history !== undefined || table.spilledLatestMs[entity]! >= horizonMs) return 0;
    const rows = table.spilledRows[entity]!;
    spillStore().drop(table.spilled[entity]!);
    forgetSpilled(entity);
    registry.forget(entity);
    return rows;
  };

  const enter = (key: string): number => {
    const entity = registry.enter(key);
    if (entity >= table.chunks.length) growTable(table);
    return entity;
  };

  const load = (entity: number, count: number): number => {
    const size = Math.max(SMALLEST_CHUNK, 32 - Math.clz32(count - 1));
    const start = takeChunk(size, entity);
    table.chunks[entity] = start;
    table.sizes[entity] = size;
    table.starts[entity] = start;
    table.counts[entity] = count;
    eventCount += count;
    return start;
  };

  const dropRows = (entity: number): void => {
    releaseChunk(entity);
    eventCount -= table.counts[entity]!;
    table.counts[entity] = 0;
    table.settled[entity] = 0;
    if (history) forgetHistory(history, entity);
  };

  const spillEntity = (entity: number): void => {
    settle(entity);
    const [start, count] = [table.starts[entity]!, table.counts[entity]!];
    table.spilled[entity] = spillStore().put(packer.pack({ entity, start, count }, Number.NEGATIVE_INFINITY)); // a refusal throws here, before anything has changed
    table.spilledRows[entity] = count;
    table.spilledLatestMs[entity] = count > 0 ? columns.times[start + count - 1]! : Number.NEGATIVE_INFINITY;
    spilledEntities++;
    dropRows(entity);
    eventCount += count; // they still count
  };

  const forgetSpilled = (entity: number): void => {
    table.spilled[entity] = NOT_SPILLED;
    eventCount -= table.spilledRows[entity]!;
    spilledEntities--;
  };

  /** Makes sure that the entity's rows are in memory. */
  const bring = (entity: number): void => {
    table.touched[entity] = 1;
    const kept = table.spilled[entity]!;
    if (kept === NOT_SPILLED) return;
    const bytes = spillStore().take(kept);
    forgetSpilled(entity);
    const { rows } = packer.head(bytes);
    packer.unpack(bytes, { entity, start: rows > 0 ? load(entity, rows) : 0 });
  };

  const bound = spill && createSpillBound({ ...spill, plan, table, chunks, end: () => registry.end, spill: spillEntity });

  const clear = (entity: number): void => {
    if (table.spilled[entity] !== NOT_SPILLED) {
      spillStore().drop(table.spilled[entity]!);
      forgetSpilled(entity);
    }
    dropRows(entity);
  };

  return {
    columns, history, enter, load,
    find: registry.find,
    append: (entity) => {
      bring(entity);
      const end = table.starts[entity]! + table.counts[entity]!;
      const isFull = table.sizes[entity] === NO_CHUNK || end === table.chunks[entity]! + 2 ** table.sizes[entity]!;
      if (isFull) makeRoom(entity);
      eventCount++;
      return table.starts[entity]! + table.counts[entity]!++;
    },
    pack: (entity, horizonMs) => {
      bring(entity);
      settle(entity);
      return packer.pack({ entity, start: table.starts[entity]!, count: table.counts[entity]! }, horizonMs);
    },
    unpack: (key, bytes) => {
      const head = packer.head(bytes);
      const entity = enter(key);
      clear(entity);
      packer.unpack(bytes, { entity, start: head.rows > 0 ? load(entity, head.rows) : 0 });
      return head;
    },
    evaluate: (entity, timeMs, out) => {
      if (entity >= 0) {
        bring(entity);
        settle(entity);
      }
      query.start = entity < 0 ? 0 : table.starts[entity]!;
      query.end = entity < 0 ? 0 : query.start + table.counts[entity]!;
      query.entity = entity;
      query.timeMs = timeMs;
      operator.evaluate(query, out);
    },
    latestMs: (entity, timeMs) => {
      if (entity < 0) return Number.NEGATIVE_INFINITY;
      bring(entity);
      settle(entity);
      const from = table.starts[entity]!;
      const end = rowsUpTo(columns.times, { from, to: from + table.counts[entity]!, timeMs });
      if (end > from) return columns.times[end - 1]!;
      return history === undefined ? Number.NEGATIVE_INFINITY : latestEvicted(history, entity);
    },
    evict: (horizonMs, visits) => {
      let evicted = 0;
      for (let visit = Math.min(visits, registry.end); visit > 0; visit--) {
        hand = hand + 1 < registry.end ? hand + 1 : 0;
        if (!registry.isKnown(hand)) continue;
        if (table.counts[hand]! > 0) evicted += evictEntity(hand, horizonMs);
        else if (table.spilled[hand] !== NOT_SPILLED) evicted += evictSpilled(hand, horizonMs);
      }
      return evicted;
    },
    *entities() {
      for (const [key, entity] of registry.known()) {
        if (table.spilled[entity] !== NOT_SPILLED) continue;
        settle(entity);
        yield { key, entity, start: table.starts[entity]!, count: table.counts[entity]! };
      }
    },
    *spilled() {
      for (const [key, entity] of registry.known()) {
        if (table.spilled[entity] !== NOT_SPILLED) yield { key, bytes: spillStore().read(table.spilled[entity]!) };
      }
    },
    spillStatistics: () => (opened === undefined ? undefined : { entities: spilledEntities, ...pickBytes(opened.statistics()) }),
    get spilledTo() { return opened; },
    close: () => opened?.close(),
    get entityCount() { return registry.size; },
    get eventCount() { return eventCount; },
    memoryBytes: () => sizeOfColumns(columns) + table.chunks.length * TABLE_BYTES + registry.memoryBytes(),
  };
}

const pickBytes = ({ keptBytes, usedBytes }: SpillStatistics): { readonly keptBytes: number; readonly usedBytes: number } => ({ keptBytes, usedBytes });
