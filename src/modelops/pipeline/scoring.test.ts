import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ModelRuntime } from "../../ports/model-runtime.ts";
import type { TrainingColumn } from "../training/training-data.ts";
import { scoreColumns } from "./scoring.ts";
import type { StoredModel } from "./scoring.ts";

/** Answers each row's values, weighted by 1, 10, 100; says when it was closed. */
function runtime() {
  const state = { closed: 0, largestSlice: 0 };
  const self: ModelRuntime = {
    name: "test",
    load: () => Promise.resolve({
      inputs: [], outputs: 1,
      predict: ({ values, rows, columns }) => {
        state.largestSlice = Math.max(state.largestSlice, rows);
        return Promise.resolve(Float64Array.from({ length: rows }, (_, row) => values.subarray(row * columns, (row + 1) * columns).reduce((sum, value, at) => sum + value * 10 ** at, 0)));
      },
      close: () => { state.closed += 1; return Promise.resolve(); },
    }),
  };
  return { state, self };
}

const numeric = (name: string, values: readonly number[]): TrainingColumn => ({ name, kind: "numeric", values: Float64Array.from(values) });
const model = (...inputs: StoredModel["signature"]["inputs"]): StoredModel => ({ model: "m", version: 1, artifact: new Uint8Array(), signature: { inputs, outputs: 1 } });

test("columns are found by name, in the version's own order; one that the set lacks is missing", async () => {
  const { self, state } = runtime();
  const columns = [numeric("b", [1, 2]), numeric("unused", [9, 9]), numeric("a", [3, 4])];
  assert.deepEqual([...await scoreColumns(self, model({ name: "a", kind: "numeric" }, { name: "b", kind: "numeric" }), columns)], [13, 24]);
  assert.deepEqual([...await scoreColumns(self, model({ name: "gone", kind: "numeric" }, { name: "b", kind: "numeric" }), columns)], [Number.NaN, Number.NaN]);
  assert.equal(state.closed, 2);
});

test("text codes are translated to the version's categories; what it never learned is missing", async () => {
  const { self } = runtime();
  const country: TrainingColumn = { name: "country", kind: "categorical", values: Float64Array.of(0, 1, 2, Number.NaN), categories: ["Spain", "Peru", "France"] };
  const scores = await scoreColumns(self, model({ name: "country", kind: "categorical", categories: ["France", "Spain"] }), [country]);
  assert.deepEqual([...scores], [1, Number.NaN, 0, Number.NaN]);
});

test("slices make no difference, and the event loop turns in between", async () => {
  const { self, state } = runtime();
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 9_000 }), async (rows) => {
    const values = Array.from({ length: rows }, (_, row) => row);
    assert.deepEqual([...await scoreColumns(self, model({ name: "a", kind: "numeric" }), [numeric("a", values)])], values);
  }), { numRuns: 10 });
  assert.ok(state.largestSlice <= 2_048);
});

test("a model that fails is closed all the same", async () => {
  let closed = false;
  const failing: ModelRuntime = { name: "test", load: () => Promise.resolve({ inputs: [], outputs: 1, predict: () => Promise.reject(new Error("broken")), close: () => { closed = true; return Promise.resolve(); } }) };
  await assert.rejects(scoreColumns(failing, model({ name: "a", kind: "numeric" }), [numeric("a", [1])]), /broken/);
  assert.ok(closed);
});
