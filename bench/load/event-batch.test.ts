/** Batches are what the benches say they are: about 200 bytes an event, valid, and new at every stamp. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventBatch } from "./event-batch.ts";

const linesOf = (bytes: Buffer): readonly Record<string, unknown>[] =>
  bytes.toString("utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);

test("a stamp renews every id and time and nothing else", () => {
  const batch = createEventBatch({ events: 1_000, seed: 1 });
  const copy = Buffer.from(batch.bytes);
  const ids = new Set<unknown>();
  for (const [batchId, timeMs] of [["m1x2y3.0.0", 1_767_225_600_000], ["m1x2y3.0.1", 1_767_225_600_001]] as const) {
    batch.stamp(copy, { batchId, timeMs });
    for (const event of linesOf(copy)) {
      ids.add(event["id"]);
      assert.equal(event["at"], new Date(timeMs).toISOString());
    }
  }
  assert.equal(ids.size, 2_000);
  const fixed = (event: Record<string, unknown>): unknown => ({ ...event, id: "", at: "" });
  assert.deepEqual(linesOf(copy).map(fixed), linesOf(batch.bytes).map(fixed));
  assert.ok(Math.abs(batch.bytes.length / 1_000 - 205) < 10, `${batch.bytes.length / 1_000} bytes per event`);
});

test("one event is one JSON object, and seeds differ", () => {
  const one = createEventBatch({ events: 1, seed: 1 });
  assert.doesNotThrow(() => JSON.parse(one.bytes.toString("utf8")));
  assert.notDeepEqual(one.bytes, createEventBatch({ events: 1, seed: 2 }).bytes);
});
