import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MOMENTS, addMoments, mergeMoments, resetMoments, varianceOf } from "./moments.ts";

const varianceFrom = (values: readonly number[]): number => {
  const moments = new Float64Array(MOMENTS + 3);
  resetMoments(moments, 3);
  for (const value of values) addMoments(moments, 3, value);
  return varianceOf(moments, 3);
};

/** A double as a whole number of units of 2^-200. */
function exact(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n);
  const shift = Math.max(exponent, 1) - 1075 + 200;
  const size = shift >= 0 ? mantissa << BigInt(shift) : mantissa >> BigInt(-shift);
  return bits >> 63n === 1n ? -size : size;
}

/** Whether `found` is the double nearest to the exact variance: no neighbour is nearer. */
function isNearest(values: readonly number[], found: number): boolean {
  const n = BigInt(values.length);
  const whole = values.map(exact);
  const sum = whole.reduce((a, b) => a + b, 0n);
  const numerator = (n * whole.reduce((a, b) => a + b * b, 0n) - sum * sum) << 400n; // over n² in units of 2^-800
  const distance = (candidate: number): bigint => {
    const difference = ((exact2(candidate) * n * n) - numerator);
    return difference < 0n ? -difference : difference;
  };
  return distance(found) <= distance(next(found, 1)) && distance(found) <= distance(next(found, -1));
}

/** Units of 2^-800. */
const exact2 = (value: number): bigint => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n);
  const shift = Math.max(exponent, 1) - 1075 + 800;
  const size = shift >= 0 ? mantissa << BigInt(shift) : 0n;
  return bits >> 63n === 1n ? -size : size;
};

function next(value: number, step: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  view.setBigInt64(0, view.getBigInt64(0) + BigInt(step));
  return view.getFloat64(0);
}

const onGrid = fc.oneof(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((value) => value === 0 || Math.abs(value) > 2 ** -28),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((value) => value / 100),
  fc.integer({ min: -5, max: 5 }).map((value) => 1e12 + value),
  fc.double({ min: 2 ** 60, max: 2 ** 80, noNaN: true }),
  fc.integer({ min: -1_000, max: 1_000 }).map((value) => value * 2 ** -81),
);

test("the variance is the double nearest to the exact one, and no order or grouping changes a bit", () => {
  fc.assert(fc.property(fc.array(onGrid, { minLength: 1, maxLength: 40 }), fc.nat(40), (values, cut) => {
    const found = varianceFrom(values);
    if (found !== 0) assert.ok(isNearest(values, found), `${found}`);
    else assert.ok(values.every((value) => value === values[0]));
    assert.ok(Object.is(varianceFrom(values.toReversed()), found));
    const [left, right] = [new Float64Array(MOMENTS), new Float64Array(MOMENTS)];
    values.forEach((value, index) => addMoments(index < cut ? left : right, 0, value));
    mergeMoments(left, 0, right, 0);
    assert.ok(Object.is(varianceOf(left, 0), found));
  }), { numRuns: 500 });
});

test("a large mean costs no digit", () => {
  assert.equal(varianceFrom([1e15 + 1, 1e15 + 2, 1e15 + 3]), 2 / 3);
  assert.equal(varianceFrom([0.1, 0.1, 0.1]), 0);
  assert.equal(varianceFrom([3]), 0);
});

test("no values and values beyond the grids have no variance", () => {
  assert.ok(Number.isNaN(varianceFrom([])));
  assert.ok(Number.isNaN(varianceFrom([1, 2 ** 81])));
  assert.ok(Number.isNaN(varianceFrom([-(2 ** 90), 1, 2])));
  assert.equal(varianceFrom([Number.NaN, 1, 3]), 1);
});

test("values below the finest grid are rounded to it", () => {
  assert.equal(varianceFrom([2 ** -90, 0]), 0);
  assert.equal(varianceFrom([2 ** -81, 3 * 2 ** -81]), 2 ** -162);
});
