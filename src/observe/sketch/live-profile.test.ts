import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { profileColumn } from "./column-profile.ts";
import type { ColumnProfile } from "./column-profile.ts";
import { createLiveProfile } from "./live-profile.ts";
import type { LiveSnapshot } from "./live-profile.ts";

const value = fc.oneof(fc.double({ min: -10, max: 10, noNaN: true }), fc.integer({ min: -3, max: 3 }), fc.constantFrom(null, Number.NaN, "a", "b", "new", true));
const column = fc.array(value, { maxLength: 60 });

function liveOf(baseline: ColumnProfile, values: readonly unknown[]): LiveSnapshot {
  const live = createLiveProfile(baseline);
  for (const item of values) live.add(item);
  return live.snapshot();
}

test("the baseline's own values reproduce its counts", () => {
  fc.assert(fc.property(column, (values) => {
    const numeric = profileColumn(values, { kind: "numeric" });
    const live = liveOf(numeric, values);
    assert.ok(live.kind === "numeric");
    assert.deepEqual([live.cells, live.count, live.missing, live.mean], [numeric.cells, numeric.count, numeric.missing, numeric.mean]);
    const categorical = profileColumn(values, { kind: "categorical" });
    const text = liveOf(categorical, values);
    assert.ok(text.kind === "categorical");
    assert.deepEqual([text.counts, text.other, text.missing], [categorical.values.map(([, count]) => count), 0, categorical.missing]);
  }));
});

test("merging live profiles equals counting all values in one", () => {
  fc.assert(fc.property(fc.constantFrom("numeric" as const, "categorical" as const), column, column, column, (kind, reference, a, b) => {
    const baseline = profileColumn(reference, { kind });
    const merged = createLiveProfile(baseline);
    merged.merge(JSON.parse(JSON.stringify(liveOf(baseline, a))) as LiveSnapshot);
    merged.merge(liveOf(baseline, b));
    const counted = (snapshot: LiveSnapshot) => ({ ...snapshot, mean: 0, variance: 0 });
    assert.deepEqual(counted(merged.snapshot()), counted(liveOf(baseline, [...a, ...b])));
  }));
});

test("unseen categories are counted and some are named", () => {
  const live = liveOf(profileColumn(["a", "b"], { kind: "categorical" }), ["a", "x", "x", "y", null]);
  assert.deepEqual(live, { ...live, counts: [1, 0], other: 3, newValues: [["x", 2], ["y", 1]], count: 4, missing: 1 });
  const many = liveOf(profileColumn(["a"], { kind: "categorical" }), Array.from({ length: 1000 }, (_, i) => `v${i}`));
  assert.ok(many.kind === "categorical" && many.other === 1000 && many.newValues.length === 32);
});

test("profiles of different baselines do not merge", () => {
  const one = profileColumn([1, 2, 3], { kind: "numeric" });
  const live = createLiveProfile(one);
  assert.throws(() => live.merge(liveOf(profileColumn([1, 2, 4], { kind: "numeric" }), [1])), { code: "STATISTICS_INPUT_INVALID" });
  assert.throws(() => live.merge(liveOf(profileColumn(["a"], { kind: "categorical" }), ["a"])), { code: "STATISTICS_INPUT_INVALID" });
});
