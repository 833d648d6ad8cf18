/** The search for the highest rate, on servers whose limit is known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bestRate, nextRate } from "./rate-search.ts";
import type { RateStep } from "./rate-search.ts";

function search(limit: number, firstPerSecond: number, maxSteps: number): readonly RateStep[] {
  const steps: RateStep[] = [];
  for (;;) {
    const perSecond = nextRate(steps, { firstPerSecond, maxSteps, resolution: 1.05 });
    if (perSecond === undefined) return steps;
    steps.push({ perSecond, isHeld: perSecond <= limit });
  }
}

test("finds the limit within the resolution when it may take its steps", () => {
  fc.assert(fc.property(fc.double({ min: 10, max: 1e5, noNaN: true }), fc.double({ min: 0.2, max: 5, noNaN: true }), (limit, guess) => {
    const found = bestRate(search(limit, limit * guess, 30));
    assert.ok(found <= limit && found >= limit / 1.12, `${found} for ${limit}`);
  }), { numRuns: 300 });
});

test("a few steps from a good guess come close, and never above the limit", () => {
  fc.assert(fc.property(fc.double({ min: 0.8, max: 1.2, noNaN: true }), (guess) => {
    const steps = search(1_000, 1_000 * guess, 3);
    assert.ok(bestRate(steps) <= 1_000 && bestRate(steps) >= 700);
    assert.ok(steps.length <= 8);
  }), { numRuns: 300 });
});

test("a server that holds nothing ends the search with nothing", () => {
  assert.equal(bestRate(search(0, 100, 3)), 0);
  assert.equal(search(0, 100, 3).length, 8);
});
