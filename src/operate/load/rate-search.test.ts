/** The search finds the breaking point of every server, within its precision, and never calls a rate held that broke. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextStep, resultOf } from "./rate-search.ts";
import type { SearchRules, SearchStep } from "./rate-search.ts";

const RULES: SearchRules = { firstPerSecond: 50, maxPerSecond: 1e6, resolution: 1.05, maxSteps: 60 };

function searchOf(holds: (perSecond: number, step: number) => boolean, rules: Partial<SearchRules> = {}): readonly SearchStep[] {
  const steps: SearchStep[] = [];
  for (let next = nextStep(steps, { ...RULES, ...rules }); next !== undefined; next = nextStep(steps, { ...RULES, ...rules })) {
    steps.push({ ...next, isHeld: holds(next.perSecond, steps.length) });
  }
  return steps;
}

test("a server with a fixed capacity is found within the precision, and confirmed", () => {
  fc.assert(fc.property(fc.double({ min: 0.3, max: 900_000, noNaN: true }), fc.double({ min: 1.01, max: 1.5, noNaN: true }), (capacity, resolution) => {
    const steps = searchOf((perSecond) => perSecond <= capacity, { resolution });
    const { heldPerSecond, brokenPerSecond, isConfirmed } = resultOf(steps);
    assert.ok(isConfirmed && heldPerSecond !== undefined && brokenPerSecond !== undefined);
    assert.ok(heldPerSecond <= capacity && brokenPerSecond > capacity && brokenPerSecond / heldPerSecond <= resolution * 1.0001);
    assert.equal(steps.filter((step) => step.isConfirmation).length, 1);
  }), { numRuns: 300 });
});

test("whatever a moody server does, the rate that is called held never broke and no lower one did", () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (moods) => {
    const steps = searchOf((_, step) => moods[step]!);
    const { heldPerSecond = 0 } = resultOf(steps);
    assert.ok(steps.length <= RULES.maxSteps);
    for (const step of steps) assert.ok(step.isHeld || step.perSecond > heldPerSecond);
  }), { numRuns: 300 });
});

test("a confirmation that breaks lowers the bound", () => {
  const steps = searchOf((perSecond, step) => perSecond <= 400 && !(step === 7 && perSecond > 300));
  const confirmations = steps.filter((step) => step.isConfirmation);
  assert.ok(confirmations.length >= 1);
  assert.equal(resultOf(steps).isConfirmed, true);
});

test("a server that holds everything ends at the largest rate; one that holds nothing ends too", () => {
  assert.deepEqual(resultOf(searchOf(() => true, { maxPerSecond: 3_000 })), { heldPerSecond: 3_000, brokenPerSecond: undefined, isConfirmed: true });
  const { heldPerSecond } = resultOf(searchOf(() => false));
  assert.equal(heldPerSecond, undefined);
});
