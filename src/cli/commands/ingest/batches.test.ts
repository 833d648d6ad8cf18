import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { batchesOf, type EventBatch } from "./batches.ts";
import type { SourceEvent } from "./source-event.ts";

const eventOf = (text: string, place: number): SourceEvent => ({ bytes: Buffer.from(text), place });

async function batches(groups: readonly (readonly SourceEvent[])[], maxEvents: number): Promise<EventBatch[]> {
  const found: EventBatch[] = [];
  for await (const batch of batchesOf((async function* () { yield* groups; })(), maxEvents)) found.push(batch);
  return found;
}

test("a batch is full after so many events", async () => {
  const found = await batches([[eventOf("a", 1), eventOf("b", 2), eventOf("c", 4)]], 2);
  assert.deepEqual(found.map(({ number, body, places }) => [number, body.toString(), places]), [[0, "a\nb\n", [1, 2]], [1, "c\n", [4]]]);
  assert.deepEqual(await batches([], 2), []);
});

test("events are cut the same way however they arrive", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.string({ minLength: 1 }))), fc.integer({ min: 1, max: 5 }), async (groups, size) => {
    const whole = groups.flat().map((text, at) => eventOf(text, at));
    let next = 0;
    const cut = groups.map((group) => group.map(() => whole[next++]!));
    assert.deepEqual(await batches(cut, size), await batches([whole], size));
  }), { numRuns: 100 });
});

test("large events fill a batch by their bytes, and a huge one goes alone", async () => {
  const large = eventOf("x".repeat(3 * 1024 * 1024), 1);
  const huge = eventOf("x".repeat(9 * 1024 * 1024), 3);
  assert.deepEqual((await batches([[large, eventOf("a", 2), huge, eventOf("b", 4), large]], 1000)).map(({ places }) => places), [[1, 2], [3], [4, 1]]);
});
