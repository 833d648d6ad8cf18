import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { LANES, addExact, addLanes, exactTotal, subtractLanes } from "./exact-sum.ts";

/** Prices, tiny and large values of both signs; sixty of them stay within the bound of 2^53. */
const value = fc.oneof(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.integer({ min: -100_000, max: 100_000 }).map((cents) => cents / 100),
  fc.integer({ min: -3, max: 3 }).map((step) => 2 ** 46 + step / 64),
  fc.integer({ min: -3, max: 3 }).map((step) => -(2 ** 45) + step / 128),
);

function lanesOf(values: readonly number[]): Float64Array {
  const sums = new Float64Array(LANES);
  for (const each of values) addExact(sums, 0, each);
  return sums;
}

const total = (values: readonly number[]): number => exactTotal(lanesOf(values), 0);

/** The value as a whole number of 2^-1074, exactly. */
function toUnits(x: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  const exponent = (high >>> 20) & 0x7ff;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(bits.getUint32(4));
  const magnitude = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return high >>> 31 === 1 ? -magnitude : magnitude;
}

test("the sum has the same bits in every order", () => {
  fc.assert(fc.property(fc.array(value, { maxLength: 60 }), fc.integer(), (values, seed) => {
    const shuffled = createRandom(seed).shuffle([...values]);
    assert.deepEqual(lanesOf(shuffled), lanesOf(values));
    assert.ok(Object.is(total(shuffled), total(values)));
  }));
});

test("the sum has the same bits however the values are cut into tiles", () => {
  fc.assert(fc.property(fc.array(fc.array(value, { maxLength: 9 }), { maxLength: 9 }), (tiles) => {
    const tiled = new Float64Array(LANES);
    for (const tile of tiles.toReversed()) addLanes(tiled, 0, lanesOf(tile), 0);
    assert.ok(Object.is(exactTotal(tiled, 0), total(tiles.flat())));
  }));
});

test("subtracting a part leaves exactly the sum of the rest", () => {
  fc.assert(fc.property(fc.array(value, { maxLength: 30 }), fc.array(value, { maxLength: 30 }), (part, rest) => {
    const sums = lanesOf([...part, ...rest]);
    subtractLanes(sums, 0, lanesOf(part), 0);
    assert.ok(Object.is(exactTotal(sums, 0), total(rest)));
  }));
});

test("the sum is the true sum to 2^-57 per value and one rounding", () => {
  fc.assert(fc.property(fc.array(value, { maxLength: 60 }), (values) => {
    const exact = values.reduce((sum, each) => sum + toUnits(each), 0n);
    const error = toUnits(total(values)) - exact;
    const absolute = error < 0n ? -error : error;
    const magnitude = exact < 0n ? -exact : exact;
    const allowed = (BigInt(values.length) << BigInt(1074 - 57)) + (magnitude >> 52n) + 1n;
    assert.ok(absolute <= allowed, `error ${absolute} of ${exact}`);
  }));
});

test("cancellation between the lanes keeps what is left over", () => {
  assert.equal(total([2 ** 40, 2 ** -50, -(2 ** 40)]), 2 ** -50);
  assert.equal(total([1e15 + 0.5, 2 ** -56, -(1e15 + 0.5)]), 2 ** -56);
  assert.equal(total(Array.from({ length: 10 }, () => 0.1)), 1);
});

test("values on both sides of the rounding limit are split without loss", () => {
  for (const base of [2 ** 51, -(2 ** 51)]) {
    for (const step of [-1, -0.5, -0.25, 0, 0.5, 1]) assert.equal(total([base + step, -base]), base + step - base);
  }
  assert.equal(total([2 ** 52 + 1]), 2 ** 52 + 1);
});

test("an empty sum and a sum of negative zeros are positive zero", () => {
  assert.ok(Object.is(total([]), 0));
  assert.ok(Object.is(total([-0, -0]), 0));
});

test("a sum that overflows is not finite", () => {
  assert.ok(!Number.isFinite(total([1.7e308, 1.7e308])));
});
