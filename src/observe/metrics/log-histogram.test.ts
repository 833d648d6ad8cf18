import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LogHistogram } from "./log-histogram.ts";

/** Magnitudes the histogram resolves: 1e-12 to 1e18, either sign, and zero. */
const value = fc.oneof(
  fc.tuple(fc.double({ min: -11, max: 17, noNaN: true }), fc.boolean()).map(([exponent, negative]) => (negative ? -1 : 1) * 10 ** exponent),
  fc.integer({ min: -2000, max: 2000 }),
);

function histogramOf(values: readonly number[]): LogHistogram {
  const histogram = new LogHistogram();
  for (const number of values) histogram.record(number);
  return histogram;
}

test("every quantile is within 1 % of the value at its rank", () => {
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
    const exact = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)]!;
    const found = histogramOf(values).quantile(share)!;
    assert.ok(Math.abs(found - exact) <= 0.0079 * Math.abs(exact), `${found} for ${exact}`);
  }));
});

test("merging equals recording everything in one", () => {
  fc.assert(fc.property(fc.array(value), fc.array(value), (a, b) => {
    const merged = histogramOf(a);
    merged.merge(histogramOf(b));
    const whole = histogramOf([...a, ...b]);
    assert.deepEqual({ ...merged.state(), sum: 0 }, { ...whole.state(), sum: 0 });
    assert.ok(Math.abs(merged.sum - whole.sum) <= 1e-9 * (1 + [...a, ...b].reduce((sum, number) => sum + Math.abs(number), 0)));
  }));
});

test("counts at powers of two are exact, values on the bound included", () => {
  fc.assert(fc.property(fc.array(value, { minLength: 1 }), fc.integer({ min: -10, max: 12 }), (values, exponent) => {
    const bound = 2 ** exponent;
    const counted = histogramOf([...values, bound]).octaves().findLast(({ upperBound }) => upperBound <= bound)?.count ?? 0;
    assert.equal(counted, values.filter((number) => number <= bound).length + 1);
  }));
  assert.deepEqual(histogramOf([1, 2, 3, 4, 5]).octaves().filter(({ upperBound }) => upperBound >= 1 && upperBound <= 8), [
    { upperBound: 1, count: 1 }, { upperBound: 2, count: 2 }, { upperBound: 4, count: 4 }, { upperBound: 8, count: 5 },
  ]);
});

test("the state survives JSON", () => {
  fc.assert(fc.property(fc.array(value), (values) => {
    const histogram = histogramOf(values);
    const restored = LogHistogram.from(JSON.parse(JSON.stringify(histogram.state())));
    assert.equal(restored.count, histogram.count);
    for (const share of [0, 0.5, 0.9, 1]) assert.equal(restored.quantile(share), histogram.quantile(share));
  }));
});

test("an empty histogram has no quantile, and clearing empties it", () => {
  const histogram = histogramOf([5, -3, 0]);
  histogram.clear();
  assert.equal(histogram.quantile(0.5), undefined);
  assert.deepEqual(histogram.state(), { ...new LogHistogram().state(), positive: histogram.state().positive, negative: histogram.state().negative });
});

test("values beyond the range are counted at its ends", () => {
  const histogram = histogramOf([1e-300, -1e-300, 1e300]);
  assert.deepEqual([histogram.count, histogram.quantile(0.5), histogram.quantile(1)], [3, 0, 2 ** 60]);
});
