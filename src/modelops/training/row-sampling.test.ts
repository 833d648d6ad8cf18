import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { chooseMetricSample, groupStarts, sampleColumns, sampleRows } from "./row-sampling.ts";

const isAscending = (values: Int32Array): boolean => values.every((value, i) => i === 0 || value > values[i - 1]!);

it("sampleRows splits all rows into the asked number and the rest, both ascending", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.integer(), (rows, share, seed) => {
    const index = new Int32Array(rows), taken = Math.max(1, Math.round(share * rows));
    sampleRows(index, taken, createRandom(seed));
    assert.ok(isAscending(index.subarray(0, taken)) && isAscending(index.subarray(taken)));
    assert.deepEqual(index.toSorted(), Int32Array.from({ length: rows }, (_, i) => i));
  }));
});

it("sampleRows takes every row equally often", () => {
  const random = createRandom(1), counts = new Uint32Array(10), index = new Int32Array(10);
  for (let i = 0; i < 20_000; i++) {
    sampleRows(index, 3, random);
    for (const row of index.subarray(0, 3)) counts[row]! += 1;
  }
  counts.forEach((count) => assert.ok(Math.abs(count - 6000) < 300, `${count}`)); // five standard deviations of 65
});

it("sampleColumns takes distinct columns, and all of them without chance", () => {
  assert.deepEqual([...sampleColumns(4, 4, createRandom(1))], [0, 1, 2, 3]);
  assert.equal(new Set(sampleColumns(30, 7, createRandom(1))).size, 7);
});

it("the metric sample keeps whole queries", () => {
  const groups = Uint32Array.from({ length: 3000 }, (_, i) => 1 + (i % 40));
  const rows = groups.reduce((a, b) => a + b, 0), starts = groupStarts(groups);
  const sample = chooseMetricSample(rows, groups);
  assert.ok(isAscending(sample.rows) && sample.rows.length > 10_000 && sample.rows.length < 24_000);
  assert.equal(sample.groups!.reduce((a, b) => a + b, 0), sample.rows.length);
  const firsts = new Set(starts);
  let at = 0;
  for (const size of sample.groups!) {
    assert.ok(firsts.has(sample.rows[at]!) && firsts.has(sample.rows[at]! + size));
    at += size;
  }
  assert.deepEqual([...chooseMetricSample(5, undefined).rows], [0, 1, 2, 3, 4]);
});
