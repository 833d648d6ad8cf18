import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRequestLane } from "./request-lane.ts";

test("law: a lane is a list that is taken from the front", () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), count: fc.integer({ min: 1, max: 300 }) }),
    fc.record({ kind: fc.constant("take" as const), count: fc.integer({ min: 0, max: 300 }) }),
    fc.record({ kind: fc.constant("keep" as const), count: fc.integer({ min: 2, max: 5 }) }),
  );
  fc.assert(fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
    const lane = createRequestLane<number>(1, "");
    let list: number[] = [], next = 0;
    for (const { kind, count } of operations) {
      if (kind === "push") for (let i = 0; i < count; i++, next++) { lane.push(next); list.push(next); }
      else if (kind === "take") assert.deepEqual(lane.take(Math.min(count, list.length)), list.splice(0, count));
      else {
        lane.keep((item) => item % count !== 0);
        list = list.filter((item) => item % count !== 0);
      }
      assert.equal(lane.length, list.length);
      if (list.length > 0) assert.deepEqual([lane.at(0), lane.at(list.length - 1)], [list[0], list.at(-1)]);
    }
  }), { numRuns: 200 });
});

test("a queue that never runs empty keeps nothing of what has left it", () => {
  const lane = createRequestLane<{ readonly body: string }>(1, "");
  const round = (from: number): void => {
    for (let i = from; i < from + 1_000; i++) lane.push({ body: `${i}`.padEnd(2_000, "x") });
    lane.take(1_000);
  };
  round(0);
  for (let i = 0; i < 100; i++) lane.push({ body: "" });
  const before = process.memoryUsage().heapUsed;
  for (let i = 1; i <= 100; i++) round(i * 1_000); // 200 MB pass through
  assert.equal(lane.length, 100);
  assert.ok(process.memoryUsage().heapUsed - before < 100e6);
});
