/**
 * What a load writes and what must be found: several producers each write items 0, 1, 2, … one after another and
 * print every acknowledgement, so a killed load leaves, per producer, all items up to some point and at least those
 * it had printed.
 */
import assert from "node:assert/strict";

export interface Acknowledged {
  /** Items acknowledged per producer: 0 … n-1. */
  readonly items: ReadonlyMap<number, number>;
  /** The highest checkpoint acknowledged. */
  readonly checkpoint: number;
}

/** Lines `a <producer> <item>` and `c <offset>`. */
export function parseAcknowledged(lines: readonly string[]): Acknowledged {
  const items = new Map<number, number>();
  let checkpoint = 0;
  for (const line of lines) {
    const [kind, first, second] = line.split(" ");
    if (kind === "a") items.set(Number(first), Number(second) + 1);
    if (kind === "c") checkpoint = Number(first);
  }
  return { items, checkpoint };
}

export function countItems(acknowledged: Acknowledged): number {
  return [...acknowledged.items.values()].reduce((sum, count) => sum + count, 0);
}

/** How many acknowledged items are missing. */
export function countLost(acknowledged: Acknowledged, found: ReadonlyMap<number, number>): number {
  return [...acknowledged.items].reduce((sum, [producer, count]) => sum + Math.max(0, count - (found.get(producer) ?? 0)), 0);
}

/** Counts a producer's items as they are found; each must be the next one. */
export function noteItem(found: Map<number, number>, producer: number, item: number): void {
  assert.equal(item, found.get(producer) ?? 0, `producer ${producer}: every item once and in order`);
  found.set(producer, item + 1);
}
