import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../kernel/errors.ts";
import { matrixOf } from "./tensor.ts";
import type { InferenceTensor, ModelInputs } from "./tensor.ts";

const INPUTS: ModelInputs = { columns: ["a", "b", "country"], categories: { country: ["France", "Spain"] } };

const cell = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null));
const matrix = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 30 });

function valuesOf(tensors: readonly InferenceTensor[]): readonly (number | null)[] {
  const { values, rows, columns } = matrixOf(tensors, INPUTS);
  assert.equal(values.length, rows * columns);
  return Array.from(values, (value) => (Number.isNaN(value) ? null : value));
}

test("flat, nested and column by column are the same matrix", () => {
  fc.assert(fc.property(matrix, (rows) => {
    const shape = [rows.length, 3];
    const expected = rows.flat();
    assert.deepEqual(valuesOf([{ name: "features", shape, datatype: "FP64", data: expected }]), expected);
    assert.deepEqual(valuesOf([{ name: "features", shape, datatype: "FP32", data: rows }]), expected);
    const columns = INPUTS.columns.map((name, at) => ({ name, shape: [rows.length], datatype: "FP64", data: rows.map((row) => row[at]) }));
    assert.deepEqual(valuesOf(columns.toReversed()), expected, "in any order");
    const narrow = INPUTS.columns.map((name, at) => ({ name, shape: [rows.length, 1], datatype: "FP64", data: rows.map((row) => [row[at]]) }));
    assert.deepEqual(valuesOf(narrow), expected);
  }));
});

test("text becomes the model's codes; text it never learned, and null, are missing", () => {
  const column = (name: string, datatype: string, data: readonly unknown[]): InferenceTensor => ({ name, shape: [4], datatype, data });
  const { values } = matrixOf([column("a", "INT32", [1, 2, 3, 4]), column("b", "BOOL", [true, false, null, 1]), column("country", "BYTES", ["Spain", "France", "Peru", null])], INPUTS);
  assert.deepEqual([...values], [1, 1, 1, 2, 0, 0, 3, Number.NaN, Number.NaN, 4, 1, Number.NaN]);
});

test("whatever is sent is read or refused with its code; nothing else is thrown", () => {
  const anything = fc.record({ name: fc.oneof(fc.constantFrom("features", "a", "b", "country"), fc.string()), shape: fc.array(fc.nat(40), { maxLength: 3 }), datatype: fc.constantFrom("FP64", "BYTES", "INT8", "?"), data: fc.anything() });
  fc.assert(fc.property(fc.array(anything, { minLength: 1, maxLength: 4 }), (tensors) => {
    try {
      const { values, rows, columns } = matrixOf(tensors, INPUTS);
      assert.equal(values.length, rows * columns);
    } catch (thrown) {
      assert.ok(isStrataError(thrown) && thrown.code === "INFERENCE_INVALID", String(thrown));
    }
  }), { numRuns: 300 });
});
