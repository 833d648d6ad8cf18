import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { placeJob } from "./placement.ts";
import type { PlacementWorker } from "./placement.ts";

const MIB = 2 ** 20;
const RATES = { bytesPerSecond: 100 * MIB, secondsPerJob: 2 };
const worker = (name: string, jobs: number, cached: Readonly<Record<string, number>> = {}): PlacementWorker => ({ name, jobs, slots: 1, cached: new Map(Object.entries(cached)) });
const needs = (files: Readonly<Record<string, number>>) => ({ needs: new Map(Object.entries(files)) });

test("a job goes where its files are", () => {
  const placed = placeJob(needs({ a: 30 * MIB, b: 10 * MIB }), [worker("w1", 0), worker("w2", 0, { a: 30 * MIB }), worker("w3", 0, { b: 10 * MIB })], RATES)!;
  assert.deepEqual([placed.worker, placed.cachedBytes, placed.neededBytes], ["w2", 30 * MIB, 40 * MIB]);
  assert.equal(placed.reason, "w2 has 30.0 of the 40.0 MiB it needs, the most of all");
});

test("a queue that takes longer than the transfer sends it elsewhere, and says so", () => {
  const files = { a: 50 * MIB };
  assert.equal(placeJob(needs(files), [worker("w1", 0), worker("w2", 1, files)], RATES)!.worker, "w1");
  assert.equal(placeJob(needs(files), [worker("w1", 0), worker("w2", 1, files)], RATES)!.reason, "w1 has 0.0 of the 50.0 MiB it needs; w2 has 50.0 MiB, but waiting there would take 2.00 s and fetching the rest here takes 0.50 s");
  assert.equal(placeJob(needs({ a: 500 * MIB }), [worker("w1", 0), worker("w2", 1, { a: 500 * MIB })], RATES)!.worker, "w2");
});

test("without files to fetch the least busy worker takes it; without workers nobody does", () => {
  assert.equal(placeJob(needs({}), [worker("w1", 2), worker("w2", 1)], RATES)!.worker, "w2");
  assert.match(placeJob(needs({}), [worker("w1", 0)], RATES)!.reason, /fewest jobs/);
  assert.equal(placeJob(needs({}), [], RATES), undefined);
});

test("no other worker could start sooner, whatever is cached and waits where", () => {
  const workers = fc.array(fc.record({ jobs: fc.nat(6), slots: fc.integer({ min: 1, max: 4 }), has: fc.subarray(["a", "b", "c", "d"]) }), { minLength: 1, maxLength: 6 })
    .map((list) => list.map(({ jobs, slots, has }, index): PlacementWorker => ({ name: `w${index}`, jobs, slots, cached: new Map(has.map((file) => [file, MIB])) })));
  fc.assert(fc.property(workers, fc.subarray(["a", "b", "c", "d"]), fc.integer({ min: 1, max: 200 }), (list, wanted, size) => {
    const job = needs(Object.fromEntries(wanted.map((file) => [file, size * MIB])));
    const placed = placeJob(job, list, RATES)!;
    for (const { name, ...other } of list) {
      const alone = placeJob(job, [{ name, ...other }], RATES)!;
      assert.ok(placed.waitSeconds <= alone.waitSeconds + 1e-9);
      if (alone.waitSeconds === placed.waitSeconds) assert.ok(placed.cachedBytes >= alone.cachedBytes);
    }
    assert.deepEqual(placeJob(job, list.toReversed(), RATES), placed);
  }));
});
