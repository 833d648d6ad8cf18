import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { cellOf, decileBins, mergeProfiles, profileColumn } from "./column-profile.ts";
import type { NumericProfile } from "./column-profile.ts";
import { EXACT_CAPACITY, QuantileSketch } from "./quantile-sketch.ts";

const numbers = fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(Number.NaN, null, Infinity)), { maxLength: 120 });
const categories = fc.array(fc.oneof(fc.constantFrom("a", "b", "c", true, 7), fc.string(), fc.constantFrom(null, undefined, Number.NaN)), { maxLength: 80 });

function assertClose(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

/** Share of values below and share of values up to a number. */
function rankRange(sorted: Float64Array, value: number): readonly [number, number] {
  return [sorted.findIndex((other) => other >= value) / sorted.length, (sorted.findLastIndex((other) => other <= value) + 1) / sorted.length];
}

test("a numeric profile has the plain statistics of its values", () => {
  const profile = profileColumn([4, 1, null, 3, Number.NaN, 2, "x", true], { kind: "numeric" });
  const { count, missing, mean, variance, minimum, maximum, edges } = profile;
  assert.deepEqual({ count, missing, mean, minimum, maximum }, { count: 5, missing: 3, mean: 2.2, minimum: 1, maximum: 4 });
  assertClose(variance, 1.7, 1e-12);
  assert.ok(edges.length > 100 && edges[0] === 1 && edges.at(-1) === 4);
});

test("quantiles of few values are those of numpy", () => {
  const sketch = new QuantileSketch();
  for (let i = 0; i < 100; i++) sketch.add(((37 * i) % 101) / 101);
  // numpy.quantile([(37 * i % 101) / 101 for i in range(100)], [0.1, 0.5, 0.905])
  const expected = [0.09801980198019802, 0.4900990099009901, 0.896980198019802];
  for (const [i, quantile] of sketch.quantiles([0.1, 0.5, 0.905]).entries()) assertClose(quantile, expected[i]!, 1e-15);
});

test("counts per cell are those of the values, edges and gaps apart", () => {
  fc.assert(fc.property(numbers, (values) => {
    const { edges, cells, deciles, count } = profileColumn(values, { kind: "numeric" });
    const finite = values.filter((value) => Number.isFinite(value));
    assert.equal(count, finite.length);
    for (const [i, edge] of edges.entries()) {
      assert.equal(cells[2 * i + 1], finite.filter((value) => value === edge).length);
      if (i > 0) assert.equal(cells[2 * i], finite.filter((value) => value! > edges[i - 1]! && value! < edge).length);
    }
    const bins = decileBins({ edges, deciles }, cells);
    assert.deepEqual(bins, [...deciles, Infinity].map((edge, i) => finite.filter((value) => value! > (deciles[i - 1] ?? -Infinity) && value! <= edge).length));
  }));
});

test("cells are found by bisection as by search", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 50 })), fc.double({ min: -1, max: 51, noNaN: true }), (unsorted, value) => {
    const edges = unsorted.toSorted((a, b) => a - b);
    const above = edges.findIndex((edge) => edge >= value);
    const expected = above < 0 ? 2 * edges.length : edges[above] === value ? 2 * above + 1 : 2 * above;
    assert.equal(cellOf(edges, value), expected);
  }));
});

test("merging numeric profiles equals profiling both columns together", () => {
  fc.assert(fc.property(numbers, numbers, (a, b) => {
    const merged = mergeProfiles(profileColumn(a, { kind: "numeric" }), profileColumn(b, { kind: "numeric" }));
    const whole = profileColumn([...a, ...b], { kind: "numeric" });
    const exact = ({ count, missing, minimum, maximum, edges, cells, deciles, digest }: NumericProfile) => ({ count, missing, minimum, maximum, edges, cells, deciles, digest });
    assert.deepEqual(exact(merged), exact(whole));
    assertClose(merged.mean, whole.mean, 1e-9 * (1 + Math.abs(whole.mean)));
    assertClose(merged.variance, whole.variance, 1e-9 * (1 + whole.variance));
  }));
});

test("merging many parts of a long column keeps ranks within 1 % and counts exact", () => {
  const random = createRandom("merge");
  const values = Float64Array.from({ length: 60_000 }, (_, i) => (i % 5 === 0 ? 0 : Math.exp(random.normal())));
  const parts = Array.from({ length: 24 }, (_, part) => profileColumn(values.subarray(part * 2500, (part + 1) * 2500), { kind: "numeric" }));
  const merged = parts.reduce((all, part) => mergeProfiles(all, part));
  const sorted = values.toSorted();
  assert.equal(merged.cells.reduce((sum, cells) => sum + cells, 0), 60_000);
  for (const [i, decile] of merged.deciles.entries()) {
    const [low, high] = rankRange(sorted, decile);
    const share = 0.1 * (i + 1 + (9 - merged.deciles.length)); // the deciles inside the 20 % of zeros are one
    assert.ok(low - 0.01 <= share && share <= high + 0.01, `${decile} has ranks ${low} to ${high}, wanted ${share}`);
  }
});

test("a long column keeps quantile ranks within 0.6 % in bounded memory", () => {
  const random = createRandom("long");
  for (const next of [() => random.next(), (i: number) => i, (i: number) => -i, (i: number) => i % 997, (i: number) => (i % 2 === 0 ? i : -i)]) {
    const sketch = new QuantileSketch();
    const values = Float64Array.from({ length: 100_000 }, (_, i) => next(i));
    for (const value of values) sketch.add(value);
    const sorted = values.toSorted();
    for (const share of [0.01, 0.1, 0.25, 0.5, 0.9, 0.99]) {
      const [low, high] = rankRange(sorted, sketch.quantiles([share])[0]!);
      assert.ok(low - 0.006 <= share && share <= high + 0.006, `share ${share} has ranks ${low} to ${high}`);
    }
    assert.ok(sketch.state().levels.flat().length < 4 * EXACT_CAPACITY);
  }
});

test("profiles survive JSON and go on merging", () => {
  fc.assert(fc.property(numbers, numbers, categories, categories, (a, b, c, d) => {
    const numeric = profileColumn(a, { kind: "numeric" });
    const other = profileColumn(b, { kind: "numeric" });
    assert.deepEqual(mergeProfiles(JSON.parse(JSON.stringify(numeric)) as typeof numeric, other), JSON.parse(JSON.stringify(mergeProfiles(numeric, other))));
    const text = profileColumn(c, { kind: "categorical" });
    assert.deepEqual(mergeProfiles(JSON.parse(JSON.stringify(text)) as typeof text, profileColumn(d, { kind: "categorical" })), profileColumn([...c, ...d], { kind: "categorical" }));
  }), { numRuns: 50 });
});

test("a categorical profile counts its values, the most frequent first", () => {
  const { values, count, missing, other } = profileColumn(["b", "a", "b", null, 3, true, Number.NaN, {}], { kind: "categorical" });
  assert.deepEqual({ values, count, missing, other }, { values: [["b", 2], ["3", 1], ["a", 1], ["true", 1]], count: 5, missing: 3, other: 0 });
});

test("with too many different values the frequent ones stay, within the stated error", () => {
  const random = createRandom("zipf");
  const values = Array.from({ length: 40_000 }, () => (random.next() < 0.5 ? `id${random.integer(5000)}` : `v${Math.floor(1 / (random.next() + 1e-5))}`));
  const profile = profileColumn(values, { kind: "categorical" });
  assert.ok(profile.values.length <= 512 && profile.countError > 0 && profile.countError <= values.length / 256);
  assert.equal(profile.values.reduce((sum, [, count]) => sum + count, profile.other), values.length);
  for (const [value, count] of profile.values.slice(0, 20)) {
    const exact = values.filter((candidate) => candidate === value).length;
    assert.ok(count <= exact && exact <= count + profile.countError);
  }
});

test("profiles of different kinds are not merged", () => {
  assert.throws(() => mergeProfiles<NumericProfile | ReturnType<typeof text>>(profileColumn([1], { kind: "numeric" }), text()), { code: "STATISTICS_INPUT_INVALID" });
});

function text() {
  return profileColumn(["a"], { kind: "categorical" });
}
