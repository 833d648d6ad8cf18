import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { bootstrapInterval, pairedBootstrap } from "./bootstrap.ts";

const SKEWED = Array.from({ length: 60 }, (_, i) => (((31 * i) % 53) / 53) ** 3);

function assertClose(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

test("intervals agree with scipy's", () => {
  // scipy 1.17.1: bootstrap((v,), numpy.mean, n_resamples=200000, method="BCa" | "percentile", random_state=1)
  const bca = bootstrapInterval(SKEWED, { random: createRandom(1), resamples: 20_000 });
  assertClose(bca.estimate, 0.23918715897463458, 1e-12);
  assertClose(bca.low, 0.1763250738019007, 0.003);
  assertClose(bca.high, 0.31683350945204536, 0.003);
  const percentile = bootstrapInterval(SKEWED, { random: createRandom(2), resamples: 20_000, method: "percentile" });
  assertClose(percentile.low, 0.17213562762101156, 0.003);
  assertClose(percentile.high, 0.31111648654034313, 0.003);
});

test("the same seed gives the same interval", () => {
  const once = (): unknown => bootstrapInterval(SKEWED, { random: createRandom("seed") });
  assert.deepEqual(once(), once());
});

test("intervals hold the mean, widen with the level and move with the values", () => {
  fc.assert(fc.property(fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 5, maxLength: 40 }), fc.double({ min: -5, max: 5, noNaN: true }), (values, shift) => {
    const at = (level: number, moved = values) => bootstrapInterval(moved, { random: createRandom(7), resamples: 300, level, method: "percentile" });
    const { low, high, estimate } = at(0.9);
    assert.ok(low <= estimate + 1e-9 && estimate <= high + 1e-9);
    const wider = at(0.99);
    assert.ok(wider.low <= low && wider.high >= high);
    const moved = at(0.9, values.map((value) => value + shift));
    assertClose(moved.low, low + shift, 1e-9);
  }), { numRuns: 40 });
});

test("intervals cover the true mean of skewed values about as often as they say", () => {
  const random = createRandom("coverage");
  let covered = 0;
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 80 }, () => random.exponential(1));
    const { low, high } = bootstrapInterval(values, { random, resamples: 500 });
    if (low <= 1 && high >= 1) covered++;
  }
  assert.ok(covered >= 178 && covered <= 198, `${covered} of 200`);
});

test("very many values take the normal interval, which is the same by then", () => {
  const random = createRandom("many");
  const values = Float64Array.from({ length: 30_000 }, () => random.normal());
  const normal = bootstrapInterval(values, { random });
  const resampled = bootstrapInterval(values, { random, resamples: 400, method: "percentile" });
  assert.deepEqual([normal.method, resampled.method], ["normal", "percentile"]);
  assertClose(normal.low, resampled.low, 0.002);
});

test("paired differences see what separate intervals would not", () => {
  const random = createRandom("paired");
  const hard = Array.from({ length: 100 }, () => random.next());
  const better = hard.map((value) => value + 0.02 + 0.01 * random.normal());
  const result = pairedBootstrap(better, hard, { random });
  assertClose(result.difference, 0.02, 0.005);
  assert.ok(result.excludesZero && result.low > 0);
  assert.ok(bootstrapInterval(better, { random }).low < bootstrapInterval(hard, { random }).high);
  assert.equal(pairedBootstrap(hard, better, { random }).excludesZero, true);
  assert.deepEqual(pairedBootstrap(hard, hard, { random }), { difference: 0, low: 0, high: 0, excludesZero: false, level: 0.95, method: "bca" });
});

test("too few, unequal or broken values are refused", () => {
  const random = createRandom(1);
  const refuse = (run: () => unknown): void => assert.throws(run, { code: "STATISTICS_INPUT_INVALID" });
  refuse(() => bootstrapInterval([1], { random }));
  refuse(() => bootstrapInterval([1, Number.NaN], { random }));
  refuse(() => pairedBootstrap([1, 2], [1], { random }));
});
