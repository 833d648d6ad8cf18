import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { routeTraffic } from "./traffic.ts";
import { sampleRows, topIndices } from "./ranking.ts";

const plan = { champion: 1, challenger: 2, canaryShare: 0.2, isShadowing: false, salt: "r1" };

test("the share of keys that meet the canary is the plan's, and each key stays", () => {
  const variants = Array.from({ length: 20_000 }, (_, key) => routeTraffic(plan, `customer-${key}`)!);
  const share = variants.filter((route) => route.variant === "canary").length / variants.length;
  assert.ok(Math.abs(share - 0.2) < 0.01, `share ${share}`);
  assert.deepEqual(routeTraffic(plan, "customer-7"), variants[7]);
});

test("law: raising the share never moves a key back from the canary", () => {
  fc.assert(fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (key, a, b) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    const before = routeTraffic({ ...plan, canaryShare: low }, key)!.variant;
    const after = routeTraffic({ ...plan, canaryShare: high }, key)!.variant;
    assert.ok(!(before === "canary" && after === "champion"));
  }));
});

test("another rollout's salt picks other keys", () => {
  const canaries = (salt: string): string[] => Array.from({ length: 1_000 }, (_, key) => `k${key}`).filter((key) => routeTraffic({ ...plan, salt }, key)!.variant === "canary");
  const both = canaries("r1").filter((key) => canaries("r2").includes(key)).length;
  assert.ok(both < 80, `${both} of about 200 met both canaries`);
});

test("a shadow scores only what the champion answers; a wish is granted only when there is a challenger", () => {
  const shadowing = { ...plan, canaryShare: 0, isShadowing: true };
  assert.deepEqual(routeTraffic(shadowing, "a"), { variant: "champion", version: 1, shadowVersion: 2 });
  assert.deepEqual(routeTraffic(shadowing, "a", "canary"), { variant: "canary", version: 2, shadowVersion: undefined });
  assert.deepEqual(routeTraffic({ ...plan, challenger: undefined }, "a", "canary"), { variant: "champion", version: 1, shadowVersion: undefined });
  assert.equal(routeTraffic({ ...plan, champion: undefined }, "a"), undefined);
});

test("topIndices orders by score, ties by row, NaN last", () => {
  assert.deepEqual(topIndices(Float64Array.of(1, Number.NaN, 3, 3, 2), 4), [2, 3, 4, 0]);
});

test("sampleRows is uniform, also in its first row, and repeatable", () => {
  assert.deepEqual(sampleRows(3, 10, "a").toSorted((a, b) => a - b), [0, 1, 2]);
  assert.deepEqual(sampleRows(100, 10, "a"), sampleRows(100, 10, "a"));
  const hits = new Float64Array(20);
  for (let seed = 0; seed < 4_000; seed++) for (const row of sampleRows(20, 5, `s${seed}`)) hits[row]! += 1;
  const firsts = new Float64Array(20);
  for (let seed = 0; seed < 4_000; seed++) firsts[sampleRows(20, 5, `s${seed}`)[0]!]! += 1;
  for (const [row, count] of firsts.entries()) assert.ok(Math.abs(count - 200) < 70, `row ${row} came first ${count} times, expected about 200`);
  for (const [row, count] of hits.entries()) assert.ok(Math.abs(count - 1_000) < 130, `row ${row} drawn ${count} times, expected about 1000`);
  fc.assert(fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 }), fc.string(), (rows, size, seed) => {
    const sample = sampleRows(rows, size, seed);
    assert.equal(new Set(sample).size, Math.min(rows, size));
    assert.ok(sample.every((row) => row >= 0 && row < rows));
  }));
});
