/**
 * Constants from scipy 1.17.1: scipy.special.gammaln, scipy.stats.chi2.sf, norm.ppf, kstwo.sf,
 * ks_2samp(method="exact" | "asymp").pvalue and false_discovery_control, called with the arguments shown.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chiSquareTail, logGamma, upperGammaShare } from "./gamma.ts";
import { kolmogorovTail, smirnovAsymptoticTail, smirnovExactTail } from "./kolmogorov.ts";
import { adjustPValues } from "./multiple-testing.ts";
import { normalCdf, normalQuantile, normalTwoSidedTail } from "./normal.ts";

function assertClose(actual: number, expected: number, relative = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), 1e-300), `${actual} is not ${expected}`);
}

test("the logarithm of gamma agrees with scipy", () => {
  for (const [x, expected] of [[0.1, 2.252712651734206], [0.5, 0.5723649429247], [1.5, -0.12078223763524526], [10, 12.801827480081469], [1000.5, 5908.674175848678]] as const) {
    assertClose(logGamma(x), expected);
  }
});

test("chi-square tails agree with scipy, far out and with many degrees of freedom", () => {
  const cases = [
    [3.1746031746031744, 5, 0.6730876006966301], [0.001, 1, 0.9747728793699604], [50, 3, 7.989179244951495e-11],
    [1000, 1000, 0.49405285382923964], [700, 2, 9.929590396265143e-153],
  ] as const;
  for (const [statistic, degrees, expected] of cases) assertClose(chiSquareTail(statistic, degrees), expected, 2e-12);
  assert.equal(chiSquareTail(5, 0), 1);
});

test("the incomplete gamma share falls from one to zero", () => {
  fc.assert(fc.property(fc.double({ min: 0.01, max: 500, noNaN: true }), fc.double({ min: 0, max: 1000, noNaN: true }), (a, x) => {
    const share = upperGammaShare(a, x);
    assert.ok(share >= -1e-15 && share <= 1 + 1e-15);
    assert.ok(upperGammaShare(a, x + 1) <= share + 1e-12);
  }));
});

test("the normal distribution and its inverse agree with scipy and with each other", () => {
  for (const [probability, z] of [[1e-20, -9.262340089798409], [1e-5, -4.264890793922825], [0.02, -2.053748910631823], [0.3, -0.5244005127080409], [0.975, 1.959963984540054], [0.9999, 3.719016485455709]] as const) {
    assertClose(normalQuantile(probability), z, 2e-15);
    assertClose(normalCdf(z), probability, 1e-11);
  }
  assertClose(normalTwoSidedTail(-1.959963984540054), 0.05);
  assert.deepEqual([normalQuantile(0), normalQuantile(1), normalQuantile(1.1)], [-Infinity, Infinity, Number.NaN]);
  fc.assert(fc.property(fc.double({ min: 1e-12, max: 0.5, noNaN: true }), (probability) => assertClose(normalCdf(normalQuantile(probability)), probability, 1e-11)));
});

test("one-sample Kolmogorov tails agree with scipy on both sides of the change of method", () => {
  const cases = [
    [10, 0.3, 0.27053557479999946], [44, 0.1725, 0.12930960447669015], [140, 0.12, 0.03252638258561632],
    [141, 0.1, 0.11128445516467944], [1000, 0.04, 0.07933956059000224], [100_000, 0.004, 0.08130148920222469],
  ] as const;
  for (const [n, d, expected] of cases) assertClose(kolmogorovTail(d, n), expected, 1e-11);
  assert.deepEqual([kolmogorovTail(0.001, 10), kolmogorovTail(1, 10), kolmogorovTail(0.9, 1_000)], [1, 0, 0]);
});

test("two-sample tails agree with scipy, exact and asymptotic", () => {
  const cases = [
    [0.1725, 100, 80, 0.12690159338323884, 0.1293096044766895], [0.5, 7, 5, 0.3282828282828283, 0.3333333333333333],
    [0.3, 20, 13, 0.3767787677868928, 0.39011434020996105],
  ] as const;
  for (const [d, m, n, exact, asymptotic] of cases) {
    assertClose(smirnovExactTail(d, m, n), exact);
    assertClose(smirnovAsymptoticTail(d, m, n), asymptotic);
  }
});

test("exact two-sample tails equal the share of all orders, and do not care which sample is first", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (m, n, d) => {
    assertClose(smirnovExactTail(d, m, n), shareOfOrders(d, m, n), 1e-9);
    assertClose(smirnovExactTail(d, m, n), smirnovExactTail(d, n, m), 1e-12);
  }), { numRuns: 60 });
});

/** By listing every order of m values of one sample and n of the other. */
function shareOfOrders(d: number, m: number, n: number): number {
  let orders = 0, outside = 0;
  const walk = (i: number, j: number, largest: number): void => {
    const distance = Math.max(largest, Math.abs(i / m - j / n));
    if (i === m && j === n) {
      orders++;
      if (distance >= d - 1e-9) outside++;
      return;
    }
    if (i < m) walk(i + 1, j, distance);
    if (j < n) walk(i, j + 1, distance);
  };
  walk(0, 0, 0);
  return outside / orders;
}

test("adjusted p-values agree with scipy and never fall below the raw ones", () => {
  assert.deepEqual(adjustPValues([0.01, 0.04, 0.03, 0.5, 0.005]).map((p) => Number(p.toPrecision(12))), [0.025, 0.05, 0.05, 0.5, 0.025]);
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (pValues) => {
    const adjusted = adjustPValues(pValues);
    for (const [i, p] of pValues.entries()) assert.ok(adjusted[i]! >= p - 1e-15 && adjusted[i]! <= 1);
  }));
});
