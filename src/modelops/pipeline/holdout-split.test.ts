import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TrainingRows } from "../../data/index.ts";
import { splitHeldOut } from "./holdout-split.ts";

function rowsOf(groups: readonly number[], isGrouped: boolean): TrainingRows {
  const rows = groups.reduce((sum, size) => sum + size, 0);
  const count = (factor: number): Float64Array => Float64Array.from({ length: rows }, (_, row) => row * factor);
  return {
    rows, columns: [{ name: "a", kind: "numeric", values: count(2) }], label: count(3), timesMs: count(5),
    keys: { item: { kind: "text", codes: Int32Array.from({ length: rows }, (_, row) => row), dictionary: [] } },
    ...(isGrouped ? { groups: Uint32Array.from(groups), totalRelevant: Float64Array.from(groups, (size) => size + 1) } : {}),
  };
}

const joined = (parts: readonly TrainingRows[], pick: (part: TrainingRows) => Iterable<number>): number[] => parts.flatMap((part) => [...pick(part)]);

test("both parts together are the whole, in order, and no group is cut", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 40 }), fc.boolean(), (groups, isGrouped) => {
    const whole = rowsOf(groups, isGrouped);
    const { validation, test: judged, heldOut } = splitHeldOut(whole);
    const parts = [validation, judged];
    assert.equal(heldOut, whole);
    assert.equal(validation.rows + judged.rows, whole.rows);
    for (const pick of [(part: TrainingRows) => part.columns[0]!.values, (part: TrainingRows) => part.label, (part: TrainingRows) => part.timesMs, (part: TrainingRows) => part.keys["item"]!.codes]) {
      assert.deepEqual(joined(parts, pick), [...pick(whole)]);
      for (const part of parts) assert.equal([...pick(part)].length, part.rows);
    }
    if (!isGrouped) return;
    assert.deepEqual(joined(parts, (part) => part.groups!), groups);
    for (const part of parts) assert.equal(part.groups!.reduce((sum, size) => sum + size, 0), part.rows);
    assert.deepEqual(joined(parts, (part) => part.totalRelevant!), groups.map((size) => size + 1));
  }));
});

test("the later part, which is judged on, is the larger one", () => {
  const { validation, test: judged } = splitHeldOut(rowsOf([100], false));
  assert.deepEqual([validation.rows, judged.rows], [35, 65]);
  const grouped = splitHeldOut(rowsOf(Array.from({ length: 20 }, () => 3), true));
  assert.deepEqual([grouped.validation.groups?.length, grouped.test.groups?.length], [7, 13]);
});
