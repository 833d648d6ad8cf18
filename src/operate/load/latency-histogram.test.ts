/** Quantiles against the sorted list. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createLatencyHistogram } from "./latency-histogram.ts";

test("quantiles are within 1 % of the exact ones, the maximum exact", () => {
  const latencies = fc.array(fc.double({ min: 0.002, max: 900_000, noNaN: true }), { minLength: 1, maxLength: 300 });
  fc.assert(fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
    const histogram = createLatencyHistogram();
    for (const value of values) histogram.record(value);
    const exact = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)]!;
    assert.ok(Math.abs(histogram.quantile(share) / exact - 1) <= 0.01, `${histogram.quantile(share)} for ${exact}`);
    assert.equal(histogram.summary().maxMs, Math.max(...values));
    assert.equal(histogram.count(), values.length);
  }));
});

test("without latencies everything is 0", () => {
  assert.deepEqual(createLatencyHistogram().summary(), { count: 0, meanMs: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 });
});
