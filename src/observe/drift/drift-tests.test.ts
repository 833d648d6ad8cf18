/**
 * Reference values: scipy 1.17.1 on a_i = (37 i mod 101) / 101, i < 100, and b_i = ((53 i mod 97) / 97)^1.5, i < 80:
 * ks_2samp(a, b); PSI by numpy histograms over the deciles of a, and over numpy.histogram_bin_edges(a ++ b,
 * "sturges") with empty shares set to 1e-4; chisquare and chi2_contingency(correction=False) with the counts shown.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { profileColumn } from "../sketch/column-profile.ts";
import { createLiveProfile } from "../sketch/live-profile.ts";
import { chiSquareGoodnessOfFit, chiSquareHomogeneity, shareShift } from "./chi-square.ts";
import { kolmogorovSmirnovOfCells, kolmogorovSmirnovTest } from "./kolmogorov-smirnov.ts";
import { populationStabilityIndex, populationStabilityOfSamples } from "./population-stability.ts";
import { judge } from "./verdict.ts";

const a = Array.from({ length: 100 }, (_, i) => ((37 * i) % 101) / 101);
const b = Array.from({ length: 80 }, (_, i) => (((53 * i) % 97) / 97) ** 1.5);
const samples = fc.array(fc.oneof(fc.integer({ min: 0, max: 6 }), fc.double({ min: -5, max: 5, noNaN: true })), { minLength: 1, maxLength: 60 });
const counts = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 })), { minLength: 2, maxLength: 12 })
  .filter((pairs) => pairs.some(([x]) => x > 0) && pairs.some(([, y]) => y > 0));

function assertClose(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test("the stability index has its reference values", () => {
  assertClose(populationStabilityOfSamples(a, b), 0.1945206200001778);
  assertClose(populationStabilityOfSamples(a, b, { bins: "sturges" }), 0.1678165268452864);
});

test("the stability index is never negative, symmetric, and zero on equal shares", () => {
  fc.assert(fc.property(counts, (pairs) => {
    const reference = pairs.map(([x]) => x);
    const live = pairs.map(([, y]) => y);
    const index = populationStabilityIndex(reference, live);
    assert.ok(index >= 0);
    assertClose(index, populationStabilityIndex(live, reference), 1e-9);
    assertClose(populationStabilityIndex(reference, reference.map((count) => 3 * count)), 0);
  }));
  fc.assert(fc.property(samples, (values) => {
    assert.equal(populationStabilityOfSamples(values, values), 0);
    assert.equal(populationStabilityOfSamples(values, values, { bins: "sturges" }), 0);
  }));
});

test("bins that do not fit or are all empty are refused", () => {
  assert.throws(() => populationStabilityIndex([1, 2], [1]), { code: "STATISTICS_INPUT_INVALID" });
  assert.throws(() => populationStabilityIndex([1, 2], [0, 0]), { code: "STATISTICS_INPUT_INVALID" });
  assert.throws(() => chiSquareHomogeneity([0, 0], [1, 1]), { code: "STATISTICS_INPUT_INVALID" });
  assert.throws(() => kolmogorovSmirnovTest([Number.NaN], [1]), { code: "STATISTICS_INPUT_INVALID" });
});

test("Kolmogorov-Smirnov has scipy's values, exact and asymptotic, with and without ties", () => {
  const exact = kolmogorovSmirnovTest(a, b);
  assertClose(exact.statistic, 0.1725);
  assertClose(exact.pValue, 0.12690159338323884);
  assertClose(exact.location, 0.28491566911841165);
  assertClose(kolmogorovSmirnovTest(a, b, { method: "asymptotic" }).pValue, 0.1293096044766895);
  const tied = kolmogorovSmirnovTest([1, 2, 2, 3, 5], [2, 2, 4, 6, 6, 7]);
  assertClose(tied.statistic, 0.5);
  assertClose(tied.pValue, 0.35714285714285715);
});

test("the Kolmogorov-Smirnov distance is symmetric, within [0, 1] and equals brute force", () => {
  fc.assert(fc.property(samples, samples, (x, y) => {
    const { statistic, pValue } = kolmogorovSmirnovTest(x, y);
    const share = (values: readonly number[], limit: number): number => values.filter((value) => value <= limit).length / values.length;
    assertClose(statistic, Math.max(...[...x, ...y].map((limit) => Math.abs(share(x, limit) - share(y, limit)))));
    assert.ok(statistic >= 0 && statistic <= 1 && pValue >= 0 && pValue <= 1);
    const swapped = kolmogorovSmirnovTest(y, x);
    assertClose(statistic, swapped.statistic);
    assertClose(pValue, swapped.pValue, 1e-9);
    assert.equal(kolmogorovSmirnovTest(x, x).statistic, 0);
  }));
});

test("the distance read from cells is at most one gap of the reference too small and never too large", () => {
  const random = createRandom("cells");
  for (let round = 0; round < 30; round++) {
    const reference = Array.from({ length: 800 }, () => (random.next() < 0.2 ? 0 : random.normal()));
    const live = Array.from({ length: 500 }, () => (random.next() < 0.1 ? 0 : random.normal() * (0.5 + random.next()) - 0.3));
    const profile = profileColumn(reference, { kind: "numeric" });
    const counted = createLiveProfile(profile);
    for (const value of live) counted.add(value);
    const snapshot = counted.snapshot();
    assert.ok(snapshot.kind === "numeric");
    const exact = kolmogorovSmirnovTest(reference, live).statistic;
    const read = kolmogorovSmirnovOfCells(profile.cells, snapshot.cells, profile.edges).statistic;
    assert.ok(read <= exact + 1e-12 && read >= exact - 0.00501, `${read} for ${exact}`);
  }
});

test("a spike that moves just off its place is seen in the cells", () => {
  const profile = profileColumn(Array.from({ length: 1000 }, (_, i) => (i < 600 ? 0 : i)), { kind: "numeric" });
  const live = createLiveProfile(profile);
  for (let i = 0; i < 1000; i++) live.add(i < 600 ? -1e-9 : i);
  const snapshot = live.snapshot();
  assert.ok(snapshot.kind === "numeric");
  assertClose(kolmogorovSmirnovOfCells(profile.cells, snapshot.cells, profile.edges).statistic, 0.6, 1e-9);
});

test("chi-square tests have scipy's values", () => {
  const fit = chiSquareGoodnessOfFit([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]);
  assertClose(fit.statistic, 3.1746031746031744);
  assertClose(fit.pValue, 0.6730876006966301);
  const table = chiSquareHomogeneity([30, 50, 20], [25, 40, 55]);
  assertClose(table.statistic, 16.214814814814822, 1e-11);
  assertClose(table.pValue, 0.0003012990070435652);
  assert.equal(table.degreesOfFreedom, 2);
});

test("chi-square tests are zero on equal shares, ignore empty categories, and the homogeneity test is symmetric", () => {
  fc.assert(fc.property(counts, (pairs) => {
    const reference = pairs.map(([x]) => x);
    const live = pairs.map(([, y]) => y);
    const result = chiSquareHomogeneity(reference, live);
    assert.ok(result.statistic >= 0 && result.pValue >= 0 && result.pValue <= 1);
    assertClose(result.statistic, chiSquareHomogeneity(live, reference).statistic, 1e-9);
    assert.deepEqual(chiSquareHomogeneity([...reference, 0], [...live, 0]), result);
    for (const same of [chiSquareHomogeneity(reference, reference), chiSquareGoodnessOfFit(reference, reference)]) {
      assertClose(same.statistic, 0);
      assertClose(same.pValue, 1);
    }
    assertClose(shareShift(reference, reference), 0);
    assertClose(shareShift(reference, live), shareShift(live, reference));
    assert.ok(shareShift(reference, live) <= 2 + 1e-12);
  }));
  assert.equal(chiSquareGoodnessOfFit([5, 0], [4, 1]).pValue, 0);
  assert.equal(shareShift([7, 0], [0, 9]), 2);
  assertClose(shareShift([50, 50], [55, 45]), Math.sqrt(0.05 ** 2 / 0.525 + 0.05 ** 2 / 0.475)); // Cohen's w is 0.1
});

test("a difference is drift only when it is both real and material, and the sentence says which is missing", () => {
  const evidence = { test: "psi" as const, statistic: 0.3, pValue: 0.001, effect: 0.3, where: "values above 3 went from 10 % to 24 %" };
  const drift = judge(evidence);
  assert.deepEqual([drift.drifted, drift.effectSize, drift.threshold, drift.reason], [true, "large", 0.2, "PSI is 0.3 (large; threshold 0.2), p = 0.001: values above 3 went from 10 % to 24 %."]);
  const chance = judge({ ...evidence, pValue: 0.2 });
  assert.deepEqual([chance.drifted, chance.reason], [false, "PSI is 0.3 (large; threshold 0.2), but with p = 0.2 above 0.05 it can be chance."]);
  const small = judge({ ...evidence, effect: 0.01 });
  assert.deepEqual([small.drifted, small.effectSize, small.reason], [false, "negligible", "PSI is 0.01 (negligible; threshold 0.2), p = 0.001: a real change, but too small to matter."]);
  assert.equal(judge({ ...evidence, effect: Number.NaN }).drifted, false);
});
