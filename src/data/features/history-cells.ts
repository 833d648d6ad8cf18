/**
 * An entity's evicted history taken apart into doubles and integers, and put together again: for snapshots and for
 * packed entities. Codes of dictionaries are told with their column, so that they can be renamed.
 */
import { forgetHistory, hasHistory, markEvicted } from "./evicted-history.ts";
import type { EvictedHistory } from "./evicted-history.ts";
import { MOMENTS } from "./moments.ts";
import { PARTIAL } from "./partial-aggregate.ts";
import type { Slot, WindowPlan } from "./window-plan.ts";

export interface CellWriter {
  double(value: number): void;
  integer(value: number): void;
  code(column: number, code: number): void;
}

/** Gives back what a CellWriter was told, in the same order. */
export interface CellReader {
  double(): number;
  integer(): number;
  code(column: number): number;
}

export function writeHistory(history: EvictedHistory, plan: WindowPlan, entity: number, into: CellWriter): void {
  const isEvicted = hasHistory(history, entity);
  into.integer(isEvicted ? 1 : 0);
  if (!isEvicted) return;
  into.double(history.latestMs[entity]!);
  history.slots.forEach((kept, index) => {
    if (kept === undefined) return;
    const slot = plan.slots[index]!;
    const value = (each: number): void => (slot.storage === "code" ? into.code(slot.column, each) : into.double(each));
    const code = (each: number): void => (slot.storage === "code" ? into.code(slot.column, each) : into.integer(each));
    for (let at = 0; kept.keeps.partials && at < PARTIAL; at++) into.double(kept.partials[entity * PARTIAL + at]!);
    for (let at = 0; kept.keeps.moments && at < MOMENTS; at++) into.double(kept.moments[entity * MOMENTS + at]!);
    if (kept.keeps.firsts) {
      into.double(kept.firsts[entity * 2]!);
      if (kept.firsts[entity * 2]! < Number.POSITIVE_INFINITY) value(kept.firsts[entity * 2 + 1]!);
    }
    const { times = [], values = [] } = kept.lasts.get(entity) ?? {};
    into.integer(times.length);
    times.forEach((timeMs, place) => {
      into.double(timeMs);
      value(values[place]!);
    });
    const distincts = kept.distincts.get(entity) ?? new Set();
    into.integer(distincts.size);
    for (const each of distincts) code(each);
    const tally = kept.tallies.get(entity) ?? new Map<number, number>();
    into.integer(tally.size);
    for (const [each, times] of tally) {
      code(each);
      into.integer(times);
    }
  });
}

/** In place of what is known of the entity. */
export function readHistory(history: EvictedHistory, plan: WindowPlan, entity: number, from: CellReader): void {
  forgetHistory(history, entity);
  if (from.integer() === 0) return;
  markEvicted(history, entity);
  history.latestMs[entity] = from.double();
  history.slots.forEach((kept, index) => {
    if (kept === undefined) return;
    const { value, code } = readersOf(plan.slots[index]!, from);
    for (let at = 0; kept.keeps.partials && at < PARTIAL; at++) kept.partials[entity * PARTIAL + at] = from.double();
    for (let at = 0; kept.keeps.moments && at < MOMENTS; at++) kept.moments[entity * MOMENTS + at] = from.double();
    if (kept.keeps.firsts) {
      const timeMs = from.double();
      kept.firsts.set([timeMs, timeMs < Number.POSITIVE_INFINITY ? value() : Number.NaN], entity * 2);
    }
    const lasts = repeated(from.integer(), () => ({ timeMs: from.double(), value: value() }));
    if (lasts.length > 0) kept.lasts.set(entity, { times: lasts.map(({ timeMs }) => timeMs), values: lasts.map((last) => last.value) });
    const distincts = repeated(from.integer(), code);
    if (distincts.length > 0) kept.distincts.set(entity, new Set(distincts));
    const tally = repeated(from.integer(), (): [number, number] => [code(), from.integer()]);
    if (tally.length > 0) kept.tallies.set(entity, new Map(tally));
  });
}

function readersOf(slot: Slot, from: CellReader): { value(): number; code(): number } {
  const isCode = slot.storage === "code";
  return {
    value: () => (isCode ? from.code(slot.column) : from.double()),
    code: () => (isCode ? from.code(slot.column) : from.integer()),
  };
}

const repeated = <T>(times: number, read: () => T): readonly T[] => Array.from({ length: times }, read);
