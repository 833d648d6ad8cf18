import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryModelServer } from "../../../test/protocols/memory-model-server.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { HttpRequest } from "../http.ts";
import { REFERENCE_MODELS } from "./conformance/reference-models.ts";
import { handlePredict } from "./predict.ts";

const models = createMemoryModelServer(REFERENCE_MODELS);

async function predict(model: string, body: unknown, method = "POST") {
  const request: HttpRequest = { method, path: `/v1/models/${model}:predict`, query: new URLSearchParams(), headers: {}, body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), signal: new AbortController().signal };
  const response = await handlePredict({ models, clock: systemClock, maxBodyBytes: 1e6 }, request);
  const text = response!.body as string; // this protocol answers with text
  return { status: response?.status, text, json: JSON.parse(text) as Readonly<Record<string, unknown>> };
}

const row = (from: number): readonly number[] => Array.from({ length: 16 }, (_, at) => from + at);

test("an instance is the value of the only input, row by row", async () => {
  assert.deepEqual((await predict("rows", { instances: [[1, 2, 3, 4], [5, 6, 7, 8.5]] })).json, { predictions: [[1, 2, 3, 4], [5, 6, 7, 8.5]] });
  assert.deepEqual((await predict("identity_fp32", { instances: [1, null, 3] })).json, { predictions: [[1], [null], [3]] });
  assert.deepEqual((await predict("versioned/versions/1", { instances: [[7], [8]] })).json, { predictions: [[1], [1]] });
});

test("or an object with a value for each input; several outputs are objects", async () => {
  const { json } = await predict("simple", { instances: [{ INPUT0: row(0), INPUT1: row(1) }, { INPUT0: row(5), INPUT1: row(5) }] });
  assert.deepEqual(json, { predictions: [{ OUTPUT0: row(0).map((value) => 2 * value + 1), OUTPUT1: row(-1).map(() => -1) }, { OUTPUT0: row(5).map((value) => 2 * value), OUTPUT1: row(0).map(() => 0) }] });
});

test("text, bytes in base64, and integers beyond 2^53", async () => {
  assert.deepEqual((await predict("identity_bytes", { instances: [["a,b", "ä"], [{ b64: "aGk=" }, ""]] })).json, { predictions: [["a,b", "ä"], ["hi", ""]] });
  assert.equal((await predict("identity_int64", "{\"instances\":[[9007199254740993,-9223372036854775808]]}")).text, "{\"predictions\":[[9007199254740993,-9223372036854775808]]}");
});

test("what is no prediction is said so", async () => {
  const said = async (model: string, body: unknown) => { const { status, json } = await predict(model, body); return [status, json["code"]]; };
  assert.deepEqual(await said("nothing", { instances: [1] }), [404, "MODEL_NOT_FOUND"]);
  for (const body of [{}, [], { instances: [] }, { instances: 5 }, { instances: [[1, 2], [3]] }, { instances: ["a"] }, { instances: [{ x: 1 }] }, { instances: [[1, 2, 3, 4], { INPUT0: 1 }] }]) assert.deepEqual(await said("rows", body), [400, "INFERENCE_INVALID"], JSON.stringify(body));
  assert.deepEqual(await said("simple", { instances: [[1]] }), [400, "INFERENCE_INVALID"]);
  assert.deepEqual(await said("simple", "{"), [400, "BODY_INVALID"]);
  assert.equal((await predict("simple", {}, "GET")).status, 405);
});
