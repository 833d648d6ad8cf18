import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decideBatch } from "./batch-decision.ts";
import type { BatchDecision, BatchRules, BatchSnapshot, LaneView, WaitingRequest } from "./batch-decision.ts";

const rules = (changes: Partial<BatchRules> = {}): BatchRules => ({ maxRows: 8, maxBytes: 1_000, maxDelayMs: 0, preferredRows: [], isBatchable: true, ...changes });
const waiting = (rows: number, enqueuedAtMs = 0, deadlineAtMs = Number.POSITIVE_INFINITY): WaitingRequest => ({ rows, bytes: 0, enqueuedAtMs, deadlineAtMs });
const lane = (requests: readonly WaitingRequest[], priority = 1): LaneView => ({ priority, length: requests.length, at: (index) => requests[index]! });
const decide = (lanes: readonly LaneView[], nowMs: number, given: BatchRules, rest: Partial<BatchSnapshot> = {}): BatchDecision => decideBatch({ nowMs, lanes, expectedRunMs: 0, isDraining: false, ...rest }, given);
const leaves = (decision: BatchDecision) => {
  assert.equal(decision.kind, "leave");
  const { lane: chosen, requests, rows, dropped, reason } = decision;
  return { lane: chosen, requests, rows, dropped, reason };
};

test("without a delay everything that fits leaves at once; sizes are rows", () => {
  assert.deepEqual(leaves(decide([lane([waiting(1), waiting(2)])], 0, rules())), { lane: 0, requests: 2, rows: 3, dropped: [], reason: "instance was free" });
  assert.deepEqual(leaves(decide([lane([waiting(5), waiting(4), waiting(1)])], 0, rules())), { lane: 0, requests: 1, rows: 5, dropped: [], reason: "batch was full" });
  assert.deepEqual(leaves(decide([lane([waiting(3), waiting(5)])], 0, rules())).reason, "batch was full");
  assert.deepEqual(leaves(decide([lane([waiting(100), waiting(1)])], 0, rules())), { lane: 0, requests: 1, rows: 100, dropped: [], reason: "batch was full" });
});

test("a delay is waited out from the oldest request, and not longer than a deadline allows", () => {
  const given = rules({ maxDelayMs: 10 });
  assert.deepEqual(decide([lane([waiting(1, 100), waiting(1, 105)])], 104, given), { kind: "wait", lookAgainAtMs: 110 });
  assert.equal(leaves(decide([lane([waiting(1, 100), waiting(1, 105)])], 110, given)).reason, "delay was over");
  assert.deepEqual(decide([lane([waiting(1, 100, 108)])], 101, given, { expectedRunMs: 3 }), { kind: "wait", lookAgainAtMs: 105 });
  assert.equal(leaves(decide([lane([waiting(1, 100)])], 100, given, { isDraining: true })).reason, "instance was free");
});

test("a preferred size leaves before the delay is over; the largest of them counts", () => {
  const given = rules({ maxDelayMs: 10, preferredRows: [2, 4] });
  assert.deepEqual(leaves(decide([lane([waiting(1), waiting(1), waiting(2), waiting(1)])], 0, given)), { lane: 0, requests: 3, rows: 4, dropped: [], reason: "preferred size was reached" });
  assert.equal(decide([lane([waiting(3)])], 0, given).kind, "wait");
});

test("requests past their deadline leave without running, and do not count as rows", () => {
  assert.deepEqual(leaves(decide([lane([waiting(4, 0, 5), waiting(8, 0), waiting(1, 0, 5)])], 5, rules())), { lane: 0, requests: 2, rows: 8, dropped: [0], reason: "batch was full" });
  assert.deepEqual(leaves(decide([lane([waiting(4, 0, 5)])], 6, rules({ maxDelayMs: 100 }))), { lane: 0, requests: 1, rows: 0, dropped: [0], reason: "instance was free" });
});

test("priority goes first, then who waits longest; a lane that still waits lets others go", () => {
  assert.equal(leaves(decide([lane([waiting(1, 0)], 2), lane([waiting(1, 5)], 1)], 9, rules())).lane, 1);
  assert.equal(leaves(decide([lane([waiting(1, 5)]), lane([waiting(1, 3)])], 9, rules())).lane, 1);
  assert.equal(leaves(decide([lane([waiting(1, 8)], 1), lane([waiting(8, 9)], 2)], 9, rules({ maxDelayMs: 10 }))).lane, 1);
});

test("inputs beyond the bytes that may be joined wait for the next batch; one that is larger runs alone", () => {
  const sized = (bytes: number): WaitingRequest => ({ ...waiting(1), bytes });
  assert.deepEqual(leaves(decide([lane([sized(400), sized(500), sized(101)])], 0, rules())), { lane: 0, requests: 2, rows: 2, dropped: [], reason: "batch was full" });
  assert.deepEqual(leaves(decide([lane([sized(1_001), sized(1)])], 0, rules({ maxDelayMs: 10 }))), { lane: 0, requests: 1, rows: 1, dropped: [], reason: "batch was full" });
});

test("a model that does not batch gets one request at a time", () => {
  assert.deepEqual(leaves(decide([lane([waiting(1), waiting(1)])], 0, rules({ isBatchable: false, maxDelayMs: 10 }))), { lane: 0, requests: 1, rows: 1, dropped: [], reason: "not batchable" });
});

test("law: a batch holds no late request, not more rows than allowed unless one request alone has them, and takes from the front", () => {
  const request = fc.record({ rows: fc.integer({ min: 1, max: 12 }), bytes: fc.integer({ min: 0, max: 600 }), enqueuedAtMs: fc.integer({ min: 0, max: 50 }), deadlineAtMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 100 })) });
  const lanes = fc.array(fc.record({ requests: fc.array(request, { minLength: 1, maxLength: 12 }), priority: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 4 });
  const someRules = fc.record({ maxRows: fc.integer({ min: 1, max: 16 }), maxBytes: fc.constantFrom(1, 500, 1_000_000), maxDelayMs: fc.constantFrom(0, 0, 5, 50), preferredRows: fc.array(fc.integer({ min: 1, max: 16 }), { maxLength: 2 }), isBatchable: fc.boolean() });
  fc.assert(fc.property(lanes, someRules, fc.integer({ min: 50, max: 120 }), (given, ruled, nowMs) => {
    const decision = decide(given.map(({ requests, priority }) => lane(requests, priority)), nowMs, ruled);
    if (decision.kind === "wait") {
      assert.ok(decision.lookAgainAtMs > nowMs, "whoever waits knows until when");
      assert.ok(given.every(({ requests }) => requests.every(({ enqueuedAtMs }) => enqueuedAtMs + ruled.maxDelayMs > nowMs || requests.length > 1)));
      return;
    }
    const taken = given[decision.lane]!.requests.slice(0, decision.requests);
    const runs = taken.filter((_, index) => !decision.dropped.includes(index));
    assert.ok(taken.length > 0);
    assert.ok(decision.dropped.every((index) => taken[index]!.deadlineAtMs <= nowMs) && runs.every(({ deadlineAtMs }) => deadlineAtMs > nowMs));
    assert.equal(runs.reduce((sum, { rows }) => sum + rows, 0), decision.rows);
    assert.ok(decision.rows <= ruled.maxRows || runs.length === 1);
    assert.ok(runs.reduce((sum, { bytes }) => sum + bytes, 0) <= ruled.maxBytes || runs.length === 1);
    if (!ruled.isBatchable) assert.ok(runs.length <= 1);
  }), { numRuns: 500 });
});
