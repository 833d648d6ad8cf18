/**
 * What remains, for lifetime features, of events that were dropped from memory: one partial aggregate, the last
 * value and the set of distinct values per entity and slot. Only views with lifetime features have one.
 */
import { PARTIAL, addValue, resetPartial } from "./partial-aggregate.ts";
import type { WindowColumns } from "./window-columns.ts";
import { outputsOf } from "./window-plan.ts";
import type { Slot, SlotOutput, WindowPlan } from "./window-plan.ts";

/** One slot's history; the arrays are indexed by entity. */
export interface SlotHistory {
  /** PARTIAL doubles per entity; rows and flags use only the count. */
  partials: Float64Array;
  /** Two doubles per entity: the latest event's time and its value or code. */
  lasts: Float64Array;
  readonly distincts: Map<number, Set<number>>;
  /** Whether a lifetime feature counts distinct values, so that they must be kept. */
  readonly keepsDistincts: boolean;
}

export interface EvictedHistory {
  /** 1 = the entity has evicted events. */
  entities: Uint8Array;
  /** By slot; undefined for slots without lifetime features. */
  readonly slots: readonly (SlotHistory | undefined)[];
}

export function createEvictedHistory(plan: WindowPlan): EvictedHistory {
  const isLifetime = ({ window }: SlotOutput): boolean => plan.windowsMs[window] === Number.POSITIVE_INFINITY;
  return {
    entities: new Uint8Array(0),
    slots: plan.slots.map((slot) => (outputsOf(slot).some(isLifetime)
      ? { partials: new Float64Array(0), lasts: new Float64Array(0), distincts: new Map(), keepsDistincts: slot.distincts.some(isLifetime) } : undefined)),
  };
}

/** Folds the entity's rows `[from, to)`, which are about to be dropped, into its history. */
export function evictRows(history: EvictedHistory, plan: WindowPlan, columns: WindowColumns, rows: { readonly entity: number; readonly from: number; readonly to: number }): void {
  markEvicted(history, rows.entity);
  history.slots.forEach((slotHistory, index) => {
    if (slotHistory === undefined) return;
    for (let row = rows.from; row < rows.to; row++) evictRow(slotHistory, plan.slots[index]!, columns, rows.entity, row);
  });
}

function evictRow(history: SlotHistory, slot: Slot, columns: WindowColumns, entity: number, row: number): void {
  const value = slotValue(slot, columns, row);
  if (Number.isNaN(value)) return;
  addValue(history.partials, entity * PARTIAL, value);
  const at = entity * 2;
  if (columns.times[row]! >= history.lasts[at]!) {
    history.lasts[at] = columns.times[row]!;
    history.lasts[at + 1] = value;
  }
  if (history.keepsDistincts) distinctsOf(history, entity).add(value);
}

/** The row's number or code, 1 for rows and flags that count; NaN when the row does not take part. */
function slotValue(slot: Slot, columns: WindowColumns, row: number): number {
  switch (slot.storage) {
    case "rows": return 1;
    case "flag": return columns.flags[slot.column]![row] === 1 ? 1 : Number.NaN;
    case "number": return columns.numbers[slot.column]![row]!;
    case "code": {
      const code = columns.codes[slot.column]![row]!;
      return code < 0 ? Number.NaN : code;
    }
  }
}

function distinctsOf(history: SlotHistory, entity: number): Set<number> {
  const known = history.distincts.get(entity);
  if (known !== undefined) return known;
  const created = new Set<number>();
  history.distincts.set(entity, created);
  return created;
}

/** Says that the entity has history from now on. */
export function markEvicted(history: EvictedHistory, entity: number): void {
  reserveEntity(history, entity);
  history.entities[entity] = 1;
}

/** Time of the latest evicted event that had a value in any lifetime feature; -Infinity when none was evicted. */
export function latestEvicted({ entities, slots }: EvictedHistory, entity: number): number {
  if (entities[entity] !== 1) return Number.NEGATIVE_INFINITY;
  return Math.max(...slots.map((slot) => slot?.lasts[entity * 2] ?? Number.NEGATIVE_INFINITY));
}

function reserveEntity(history: EvictedHistory, entity: number): void {
  const before = history.entities.length;
  if (entity < before) return;
  const size = Math.max(64, before * 2, entity + 1);
  history.entities = enlarged(history.entities, size);
  for (const slot of history.slots) {
    if (slot === undefined) continue;
    slot.partials = enlarged(slot.partials, size * PARTIAL);
    slot.lasts = enlarged(slot.lasts, size * 2);
    for (let each = before; each < size; each++) {
      resetPartial(slot.partials, each * PARTIAL);
      slot.lasts[each * 2] = Number.NEGATIVE_INFINITY;
    }
  }
}

function enlarged<T extends Float64Array | Uint8Array>(column: T, length: number): T {
  const larger = new (column.constructor as new (length: number) => T)(length); // the constructor of T
  larger.set(column);
  return larger;
}

/** Drops what is kept of the entity. */
export function forgetHistory(history: EvictedHistory, entity: number): void {
  if (history.entities[entity] !== 1) return;
  history.entities[entity] = 0;
  for (const slot of history.slots) {
    if (slot === undefined) continue;
    resetPartial(slot.partials, entity * PARTIAL);
    slot.lasts[entity * 2] = Number.NEGATIVE_INFINITY;
    slot.distincts.delete(entity);
  }
}

/** Takes an entity's history apart, number by number; codes are told with their column, so that they can be renamed. */
export interface HistoryWriter {
  double(value: number): void;
  integer(value: number): void;
  code(column: number, code: number): void;
}

/** Gives back what a HistoryWriter was told, in the same order. */
export interface HistoryReader {
  double(): number;
  integer(): number;
  code(column: number): number;
}

export function writeHistory(history: EvictedHistory, plan: WindowPlan, entity: number, into: HistoryWriter): void {
  into.integer(history.entities[entity] === 1 ? 1 : 0);
  if (history.entities[entity] !== 1) return;
  history.slots.forEach((kept, index) => {
    if (kept === undefined) return;
    const { storage, column } = plan.slots[index]!;
    for (let at = 0; at < PARTIAL; at++) into.double(kept.partials[entity * PARTIAL + at]!);
    const [timeMs, value] = [kept.lasts[entity * 2]!, kept.lasts[entity * 2 + 1]!];
    into.double(timeMs);
    if (timeMs === Number.NEGATIVE_INFINITY) into.double(0);
    else if (storage === "code") into.code(column, value);
    else into.double(value);
    const codes = kept.distincts.get(entity) ?? [];
    into.integer(kept.distincts.get(entity)?.size ?? 0);
    for (const code of codes) into.code(column, code);
  });
}

export function readHistory(history: EvictedHistory, plan: WindowPlan, entity: number, from: HistoryReader): void {
  forgetHistory(history, entity);
  if (from.integer() === 0) return;
  markEvicted(history, entity);
  history.slots.forEach((kept, index) => {
    if (kept === undefined) return;
    const { storage, column } = plan.slots[index]!;
    for (let at = 0; at < PARTIAL; at++) kept.partials[entity * PARTIAL + at] = from.double();
    const timeMs = from.double();
    kept.lasts[entity * 2] = timeMs;
    kept.lasts[entity * 2 + 1] = timeMs > Number.NEGATIVE_INFINITY && storage === "code" ? from.code(column) : from.double();
    const size = from.integer();
    if (size > 0) kept.distincts.set(entity, new Set(Array.from({ length: size }, () => from.code(column))));
  });
}
