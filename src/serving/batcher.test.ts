import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createManualClock } from "../kernel/clock.ts";
import { isStrataError } from "../kernel/errors.ts";
import type { LoadedModel, Matrix } from "../ports/model-runtime.ts";
import { createBatcher } from "./batcher.ts";
import type { BatchReport } from "./batching/batch-runner.ts";

/** Doubles each row's first column; a row holding 13 poisons its whole batch. */
function doubler(hold?: Promise<void>): LoadedModel {
  return {
    inputs: ["x"], outputs: 1,
    predict: async (matrix) => {
      await hold;
      if (matrix.values.includes(13)) throw new Error("thirteen");
      return Float64Array.from({ length: matrix.rows }, (_, row) => 2 * matrix.values[row * matrix.columns]!);
    },
    close: () => Promise.resolve(),
  };
}

const rowsOf = (...values: number[]): Matrix => ({ values: Float64Array.from(values), rows: values.length, columns: 1 });
const codeOf = (thrown: unknown): string => (isStrataError(thrown) ? thrown.code : String(thrown));

test("requests that arrive together leave in one batch, and each gets its own rows", async () => {
  const batches: BatchReport[] = [];
  const batcher = createBatcher({ model: "m", loaded: doubler(), clock: createManualClock(), onBatch: (batch) => batches.push(batch) });
  const answers = await Promise.all([batcher.predict(rowsOf(1, 2)), batcher.predict(rowsOf(3)), batcher.predict(rowsOf(4, 5, 6))]);
  assert.deepEqual(answers.map((answer) => [...answer]), [[2, 4], [6], [8, 10, 12]]);
  assert.deepEqual(batches.map(({ requests, rows }) => [requests, rows]), [[3, 6]]);
});

test("what arrives while the model is busy leaves in the next batch, bounded in rows", async () => {
  const batches: BatchReport[] = [];
  const gate = Promise.withResolvers<void>();
  const batcher = createBatcher({ model: "m", loaded: doubler(gate.promise), clock: createManualClock(), maxBatchRows: 3, onBatch: (batch) => batches.push(batch) });
  const answers = [1, 2, 3, 4, 5].map((value) => batcher.predict(rowsOf(value)));
  gate.resolve();
  assert.deepEqual((await Promise.all(answers)).map((answer) => answer[0]), [2, 4, 6, 8, 10]);
  await batcher.drain();
  assert.deepEqual(batches.map((batch) => batch.rows), [3, 2]);
  assert.deepEqual(batches.map((batch) => batch.reason), ["batch was full", "instance was free"]);
});

test("a poisoned request fails alone", async () => {
  const batcher = createBatcher({ model: "m", loaded: doubler(), clock: createManualClock() });
  const results = await Promise.allSettled([batcher.predict(rowsOf(1)), batcher.predict(rowsOf(13)), batcher.predict(rowsOf(3))]);
  assert.deepEqual(results.map((result) => (result.status === "fulfilled" ? result.value[0] : codeOf(result.reason))), [2, "INFERENCE_FAILED", 6]);
});

test("a request past its deadline never runs", async () => {
  const clock = createManualClock(1_000);
  const seen: number[] = [];
  const loaded: LoadedModel = { ...doubler(), predict: (matrix) => { seen.push(...matrix.values); return Promise.resolve(new Float64Array(matrix.rows)); } };
  const batcher = createBatcher({ model: "m", loaded, clock });
  const late = batcher.predict(rowsOf(1), 1_010);
  const inTime = batcher.predict(rowsOf(2), 1_100);
  clock.advance(50);
  assert.equal(await late.catch(codeOf), "DEADLINE_EXCEEDED");
  await inTime;
  assert.deepEqual(seen, [2]);
});

test("a full queue refuses and says when to come back; a drained batcher refuses everything", async () => {
  const batcher = createBatcher({ model: "m", loaded: doubler(), clock: createManualClock(), maxQueueRows: 2 });
  const first = batcher.predict(rowsOf(1, 2));
  const refused = await batcher.predict(rowsOf(3)).catch((thrown: unknown) => thrown);
  assert.ok(isStrataError(refused));
  assert.deepEqual([refused.code, refused.status, refused.retryAfterSeconds], ["QUEUE_FULL", 429, 1]);
  await batcher.drain();
  assert.deepEqual([...(await first)], [2, 4]);
  assert.equal(await batcher.predict(rowsOf(1)).catch(codeOf), "CLOSED");
});

test("law: every request gets exactly its own answer, whatever the batching", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(fc.integer({ min: 14, max: 99 }), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 8 }), async (requests, maxBatchRows) => {
    const batcher = createBatcher({ model: "m", loaded: doubler(), clock: createManualClock(), maxBatchRows });
    const answers = await Promise.all(requests.map((request) => batcher.predict(rowsOf(...request))));
    assert.deepEqual(answers.map((answer) => [...answer]), requests.map((request) => request.map((value) => 2 * value)));
  }), { numRuns: 40 });
});
