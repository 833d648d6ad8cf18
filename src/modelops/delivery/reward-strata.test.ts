import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { combineStrata, meanOf, NO_REWARDS, strataOf } from "./reward-strata.ts";
import type { RewardArms, RewardSummary } from "./reward-strata.ts";

const summary = (values: readonly number[]): RewardSummary => ({ n: values.length, sum: values.reduce((a, b) => a + b, 0), sumSquares: values.reduce((a, b) => a + b * b, 0) });
const add = (a: RewardSummary, b: RewardSummary): RewardSummary => ({ n: a.n + b.n, sum: a.sum + b.sum, sumSquares: a.sumSquares + b.sumSquares });
const variance = ({ n, sum, sumSquares }: RewardSummary): number => sumSquares / n - (sum / n) ** 2;
const rewards = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 30 }).map(summary);
const arms: fc.Arbitrary<RewardArms> = fc.record({ control: rewards, treatment: rewards });
const near = (actual: number, expected: number, tolerance = 1e-9): void => assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);

test("a share that grows while rewards rise misleads the plain means, not the combined ones", () => {
  const morning = { control: { n: 900, sum: 45, sumSquares: 45 }, treatment: { n: 100, sum: 5, sumSquares: 5 } }; // 5 % in both arms
  const evening = { control: { n: 500, sum: 100, sumSquares: 100 }, treatment: { n: 500, sum: 100, sumSquares: 100 } }; // 20 % in both
  const pooled = { control: add(morning.control, evening.control), treatment: add(morning.treatment, evening.treatment) };
  assert.ok(meanOf(pooled.treatment) - meanOf(pooled.control) > 0.07);
  const combined = combineStrata([morning, evening]);
  near(meanOf(combined.treatment), meanOf(combined.control));
  assert.equal(combined.control.sum, combined.control.sumSquares); // rewards of 0 and 1 stay recognisable
  assert.ok(combined.treatment.n <= 600 && combined.control.n <= 1_400);
});

test("the combined arms carry the mean, variance and weight of the best stratified comparison", () => {
  fc.assert(fc.property(fc.array(arms, { minLength: 2, maxLength: 4 }), (strata) => {
    const weights = strata.map(({ control, treatment }) => (control.n * treatment.n) / (control.n + treatment.n));
    const total = weights.reduce((a, b) => a + b);
    const difference = strata.reduce((sum, { control, treatment }, index) => sum + (weights[index]! / total) * (meanOf(treatment) - meanOf(control)), 0);
    const { control, treatment } = combineStrata(strata);
    near(meanOf(treatment) - meanOf(control), difference);
    for (const [arm, parts] of [[control, strata.map((stratum) => stratum.control)], [treatment, strata.map((stratum) => stratum.treatment)]] as const) {
      const size = 1 / parts.reduce((sum, part, index) => sum + (weights[index]! / total) ** 2 / part.n, 0);
      const ofMean = parts.reduce((sum, part, index) => sum + (weights[index]! / total) ** 2 * variance(part) / part.n, 0);
      assert.equal(arm.n, Math.floor(size * (1 + 1e-9)));
      if (!parts.every((part) => part.sum === part.sumSquares)) near(variance(arm), ofMean * size, 1e-6);
      assert.ok(arm.n <= parts.reduce((sum, part) => sum + part.n, 0));
      assert.ok(arm.sumSquares * arm.n * (1 + 1e-9) + 1e-9 >= arm.sum ** 2);
    }
  }));
});

test("strata of equal shares are as good as one", () => {
  const half = { control: { n: 300, sum: 30, sumSquares: 30 }, treatment: { n: 100, sum: 12, sumSquares: 12 } };
  const { control, treatment } = combineStrata([half, half]);
  assert.deepEqual([control.n, treatment.n], [600, 200]);
  near(control.sum, 60);
  near(treatment.sum, 24);
});

test("totals are cut at the notes; totals below a note are counted anew", () => {
  fc.assert(fc.property(fc.array(arms, { minLength: 1, maxLength: 4 }), (strata) => {
    const notes = strata.map((_, index) => strata.slice(0, index + 1).reduce((a, b) => ({ control: add(a.control, b.control), treatment: add(a.treatment, b.treatment) })));
    const cut = strataOf(notes.at(-1)!, notes.slice(0, -1));
    assert.deepEqual(cut.map(({ control, treatment }) => [control.n, treatment.n]), strata.map(({ control, treatment }) => [control.n, treatment.n]));
    for (const [index, stratum] of cut.entries()) near(stratum.control.sum, strata[index]!.control.sum);
  }));
  const note = { control: { n: 10, sum: 1, sumSquares: 1 }, treatment: { n: 10, sum: 1, sumSquares: 1 } };
  const fresh = { control: { n: 20, sum: 2, sumSquares: 2 }, treatment: { n: 3, sum: 0, sumSquares: 0 } };
  assert.deepEqual(strataOf(fresh, [note]), [fresh]);
  assert.deepEqual(combineStrata(strataOf(note, [note])), note);
  assert.deepEqual(combineStrata([]), { control: NO_REWARDS, treatment: NO_REWARDS });
});
