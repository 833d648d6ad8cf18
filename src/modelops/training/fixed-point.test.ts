import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { chooseFixedPoint, countOf, hessianOf, quantisePairs } from "./fixed-point.ts";
import { ROW_LIMIT } from "./training-data.ts";

const gradients = fc.array(fc.record({ gradient: fc.integer({ min: -1e9, max: 1e9 }).map((value) => value / 977), hessian: fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e4, noNaN: true })) }), { minLength: 1, maxLength: 300 });

function quantised(rows: readonly { gradient: number; hessian: number }[]) {
  const fixedPoint = chooseFixedPoint(rows.length, Math.max(...rows.map((row) => Math.abs(row.gradient))), rows.reduce((sum, row) => sum + row.hessian, 0));
  const pairs = Float64Array.from(rows.flatMap((row) => [row.gradient, row.hessian]));
  quantisePairs(pairs, 0, rows.length, fixedPoint);
  return { fixedPoint, pairs };
}

it("sums are exact in any order, count rows, and stay close to the real sums", () => {
  fc.assert(fc.property(gradients, fc.integer({ min: 0, max: 300 }), (rows, cut) => {
    const { fixedPoint, pairs } = quantised(rows);
    const sum = (offset: number, order: readonly number[]): number => order.reduce((total, i) => total + pairs[2 * i + offset]!, 0);
    const order = rows.map((_, i) => i);
    for (const offset of [0, 1]) {
      const total = sum(offset, order);
      assert.ok(Number.isSafeInteger(total) && total === sum(offset, order.toReversed()));
      assert.equal(total - sum(offset, order.slice(0, cut)), sum(offset, order.slice(cut)), "parent minus child is the sibling");
    }
    const packed = sum(1, order), hessian = rows.reduce((total, row) => total + row.hessian, 0), gradient = rows.reduce((total, row) => total + row.gradient, 0);
    assert.equal(countOf(packed, fixedPoint), rows.length);
    assert.ok(Math.abs(hessianOf(packed, fixedPoint) - hessian) <= 1e-9 * hessian);
    assert.ok(Math.abs(sum(0, order) / fixedPoint.gradientScale - gradient) <= 1e-9 * rows.reduce((total, row) => total + Math.abs(row.gradient), 0));
  }));
});

it("leaves room for every row at the row limit, whatever the magnitudes", () => {
  for (const [largest, hessianSum] of [[1, ROW_LIMIT / 4], [1e-300, 1e-300], [1e150, 1e300], [0, 0]] as const) {
    const { gradientScale, hessianScale, countUnit } = chooseFixedPoint(ROW_LIMIT, largest, hessianSum);
    assert.ok(ROW_LIMIT * (largest * gradientScale + 0.5) < 2 ** 53);
    assert.ok(hessianSum * hessianScale + ROW_LIMIT / 2 < countUnit, "hessians never carry into the count");
    assert.ok((ROW_LIMIT + 1) * countUnit <= 2 ** 53, "packed sums stay exact");
    assert.ok([gradientScale, hessianScale].every((scale) => scale > 0 && Number.isInteger(Math.log2(scale))));
  }
});
