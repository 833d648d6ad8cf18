/**
 * What remains, for lifetime features, of events that were dropped from memory: one partial aggregate, the moments,
 * the first and the latest values, the set of distinct values and the tally of codes, per entity and slot, as far as
 * the slot's lifetime features need them. Only views with lifetime features have one.
 */
import { RANK_SHIFT } from "./distinct-sketch.ts";
import { MOMENTS, addMoments, resetMoments } from "./moments.ts";
import { PARTIAL, addValue, resetPartial } from "./partial-aggregate.ts";
import type { WindowColumns } from "./window-columns.ts";
import { outputsOf } from "./window-plan.ts";
import type { Slot, WindowPlan } from "./window-plan.ts";

/** The latest values, latest first, with their times; of equal times the one that arrived last comes first. */
export interface ValueList {
  readonly times: number[];
  readonly values: number[];
}

/** One slot's history; the arrays are indexed by entity and empty where nothing needs them. */
export interface SlotHistory {
  /** PARTIAL doubles per entity; rows and flags use only the count. */
  partials: Float64Array;
  /** MOMENTS doubles per entity. */
  moments: Float64Array;
  /** Two doubles per entity: the earliest event's time and its value or code. */
  firsts: Float64Array;
  readonly lasts: Map<number, ValueList>;
  readonly distincts: Map<number, Set<number>>;
  /** How often each code occurred; the highest rank of each register where codes are offers. */
  readonly tallies: Map<number, Map<number, number>>;
  readonly keeps: SlotKeeps;
}

/** What a slot's lifetime features need. */
interface SlotKeeps {
  readonly partials: boolean;
  readonly moments: boolean;
  readonly firsts: boolean;
  /** The most values that any of them gives. */
  readonly lasts: number;
  readonly distincts: boolean;
  readonly tallies: boolean;
  /** The codes are offers to a sketch: of each register only the highest rank is kept. */
  readonly offers: boolean;
}

export interface EvictedHistory {
  /** 1 = the entity has evicted events. */
  entities: Uint8Array;
  /** Time of each entity's latest evicted event. */
  latestMs: Float64Array;
  /** By slot; undefined for slots without lifetime features. */
  readonly slots: readonly (SlotHistory | undefined)[];
}

export const hasHistory = (history: EvictedHistory | undefined, entity: number): boolean => history !== undefined && history.entities[entity] === 1;

export function createEvictedHistory(plan: WindowPlan): EvictedHistory {
  return {
    entities: new Uint8Array(0), latestMs: new Float64Array(0),
    slots: plan.slots.map((slot) => {
      if (!outputsOf(slot).some(({ isLifetime }) => isLifetime)) return undefined;
      const empty = (): Float64Array => new Float64Array(0);
      return { partials: empty(), moments: empty(), firsts: empty(), lasts: new Map(), distincts: new Map(), tallies: new Map(), keeps: keepsOf(slot) };
    }),
  };
}

function keepsOf(slot: Slot): SlotKeeps {
  const lifetime = (family: "folds" | "moments" | "firsts" | "lasts" | "distincts" | "tallies") => slot[family].filter(({ isLifetime }) => isLifetime);
  return {
    partials: lifetime("folds").length > 0, moments: lifetime("moments").length > 0, firsts: lifetime("firsts").length > 0,
    lasts: Math.max(0, ...lifetime("lasts").map(({ width }) => width)),
    distincts: lifetime("distincts").length > 0, tallies: lifetime("tallies").length > 0,
    offers: slot.bucket?.kind === "offer",
  };
}

/** Folds the entity's rows `[from, to)`, which are about to be dropped, into its history. */
export function evictRows(history: EvictedHistory, plan: WindowPlan, columns: WindowColumns, rows: { readonly entity: number; readonly from: number; readonly to: number }): void {
  markEvicted(history, rows.entity);
  history.latestMs[rows.entity] = Math.max(history.latestMs[rows.entity]!, columns.times[rows.to - 1]!); // rows are in order of time
  history.slots.forEach((slotHistory, index) => {
    if (slotHistory === undefined) return;
    for (let row = rows.from; row < rows.to; row++) {
      const value = slotValue(plan.slots[index]!, columns, row);
      if (!Number.isNaN(value)) evictValue(slotHistory, rows.entity, { timeMs: columns.times[row]!, value });
    }
  });
}

function evictValue(history: SlotHistory, entity: number, { timeMs, value }: { readonly timeMs: number; readonly value: number }): void {
  const { keeps, firsts } = history;
  if (keeps.partials) addValue(history.partials, entity * PARTIAL, value);
  if (keeps.moments) addMoments(history.moments, entity * MOMENTS, value);
  if (keeps.firsts && timeMs < firsts[entity * 2]!) {
    firsts[entity * 2] = timeMs;
    firsts[entity * 2 + 1] = value;
  }
  if (keeps.lasts > 0) insertLast(entryOf(history.lasts, entity, () => ({ times: [], values: [] })), { timeMs, value, most: keeps.lasts });
  if (keeps.distincts) entryOf(history.distincts, entity, () => new Set()).add(value);
  if (keeps.tallies) countCode(entryOf(history.tallies, entity, () => new Map()), value, keeps.offers);
}

/** Before the first that is not later: of equal times this one arrived last. */
function insertLast({ times, values }: ValueList, { timeMs, value, most }: { readonly timeMs: number; readonly value: number; readonly most: number }): void {
  let place = 0;
  while (place < times.length && times[place]! > timeMs) place++;
  if (place >= most) return;
  times.splice(place, 0, timeMs);
  values.splice(place, 0, value);
  if (times.length > most) {
    times.pop();
    values.pop();
  }
}

/** Counts the code; of the offers to a sketch only each register's highest rank is kept, so that it stays small. */
function countCode(tally: Map<number, number>, code: number, isOffer: boolean): void {
  if (!isOffer) tally.set(code, (tally.get(code) ?? 0) + 1);
  else tally.set(code >> RANK_SHIFT, Math.max(tally.get(code >> RANK_SHIFT) ?? 0, code & ((1 << RANK_SHIFT) - 1)));
}

/** Tells the codes of an entity's evicted events and how often each occurred. */
export function eachTallied({ tallies, keeps }: SlotHistory, entity: number, tell: (code: number, times: number) => void): void {
  for (const [key, value] of tallies.get(entity) ?? []) {
    if (keeps.offers) tell((key << RANK_SHIFT) | value, 1);
    else tell(key, value);
  }
}

/** The row's number or code, 1 for rows and flags that count; NaN when the row does not take part. */
function slotValue(slot: Slot, columns: WindowColumns, row: number): number {
  switch (slot.storage) {
    case "rows": return 1;
    case "flag": return columns.flags[slot.column]![row] === 1 ? 1 : Number.NaN;
    case "number": return columns.numbers[slot.column]![row]!;
    case "code": case "bucket": {
      const code = columns.codes[slot.column]![row]!;
      return code < 0 ? Number.NaN : code;
    }
  }
}

function entryOf<T>(entries: Map<number, T>, entity: number, create: () => T): T {
  const known = entries.get(entity);
  if (known !== undefined) return known;
  const created = create();
  entries.set(entity, created);
  return created;
}

/** Says that the entity has history from now on. */
export function markEvicted(history: EvictedHistory, entity: number): void {
  reserveEntity(history, entity);
  history.entities[entity] = 1;
}

/** Time of the latest evicted event; -Infinity when none was evicted. */
export function latestEvicted(history: EvictedHistory, entity: number): number {
  return hasHistory(history, entity) ? history.latestMs[entity]! : Number.NEGATIVE_INFINITY;
}

function reserveEntity(history: EvictedHistory, entity: number): void {
  const before = history.entities.length;
  if (entity < before) return;
  const size = Math.max(64, before * 2, entity + 1);
  history.entities = enlarged(history.entities, size);
  history.latestMs = enlarged(history.latestMs, size).fill(Number.NEGATIVE_INFINITY, before);
  for (const slot of history.slots) {
    if (slot === undefined) continue;
    if (slot.keeps.partials) slot.partials = enlarged(slot.partials, size * PARTIAL);
    if (slot.keeps.moments) slot.moments = enlarged(slot.moments, size * MOMENTS);
    if (slot.keeps.firsts) slot.firsts = enlarged(slot.firsts, size * 2);
    for (let each = before; each < size; each++) resetSlot(slot, each);
  }
}

function enlarged<T extends Float64Array | Uint8Array>(column: T, length: number): T {
  const larger = new (column.constructor as new (length: number) => T)(length); // the constructor of T
  larger.set(column);
  return larger;
}

function resetSlot({ keeps, partials, moments, firsts, ...slot }: SlotHistory, entity: number): void {
  if (keeps.partials) resetPartial(partials, entity * PARTIAL);
  if (keeps.moments) resetMoments(moments, entity * MOMENTS);
  if (keeps.firsts) firsts.set([Number.POSITIVE_INFINITY, Number.NaN], entity * 2);
  for (const entries of [slot.lasts, slot.distincts, slot.tallies]) entries.delete(entity);
}

/** Drops what is kept of the entity. */
export function forgetHistory(history: EvictedHistory, entity: number): void {
  if (!hasHistory(history, entity)) return;
  history.entities[entity] = 0;
  history.latestMs[entity] = Number.NEGATIVE_INFINITY;
  for (const slot of history.slots) if (slot !== undefined) resetSlot(slot, entity);
}
