import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { chooseBins, createBinWriter, type Bins } from "./binning.ts";
import type { TrainingColumn } from "./training-data.ts";

const column = (kind: TrainingColumn["kind"], values: readonly number[] | Float64Array): TrainingColumn => ({ name: "x", kind, values: Float64Array.from(values) });

function binsOf(bins: Bins, values: Float64Array): Uint8Array {
  const out = new Uint8Array(values.length);
  createBinWriter(bins)(values, out, 0, values.length);
  return out;
}

describe("numeric bins", () => {
  const anyValue = fc.oneof(fc.double(), fc.integer({ min: -5, max: 5 }), fc.constantFrom(NaN, Infinity, -Infinity, 0, -0));

  it("keep the order of values, missing ones in bin 0, and never more bins than asked for", () => {
    fc.assert(fc.property(fc.array(anyValue, { minLength: 1, maxLength: 200 }), fc.integer({ min: 2, max: 255 }), (values, maxBins) => {
      const input = column("numeric", values);
      const bins = chooseBins(input, maxBins, createRandom(1));
      const written = binsOf(bins, input.values);
      assert.ok(bins.binCount >= 1 && bins.binCount <= maxBins);
      const sorted = values.map((value, row) => ({ value, bin: written[row]! })).filter(({ value }) => !Number.isNaN(value)).toSorted((a, b) => a.value - b.value);
      for (const [i, { value, bin }] of sorted.entries()) {
        assert.ok(bin >= 1 && bin <= bins.binCount);
        if (i > 0) assert.ok(bin >= sorted[i - 1]!.bin);
        if (i > 0 && value === sorted[i - 1]!.value) assert.equal(bin, sorted[i - 1]!.bin);
      }
      values.forEach((value, row) => assert.equal(written[row] === 0, Number.isNaN(value)));
    }));
  });

  it("agree with their bounds: bin b holds (upper[b - 2], upper[b - 1]]", () => {
    fc.assert(fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 2, maxLength: 120 }), fc.array(fc.double({ noNaN: true }), { maxLength: 40 }), (values, others) => {
      const bins = chooseBins(column("numeric", values), 9, createRandom(1));
      assert.ok(bins.kind === "numeric");
      const probes = Float64Array.from([...others, ...bins.upperBounds]);
      binsOf(bins, probes).forEach((bin, i) => assert.equal(bin, 1 + bins.upperBounds.filter((bound) => bound < probes[i]!).length));
    }));
  });

  it("are one per distinct value while they fit, with thresholds that are float32 where float32 separates the values", () => {
    const bins = chooseBins(column("numeric", [3, 1, 2, 2, 1.25, NaN]), 255, createRandom(1));
    assert.ok(bins.kind === "numeric");
    assert.deepEqual([...bins.upperBounds], [1.125, 1.625, 2.5]);
    const close = chooseBins(column("numeric", [1, 1 + 2 ** -40]), 255, createRandom(1));
    assert.ok(close.kind === "numeric" && close.upperBounds[0]! >= 1 && close.upperBounds[0]! < 1 + 2 ** -40);
  });

  it("hold about equally many rows of a continuous column, also when only a sample is sorted", () => {
    const random = createRandom(2);
    const values = Float64Array.from({ length: 200_000 }, () => Math.exp(random.normal()));
    const counts = new Uint32Array(256);
    for (const bin of binsOf(chooseBins(column("numeric", values), 255, createRandom(3)), values)) counts[bin]! += 1;
    const share = 200_000 / 255;
    assert.equal(counts[0], 0);
    counts.subarray(1).forEach((count) => assert.ok(count > 0.7 * share && count < 1.3 * share, `${count} rows against ${share}`));
  });

  it("give a value that fills a bin one of its own", () => {
    const random = createRandom(4);
    const values = Float64Array.from({ length: 10_000 }, (_, row) => (row % 2 === 0 ? 0 : random.normal()));
    const bins = chooseBins(column("numeric", values), 16, createRandom(1));
    const written = binsOf(bins, Float64Array.of(-1e-3, 0, 1e-3));
    assert.ok(written[0]! < written[1]! && written[1]! < written[2]!);
    assert.equal(bins.binCount, 16);
  });
});

describe("categorical bins", () => {
  it("are the most frequent codes; the rest and missing values share bin 0", () => {
    const input = column("categorical", [7, 7, 7, 9, 9, 4, NaN, 12]);
    const bins = chooseBins(input, 2, createRandom(1));
    assert.ok(bins.kind === "categorical");
    assert.deepEqual([...bins.codes], [7, 9]);
    assert.deepEqual([...binsOf(bins, input.values)], [1, 1, 1, 2, 2, 0, 0, 0]);
  });

  it("break ties by code, so that row order does not matter", () => {
    const forwards = chooseBins(column("categorical", [3, 1, 2]), 255, createRandom(1)), backwards = chooseBins(column("categorical", [2, 1, 3]), 255, createRandom(1));
    assert.deepEqual(forwards, backwards);
  });
});
