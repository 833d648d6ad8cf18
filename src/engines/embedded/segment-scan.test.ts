import assert from "node:assert/strict";
import { test } from "node:test";
import { decideTail, type SegmentScan } from "./segment-scan.ts";
import { createSegmentIndex } from "./segment.ts";

const scan = (found: Partial<SegmentScan>): SegmentScan => ({ index: createSegmentIndex(), nextOffset: 10, durableOffset: 8, damages: [], unproven: [], ...found });
const damage = (expectedOffset: number, position = expectedOffset * 100) => ({ position, expectedOffset, reason: "torn" });

test("what no proof covers is a torn tail; the first of several decides", () => {
  const end = { provenOffset: 8, sizeBytes: 1_000, damagedBody: undefined };
  assert.deepEqual(decideTail(scan({}), end), { kind: "whole", nextOffset: 10 });
  assert.deepEqual(decideTail(scan({ damages: [damage(10)] }), end), { kind: "cut", nextOffset: 10, damage: damage(10) });
  assert.deepEqual(decideTail(scan({ damages: [damage(9)] }), { ...end, damagedBody: damage(8) }), { kind: "cut", nextOffset: 8, damage: damage(8) });
});

test("what was proven durable is never cut: the segment is sealed and offsets go on after it", () => {
  const end = { provenOffset: 12, sizeBytes: 1_000, damagedBody: undefined };
  assert.deepEqual(decideTail(scan({ damages: [damage(10)] }), end), { kind: "seal", nextOffset: 12, damage: damage(10) });
  assert.equal(decideTail(scan({}), end).kind, "seal");
  assert.deepEqual(decideTail(scan({ damages: [damage(3)], nextOffset: 12 }), end), { kind: "whole", nextOffset: 12 });
});
