import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KEY_SEPARATOR } from "../../define/index.ts";
import { activity, kinds, orders, pairs, sampleEvents, toBatch } from "./event-samples.test.ts";
import { createPackedReader } from "./packed-reader.ts";
import { createViewState } from "./view-state.ts";

const KEYS = ["c0", "c1", "c2", "stranger"].flatMap((customer) => ["0", "1", "2"].map((item) => [customer, item]));

for (const view of [activity, pairs, kinds]) {
  test(`${view.name}: packed bytes answer as the state that packed them, and go on in another state`, () => {
    const reader = createPackedReader(view);
    fc.assert(fc.property(sampleEvents({ maxLength: 200 }), fc.nat(200), fc.integer({ min: -50, max: 120 }), fc.boolean(), (events, cut, aheadMs, evicts) => {
      const [first, second] = [createViewState(view), createViewState(view)];
      const middle = Math.min(cut, events.length);
      first.apply(toBatch(events, 0, middle));
      if (evicts) first.evict({ nowMs: first.progress.latestMs, latenessMs: orders.latenessMs, visits: 5 });
      const keys = KEYS.map((parts) => parts.slice(0, view.entities.length));
      for (const parts of keys) {
        const bytes = first.pack(parts.join(KEY_SEPARATOR));
        if (bytes !== undefined) second.unpack(parts.join(KEY_SEPARATOR), bytes);
      }
      second.progress.nextOffset = middle;
      for (const state of [first, second]) state.apply(toBatch(events, middle, events.length));
      const atMs = Math.max(200, first.progress.latestMs) + aheadMs + 60;
      for (const parts of keys) {
        const expected = first.read(parts, atMs);
        assert.deepStrictEqual(second.read(parts, atMs), expected);
        assert.deepStrictEqual(reader.read(first.pack(parts.join(KEY_SEPARATOR)), atMs), expected);
        assert.deepStrictEqual(reader.read(second.pack(parts.join(KEY_SEPARATOR)), atMs), expected);
      }
    }), { numRuns: 60 });
  });
}

test("bytes of another view are refused, and times whose events had left memory", () => {
  const state = createViewState(pairs);
  state.apply(toBatch([0, 10_000].map((timeMs, offset) => ({ offset, timeMs, knownAtMs: timeMs, row: { customer: "c0", item: 1, quantity: 1, price: 2 } })), 0, 2));
  state.evict({ nowMs: 10_000, latenessMs: 100, visits: 5 });
  const bytes = state.pack(`c0${KEY_SEPARATOR}1`)!;
  assert.throws(() => createPackedReader(activity).read(bytes, 10_000), /another definition/);
  assert.throws(() => createPackedReader(pairs).read(bytes.subarray(0, 8), 10_000), /shorter/);
  assert.throws(() => createPackedReader(pairs).read(bytes, 500), { code: "FEATURE_TIME_TOO_OLD" });
  assert.equal(createPackedReader(pairs).read(bytes, 10_000)[0], 1);
  assert.equal(state.pack("stranger"), undefined);
});
