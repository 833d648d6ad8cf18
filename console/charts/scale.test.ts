import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DAY_MS, HOUR_MS } from "../format/times.ts";
import { extentOf, linearScale, nearestIndex, niceDomain, ticksOf, timeTicksOf } from "./scale.ts";

const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true });
/** Wide enough for twelve digits to tell the ticks apart. */
const isWide = (from: number, to: number): boolean => to - from > 1e-6 * (1 + Math.max(Math.abs(from), Math.abs(to)));

test("ticks are round, rise, and stay within", () => {
  assert.deepEqual(ticksOf(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticksOf(0, 0.37, 4), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(ticksOf(-3, 7, 3), [0, 5]);
  assert.deepEqual(ticksOf(4, 4, 3), [4]);
  fc.assert(fc.property(finite, finite, fc.integer({ min: 1, max: 10 }), (a, b, count) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    fc.pre(isWide(from, to));
    const ticks = ticksOf(from, to, count);
    assert.ok(ticks.length <= count + 1);
    for (const [i, tick] of ticks.entries()) {
      assert.ok(tick >= from - (to - from) * 1e-6 && tick <= to + (to - from) * 1e-6);
      if (i > 0) assert.ok(tick > ticks[i - 1]!);
    }
  }));
});

test("a nice domain holds the data and ends on ticks", () => {
  assert.deepEqual(niceDomain([3, 97], 5), [0, 100]);
  assert.deepEqual(niceDomain([0, 0], 5), [0, 1]);
  assert.deepEqual(niceDomain([8, 8], 5), [0, 10]);
  fc.assert(fc.property(finite, finite, (a, b) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    fc.pre(isWide(from, to));
    const [low, high] = niceDomain([from, to], 4);
    assert.ok(low <= from + (to - from) * 1e-6 && high >= to - (to - from) * 1e-6);
  }));
});

test("time ticks lie on usual hours and days", () => {
  const from = Date.UTC(2011, 2, 1, 7, 20);
  assert.deepEqual(timeTicksOf(from, from + 10 * HOUR_MS, 4), { stepMs: 3 * HOUR_MS, values: [9, 12, 15].map((hour) => Date.UTC(2011, 2, 1, hour)) });
  const days = timeTicksOf(from, from + 5 * DAY_MS, 6);
  assert.deepEqual([days.stepMs, days.values[0], days.values.length], [DAY_MS, Date.UTC(2011, 2, 2), 5]);
});

test("a scale maps its ends, and one value to the middle", () => {
  const scale = linearScale([10, 20], [100, 0]);
  assert.deepEqual([scale.at(10), scale.at(20), scale.at(15)], [100, 0, 50]);
  assert.equal(linearScale([5, 5], [0, 80]).at(5), 40);
  assert.deepEqual(extentOf([3, Number.NaN, -1, Number.POSITIVE_INFINITY]), [-1, 3]);
  assert.equal(extentOf([Number.NaN]), undefined);
});

test("the nearest of sorted values is as near as any", () => {
  assert.equal(nearestIndex([], 1), -1);
  fc.assert(fc.property(fc.array(finite, { minLength: 1 }), finite, (values, target) => {
    const sorted = values.toSorted((a, b) => a - b);
    const found = Math.abs(sorted[nearestIndex(sorted, target)]! - target);
    assert.equal(found, Math.min(...sorted.map((value) => Math.abs(value - target))));
  }));
});
