/** Fits find the parameters that made the points, through noise, and say so when the points have another shape. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { fitQueueCurve, fitScalabilityLaw, latencyAt, throughputAt } from "./capacity-curve.ts";

const near = (found: number, wanted: number, share: number): boolean => Math.abs(found / wanted - 1) <= share;
const LOADS = [0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.75, 0.85, 0.9, 0.95];

test("a queue's capacity and base latency are found within 5 % and 15 % through 3 % of noise", () => {
  const parameters = fc.record({ capacity: fc.double({ min: 20, max: 50_000, noNaN: true }), base: fc.double({ min: 0.2, max: 500, noNaN: true }), wait: fc.double({ min: 0.3, max: 3, noNaN: true }), seed: fc.nat(10_000) });
  fc.assert(fc.property(parameters, ({ capacity, base, wait, seed }) => {
    const random = createRandom(seed);
    const truth = { baseMs: base, capacityPerSecond: capacity, waitMs: wait * base, exponent: 1 };
    const points = LOADS.map((load) => ({ perSecond: load * capacity, latencyMs: latencyAt(truth, load * capacity) * Math.exp(0.03 * random.normal()) }));
    const curve = fitQueueCurve(points);
    assert.ok(curve?.isGood === true && near(curve.capacityPerSecond, capacity, 0.05) && near(curve.baseMs, base, 0.15), JSON.stringify({ curve, truth }));
  }), { numRuns: 40 });
});

test("several servers show in the exponent", () => {
  const truth = { baseMs: 10, capacityPerSecond: 800, waitMs: 2, exponent: Math.sqrt(2 * 9) - 1 }; // eight servers
  const curve = fitQueueCurve(LOADS.concat(0.97, 0.98, 0.99).map((load) => ({ perSecond: load * 800, latencyMs: latencyAt(truth, load * 800) })))!;
  assert.ok(near(curve.capacityPerSecond, 800, 0.01) && curve.servers > 5 && curve.servers < 12, JSON.stringify(curve));
});

test("the Universal Scalability Law's peak is found within 10 % through 2 % of noise", () => {
  const parameters = fc.record({ one: fc.double({ min: 1, max: 5_000, noNaN: true }), contention: fc.double({ min: 0.02, max: 0.4, noNaN: true }), coherency: fc.double({ min: 2e-4, max: 5e-3, noNaN: true }), seed: fc.nat(10_000) });
  fc.assert(fc.property(parameters, ({ one, contention, coherency, seed }) => {
    const random = createRandom(seed);
    const truth = { onePerSecond: one, contention, coherency };
    const points = [1, 2, 4, 8, 16, 32, 64, 128].map((concurrency) => ({ concurrency, perSecond: throughputAt(truth, concurrency) * Math.exp(0.02 * random.normal()) }));
    const law = fitScalabilityLaw(points);
    const peak = throughputAt(truth, Math.sqrt((1 - contention) / coherency));
    assert.ok(law?.isGood === true && near(law.peakPerSecond, peak, 0.1), JSON.stringify({ law, truth, peak }));
  }), { numRuns: 40 });
});

test("points that no queue makes are not believed, and three points are not fitted", () => {
  const zigzag = LOADS.map((load, index) => ({ perSecond: load * 100, latencyMs: index % 2 === 0 ? 1 : 50 }));
  assert.equal(fitQueueCurve(zigzag)?.isGood, false);
  assert.equal(fitQueueCurve(zigzag.slice(0, 3)), undefined);
  assert.equal(fitScalabilityLaw(zigzag.slice(0, 3).map(({ perSecond }) => ({ perSecond, concurrency: 1 }))), undefined);
});
