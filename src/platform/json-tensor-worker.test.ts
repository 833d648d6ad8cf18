import assert from "node:assert/strict";
import { test } from "node:test";
import { answerJson } from "../protocols/kserve/wire-answer.ts";
import type { AnswerParts } from "../protocols/kserve/wire-answer.ts";
import { readEnvelope } from "../protocols/kserve/wire-request.ts";
import { createJsonTensorWorker } from "./json-tensor-worker.ts";

const BODY = Buffer.from(JSON.stringify({
  id: "a", parameters: { binary_data_output: true }, outputs: [{ name: "OUTPUT0" }],
  inputs: [
    { name: "F", datatype: "FP32", shape: [2, 2], data: [[1.5, null], [-0, 3]] }, { name: "B", datatype: "BYTES", shape: [3], data: ["ä", "", "long"] },
    { name: "L", datatype: "INT64", shape: [1], data: [12] }, { name: "T", datatype: "BOOL", shape: [0], data: [] }, { name: "later", datatype: "FP16", shape: [2], parameters: { binary_data_size: 4 } },
  ],
}));
const ANSWER: AnswerParts = {
  model: "m", version: "1", id: "a", outputs: [
    { tensor: { name: "O", datatype: "FP64", shape: [3], data: new Float64Array([1, Number.NaN, -0]) }, isBinary: false },
    { tensor: { name: "B", datatype: "BYTES", shape: [1], data: [Buffer.from("ü")] }, isBinary: false },
  ],
};

test("reads and writes in the thread what it would here", async () => {
  await using worker = createJsonTensorWorker();
  const read = await Promise.all([worker.read(BODY), worker.read(BODY)]);
  for (const envelope of read) assert.deepEqual(envelope, readEnvelope(BODY));
  assert.equal(Buffer.from(await worker.write(ANSWER)).toString(), answerJson(ANSWER));
  assert.equal(ANSWER.outputs[0]!.tensor.data.length, 3, "the model's answer stays where it was");
});

test("a refusal comes back with its code and its words; the thread goes on", async () => {
  await using worker = createJsonTensorWorker();
  await assert.rejects(worker.read(Buffer.from(`{"inputs":[]}`)), { code: "INFERENCE_INVALID", message: /inputs must be/ });
  await assert.rejects(worker.read(Buffer.from("{")), { code: "BODY_INVALID" });
  assert.equal((await worker.read(BODY)).id, "a");
});

test("after closing nothing is taken", async () => {
  const worker = createJsonTensorWorker();
  await worker.read(BODY);
  await worker[Symbol.asyncDispose]();
  await assert.rejects(worker.read(BODY), { code: "CLOSED" });
});
