import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OFFERS, RANK_SHIFT, REGISTERS, createRankCounts, estimateDistinct, offerOf } from "./distinct-sketch.ts";
import { QUANTILE_BUCKETS, bucketOfNumber, numberOfBucket } from "./quantile-buckets.ts";

test("a bucket is off by at most 0.4 %, keeps the order, and stands for itself", () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(fc.property(number, number, (a, b) => {
    const [low, high] = a <= b ? [a, b] : [b, a];
    const bucket = bucketOfNumber(low);
    assert.ok(bucket >= 0 && bucket < QUANTILE_BUCKETS && bucket <= bucketOfNumber(high));
    const value = numberOfBucket(bucket);
    assert.ok(Math.abs(value - low) <= Math.abs(low) * 2 ** -8 || Math.abs(low) < 2 ** -1022, `${low} became ${value}`);
    assert.equal(bucketOfNumber(value), bucket);
  }), { numRuns: 2_000 });
});

test("whole numbers to 256, zero and round powers are exact", () => {
  for (let value = -256; value <= 256; value++) assert.ok(Object.is(numberOfBucket(bucketOfNumber(value)), value), String(value));
  for (const value of [0.5, -0.25, 1_024, 2 ** 60]) assert.equal(numberOfBucket(bucketOfNumber(value)), value);
  assert.ok(Number.isFinite(numberOfBucket(bucketOfNumber(Number.MAX_VALUE))));
});

function estimate(values: Iterable<string | number | boolean>): number {
  const registers = new Uint8Array(REGISTERS);
  for (const value of values) {
    const offer = offerOf(value);
    assert.ok(offer >= 0 && offer < OFFERS);
    const register = offer >> RANK_SHIFT;
    registers[register] = Math.max(registers[register]!, offer & ((1 << RANK_SHIFT) - 1));
  }
  const ranks = createRankCounts();
  for (const rank of registers) ranks[rank]!++;
  return estimateDistinct(ranks);
}

function* numbered(size: number, make: (index: number) => string | number): Generator<string | number> {
  for (let index = 0; index < size; index++) yield make(index);
}

test("the estimate is exact for a few values and stays within four standard errors for many", () => {
  assert.equal(estimate([]), 0);
  for (let size = 1; size <= 20; size++) assert.equal(estimate(numbered(size, (index) => `customer-${index}`)), size);
  for (const size of [100, 1_000, 10_000, 100_000, 400_000]) {
    for (const make of [(index: number) => `item ${index}`, (index: number) => index, (index: number) => index * 0.37 - 1e6]) {
      const found = estimate(numbered(size, make));
      assert.ok(Math.abs(found / size - 1) < 4 * 0.01625, `${found} for ${size}`);
    }
  }
  assert.equal(estimate([true, false, true, 1, "1"]), 4);
});

test("over many sets the error has the size that is stated", () => {
  const errors = Array.from({ length: 60 }, (_, set) => estimate(numbered(20_000, (index) => `${set}/${index}`)) / 20_000 - 1);
  const rootMeanSquare = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
  assert.ok(rootMeanSquare > 0.008 && rootMeanSquare < 0.024, String(rootMeanSquare));
  assert.ok(Math.abs(errors.reduce((a, b) => a + b, 0) / errors.length) < 0.008);
});
