/** Profiles: the sum of the files' profiles is the profile of the whole, estimates keep to their error, and changes are told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../../kernel/random.ts";
import type { EventColumns } from "../../lake/event-columns.ts";
import { DistinctSketch } from "./distinct-sketch.ts";
import { compareTables, mergeTables, sketchTable, summariseTable } from "./table-profile.ts";

function table(prices: readonly number[], countries: readonly (string | undefined)[]): EventColumns {
  const dictionary = [...new Set(countries.filter((country) => country !== undefined))];
  return {
    rows: prices.length, offsets: Float64Array.from(prices.keys()), timesMs: Float64Array.from(prices.keys()), knownAtMs: Float64Array.from(prices.keys()),
    columns: {
      price: { kind: "number", values: Float64Array.from(prices) },
      country: { kind: "text", codes: Int32Array.from(countries, (country) => (country === undefined ? -1 : dictionary.indexOf(country))), dictionary },
      paid: { kind: "boolean", values: Int8Array.from(prices, (price) => (Number.isNaN(price) ? -1 : Number(price > 0))) },
    },
  };
}

test("distinct values are estimated within five standard errors from one to a million, and sketches merge", () => {
  for (const count of [0, 1, 10, 1_000, 10_000, 100_000, 1_000_000]) {
    const [whole, left, right] = [new DistinctSketch(), new DistinctSketch(), new DistinctSketch()];
    for (let at = 0; at < count; at++) {
      const value = at % 2 === 0 ? `value ${at}` : at;
      whole.add(value);
      (at % 3 === 0 ? left : right).add(value);
    }
    assert.ok(Math.abs(whole.estimate() - count) <= Math.max(1, 5 * 0.01625 * count), `${whole.estimate()} for ${count}`);
    left.merge(new DistinctSketch(right.text()));
    assert.equal(left.text(), whole.text());
  }
});

test("a table's profile is the merge of its parts' profiles, however it is cut", () => {
  const row = fc.record({ price: fc.oneof(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.constant(Number.NaN)), country: fc.option(fc.constantFrom("de", "fr", "gb"), { nil: undefined }) });
  fc.assert(fc.property(fc.array(row, { maxLength: 60 }), fc.nat(60), (rows, cut) => {
    const part = (from: number, to: number) => sketchTable(table(rows.slice(from, to).map(({ price }) => price), rows.slice(from, to).map(({ country }) => country)));
    const [whole, merged] = [summariseTable(part(0, rows.length)), summariseTable(mergeTables(part(0, cut), part(cut, rows.length)))];
    for (const [at, column] of whole.columns.entries()) {
      const other = merged.columns[at]!;
      assert.deepEqual([other.count, other.missing, other.distinct, other.topValues, other.texts?.longest], [column.count, column.missing, column.distinct, column.topValues, column.texts?.longest]);
      assert.deepEqual([other.numbers?.min, other.numbers?.max, other.numbers?.quantiles, other.numbers?.histogram], [column.numbers?.min, column.numbers?.max, column.numbers?.quantiles, column.numbers?.histogram]);
      if (column.numbers) assert.ok(Math.abs(other.numbers!.mean - column.numbers.mean) <= 1e-9 * Math.max(1, Math.abs(column.numbers.max), Math.abs(column.numbers.min)));
    }
  }));
});

test("figures are those that can be counted by hand", () => {
  const { rows, columns: [price, country, paid] } = summariseTable(sketchTable(table([1, 2, 3, 4, Number.NaN], ["de", "de", "fr", undefined, "de"])));
  assert.equal(rows, 5);
  assert.deepEqual([price!.count, price!.missing, price!.missingShare, price!.distinct, price!.numbers!.mean, price!.numbers!.quantiles.p50], [4, 1, 0.2, 4, 2.5, 2.5]);
  assert.equal(price!.numbers!.histogram.reduce((sum, { count }) => sum + count, 0), 4);
  assert.deepEqual([country!.topValues, country!.texts], [[{ value: "de", count: 3, share: 0.75 }, { value: "fr", count: 1, share: 0.25 }], { shortest: 2, longest: 2, meanLength: 2 }]);
  assert.deepEqual([paid!.topValues, paid!.missing], [[{ value: "true", count: 4, share: 1 }], 1]);
});

test("a comparison finds the column that changed, and only that", () => {
  const random = createRandom("compare");
  const made = (mean: number) => sketchTable(table(Array.from({ length: 3_000 }, () => random.normal() + mean), Array.from({ length: 3_000 }, () => random.pick(["de", "fr"]))));
  const status = (drifts: ReturnType<typeof compareTables>): unknown => Object.fromEntries(drifts.map(({ column, status: found }) => [column, found]));
  assert.deepEqual(status(compareTables(made(5), made(5))), { price: "stable", country: "stable", paid: "stable" });
  assert.deepEqual(status(compareTables(made(5), made(6))), { price: "drifted", country: "stable", paid: "stable" });
});
