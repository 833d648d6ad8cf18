import assert from "node:assert/strict";
import { test } from "node:test";
import type { Matrix } from "../../ports/model-runtime.ts";
import { auditVectors, mergeAudits } from "./audit.ts";

const matrix = (rows: readonly (readonly (number | null)[])[]): Matrix =>
  ({ values: Float64Array.from(rows.flat(), (value) => value ?? Number.NaN), rows: rows.length, columns: 2 });
const audit = (served: readonly (readonly (number | null)[])[], recomputed: readonly (readonly (number | null)[])[]) =>
  auditVectors({ columns: ["a", "b"], served: matrix(served), recomputed: matrix(recomputed), nameOf: (row) => `decision-${row}` });

test("equal vectors have no mismatch, missing values included", () => {
  const report = audit([[1, null], [0.1 + 0.2, -5]], [[1, null], [0.1 + 0.2, -5]]);
  assert.equal(report.checked, 2);
  assert.equal(report.mismatches, 0);
  assert.deepEqual(report.examples, []);
  assert.deepEqual(report.perColumn.map(({ mismatches }) => mismatches), [0, 0]);
});

test("one bit is a mismatch, and so is the sign of zero", () => {
  const report = audit([[0.1 + 0.2, -0]], [[0.3, 0]]);
  assert.equal(report.mismatches, 1);
  assert.deepEqual(report.perColumn.map(({ mismatches }) => mismatches), [1, 1]);
  assert.deepEqual(report.examples[0], { row: "decision-0", column: "a", served: 0.1 + 0.2, recomputed: 0.3 });
});

test("missing and extra values are told apart, and differences are measured", () => {
  const report = audit([[null, 1], [2, 3], [4, 10]], [[7, 1], [null, 1], [4, 10]]);
  assert.equal(report.mismatches, 2);
  assert.deepEqual(report.perColumn, [
    { column: "a", mismatches: 2, missing: 1, extra: 1, maxDifference: 0, smape: 0 },
    { column: "b", mismatches: 1, missing: 0, extra: 0, maxDifference: 2, smape: 1 / 3 },
  ]);
});

test("examples are limited, and reports add up", () => {
  const bad = auditVectors({ columns: ["a", "b"], served: matrix([[1, 2], [1, 2], [1, 2]]), recomputed: matrix([[3, 2], [3, 2], [3, 2]]), maxExamples: 2 });
  assert.equal(bad.examples.length, 2);
  const merged = mergeAudits([bad, audit([[1, 1]], [[1, 1]])], 1);
  assert.deepEqual([merged.checked, merged.mismatches, merged.examples.length], [4, 3, 1]);
  assert.deepEqual(merged.perColumn[0], { column: "a", mismatches: 3, missing: 0, extra: 0, maxDifference: 2, smape: 0.75 });
});

test("matrices of different shapes cannot be compared", () => {
  assert.throws(() => audit([[1, 2]], []), RangeError);
});
