import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createTotalsHistory } from "./totals-history.ts";

test("what the changes say adds up to what the totals grew by, whatever the pauses", () => {
  const step = fc.record({ afterMs: fc.integer({ min: 1, max: 5_000 }), requests: fc.nat(1_000), ms: fc.double({ min: 0, max: 1e5, noNaN: true }) });
  fc.assert(fc.property(fc.array(step, { minLength: 2, maxLength: 119 }), (steps) => {
    const history = createTotalsHistory();
    let [atMs, requests, ms] = [0, 0, 0];
    history.sample(atMs, new Map([["m", [requests, ms]]]));
    for (const one of steps) {
      [atMs, requests, ms] = [atMs + one.afterMs, requests + one.requests, ms + one.ms];
      history.sample(atMs, new Map([["m", [requests, ms]]]));
    }
    const changes = history.changes("m", 0);
    assert.equal(changes.length, steps.length);
    const sum = changes.reduce((total, rate, at) => total + rate * steps[at]!.afterMs / 1_000, 0);
    assert.ok(Math.abs(sum - requests) < 1e-6 * (1 + requests));
    for (const [at, mean] of history.ratios("m", 1, 0).entries()) {
      if (steps[at]!.requests === 0) assert.equal(mean, null);
      else assert.ok(Math.abs(mean! * steps[at]!.requests - steps[at]!.ms) < 1e-6 * (1 + ms));
    }
    const last = steps.slice(-10);
    assert.ok(Math.abs(history.perSecond("m", 0) - last.reduce((total, one) => total + one.requests, 0) / last.reduce((total, one) => total + one.afterMs / 1_000, 0)) < 1e-6 * (1 + requests));
  }), { numRuns: 200 });
});

test("two minutes are kept, names that are gone are forgotten, and a restart is no change", () => {
  const history = createTotalsHistory();
  assert.deepEqual([history.perSecond("m", 0), history.changes("m", 0)], [0, []]);
  for (let second = 0; second < 300; second++) history.sample(second * 1_000, new Map([["m", [second * 5]]]));
  assert.deepEqual([history.changes("m", 0).length, history.perSecond("m", 0)], [120, 5]);
  history.sample(300_000, new Map([["m", [0]]]));
  assert.equal(history.changes("m", 0).at(-1), 0);
  history.sample(301_000, new Map());
  assert.deepEqual(history.changes("m", 0), []);
  history.sample(303_000, new Map([["m", [8]]]));
  assert.deepEqual(history.changes("m", 0), [4], "it came into being within these two seconds");
});
