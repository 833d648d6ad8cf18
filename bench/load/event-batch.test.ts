/** Batches are what the benches say they are: about 200 bytes an event once its places are filled, valid, with ids of their own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventBatch } from "./event-batch.ts";

const filled = (text: string): string => text.replaceAll("{{id}}", "0".repeat(20)).replaceAll("{{now}}", "2026-01-01T00:00:00.000Z");
const linesOf = (text: string): readonly Record<string, unknown>[] =>
  filled(text).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);

test("a thousand events of about 200 bytes with different ids", () => {
  const batch = eventBatch({ events: 1_000, seed: 1 });
  assert.equal(new Set(linesOf(batch).map((event) => event["id"])).size, 1_000);
  assert.ok(Math.abs(filled(batch).length / 1_000 - 205) < 10, `${filled(batch).length / 1_000} bytes per event`);
});

test("one event is one JSON object, and seeds differ", () => {
  assert.doesNotThrow(() => JSON.parse(eventBatch({ events: 1, seed: 1 })));
  assert.notEqual(eventBatch({ events: 1, seed: 1 }), eventBatch({ events: 1, seed: 2 }));
});
