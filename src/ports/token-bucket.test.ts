import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FULL_BUCKET, correctBucket, takeFromBucket, type BucketLevel } from "./token-bucket.ts";

const steps = fc.array(fc.record({ amount: fc.integer({ min: 1, max: 70 }), waitMs: fc.nat(3_000) }), { maxLength: 60 });

test("law: in any span no more is taken than a full bucket and what refilled, and the wait that is told is exact", () => {
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 60 }), (steps, perMinute) => {
    let level: BucketLevel = FULL_BUCKET;
    let atMs = 1_000_000;
    const taken: { readonly amount: number; readonly atMs: number }[] = [];
    for (const { amount, waitMs } of steps) {
      atMs += waitMs;
      const answer = takeFromBucket(level, { amount, perMinute, atMs });
      if (answer.taken) {
        level = answer.level;
        taken.push({ amount, atMs });
      } else if (amount > perMinute) assert.equal(answer.retryAfterMs, Infinity);
      else {
        assert.equal(takeFromBucket(level, { amount, perMinute, atMs: atMs + answer.retryAfterMs }).taken, true);
        assert.equal(takeFromBucket(level, { amount, perMinute, atMs: atMs + answer.retryAfterMs - 1 }).taken, false);
      }
    }
    for (const [i, first] of taken.entries()) {
      for (let j = i, sum = 0; j < taken.length; j++) {
        sum += taken[j]!.amount;
        assert.ok(sum <= perMinute + ((taken[j]!.atMs - first.atMs) * perMinute) / 60_000);
      }
    }
  }), { numRuns: 300 });
});

test("a correction may go below empty and above full, and neither lasts", () => {
  const below = correctBucket(FULL_BUCKET, { amount: 90, perMinute: 60, atMs: 0 });
  assert.deepEqual(takeFromBucket(below, { amount: 1, perMinute: 60, atMs: 0 }), { taken: false, retryAfterMs: 31_000 });
  const above = correctBucket(FULL_BUCKET, { amount: -90, perMinute: 60, atMs: 0 });
  assert.equal(takeFromBucket(above, { amount: 61, perMinute: 60, atMs: 0 }).taken, false);
  assert.ok(Number.isSafeInteger(correctBucket(FULL_BUCKET, { amount: 1e15, perMinute: 60, atMs: 0 }).used));
});

test("a clock that is behind gives nothing back", () => {
  const level = correctBucket(FULL_BUCKET, { amount: 60, perMinute: 60, atMs: 10_000 });
  assert.deepEqual(takeFromBucket(level, { amount: 1, perMinute: 60, atMs: 5_000 }), { taken: false, retryAfterMs: 1_000 });
});
