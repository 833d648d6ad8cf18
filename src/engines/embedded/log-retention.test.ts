import assert from "node:assert/strict";
import { test } from "node:test";
import { segmentsToDrop } from "./log-retention.ts";

const segments = [10, 20, 30, 40].map((lastAppendedAtMs) => ({ sizeBytes: 100, lastAppendedAtMs }));

test("drops the oldest while there are too many bytes, or while they are too old, never the last", () => {
  assert.deepEqual([0, 99, 100, 250, 399, 400].map((maxBytes) => segmentsToDrop(segments, { maxBytes }, 0)), [3, 3, 3, 2, 1, 0]);
  assert.deepEqual([0, 15, 20, 35, 1000].map((maxAgeMs) => segmentsToDrop(segments, { maxAgeMs }, 45)), [3, 2, 2, 0, 0]);
  assert.equal(segmentsToDrop(segments, { maxAgeMs: 15, maxBytes: 399 }, 45), 2);
  assert.deepEqual([segmentsToDrop(segments, {}, 1e9), segmentsToDrop([], { maxBytes: 0 }, 0)], [0, 0]);
});

test("a segment whose records cannot be read is as old as the one after it", () => {
  const damaged = segments.with(0, { sizeBytes: 100, lastAppendedAtMs: -Infinity });
  assert.deepEqual([24, 26].map((maxAgeMs) => segmentsToDrop(damaged, { maxAgeMs }, 45)), [2, 0]);
});
