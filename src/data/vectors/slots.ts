/** Which point is in which slot. A freed slot is taken again when nothing holds on to it any more. */
import type { PointId } from "./point.ts";

export interface Slots {
  /** One past the highest slot that was ever taken. */
  readonly end: number;
  readonly count: number;
  of(id: PointId): number | undefined;
  idOf(slot: number): PointId | undefined;
  take(id: PointId): number;
  free(slot: number): void;
  put(slot: number, id: PointId): void;
  /** Looks again at the slots that could not be reused. */
  reconsider(): void;
}

export function createSlots({ canReuse }: { readonly canReuse: (slot: number) => boolean }): Slots {
  const slotOf = new Map<PointId, number>();
  const ids: (PointId | undefined)[] = [];
  let free: number[] = [];
  let held: number[] = [];
  return {
    get end() { return ids.length; },
    get count() { return slotOf.size; },
    of: (id) => slotOf.get(id),
    idOf: (slot) => ids[slot],
    take: (id) => {
      const slot = free.pop() ?? ids.length;
      ids[slot] = id;
      slotOf.set(id, slot);
      return slot;
    },
    free: (slot) => {
      slotOf.delete(ids[slot]!);
      ids[slot] = undefined;
      (canReuse(slot) ? free : held).push(slot);
    },
    put: (slot, id) => {
      for (let gap = ids.length; gap < slot; gap++) {
        ids.push(undefined);
        held.push(gap);
      }
      ids[slot] = id;
      slotOf.set(id, slot);
    },
    reconsider: () => {
      free = [...free, ...held.filter((slot) => ids[slot] === undefined && canReuse(slot))];
      held = held.filter((slot) => ids[slot] === undefined && !canReuse(slot));
    },
  };
}
