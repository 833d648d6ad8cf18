import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LakeFile } from "./lake-file.ts";
import { mergedFile, planMerges } from "./merge-plan.ts";

const rule = { maxSmallFiles: 2, rowsPerFile: 100 };

/** Files of these sizes one after the other; a negative size leaves a gap of as many offsets. */
function filesOf(sizes: readonly number[]): readonly LakeFile[] {
  let offset = 0;
  return sizes.flatMap((rows) => {
    const fromOffset = offset;
    offset += Math.abs(rows);
    return rows < 0 ? [] : [{ name: `${fromOffset}`, fromOffset, toOffset: offset, rows, sizeBytes: rows, minTimeMs: -rows, maxTimeMs: rows, fields: [] }];
  });
}

const sizesOf = (sizes: readonly number[]): readonly (readonly number[])[] => planMerges(filesOf(sizes), rule).map((run) => run.map(({ rows }) => rows));

test("neighbouring small files are merged up to the size of a file", () => {
  assert.deepEqual(sizesOf([10, 10]), []);
  assert.deepEqual(sizesOf([10, 10, 10]), [[10, 10, 10]]);
  assert.deepEqual(sizesOf([10, 60, 10, 49]), [[10, 49]]);
  assert.deepEqual(sizesOf([40, 40, 40, 40]), [[40, 40], [40, 40]]);
  assert.deepEqual(sizesOf([10, -5, 10, 10]), [[10, 10]]);
});

test("a plan merges each small file at most once, in runs without gaps that fit into a file", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: -20, max: 120 }).filter((rows) => rows !== 0), { maxLength: 30 }), (sizes) => {
    const runs = planMerges(filesOf(sizes).toReversed(), rule);
    assert.equal(new Set(runs.flat()).size, runs.flat().length);
    for (const run of runs) {
      const merged = mergedFile(run, { name: "m", sizeBytes: 1 });
      assert.ok(run.length > 1 && merged.rows <= rule.rowsPerFile && merged.toOffset - merged.fromOffset === merged.rows);
      assert.deepEqual([merged.minTimeMs, merged.maxTimeMs], [-Math.max(...run.map(({ rows }) => rows)), Math.max(...run.map(({ rows }) => rows))]);
    }
  }));
});
