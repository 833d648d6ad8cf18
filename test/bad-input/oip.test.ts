/**
 * Malformed requests in the Open Inference Protocol: each is refused with its status and a reason in the protocol's own
 * error body, and the model goes on answering the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { send } from "../scenarios/platform-kit.ts";
import type { Answered, Sent } from "../scenarios/platform-kit.ts";
import { openServedPlatform, refuses } from "./served-platform.ts";
import type { ServedPlatform } from "./served-platform.ts";

type Row = readonly [name: string, request: string | Sent, status: number, code: string, says?: RegExp];

const MODEL = "/v2/models/wear";
const INFER = `${MODEL}/infer`;
const COLUMNS = ["heat.now", "heat.mean_1h", "heat.readings_1d"];
const json = { "content-type": "application/json" };
const raw = (body: string | Buffer): Sent => ({ path: INFER, body, headers: json });

/** One whole tensor, changed. */
const whole = (changes: Readonly<Record<string, unknown>>): Sent => ({ path: INFER, body: { inputs: [{ name: "features", shape: [1, 3], datatype: "FP64", data: [50, 50, 1], ...changes }] } });
/** A tensor for each column, one of them changed. */
const columns = (changes: Readonly<Record<string, unknown>>, more: readonly unknown[] = []): Sent => ({
  path: INFER, body: { inputs: [...COLUMNS.map((name, at) => ({ name, shape: [2], datatype: "FP64", data: [1, 2], ...(at === 1 ? changes : {}) })), ...more] },
});
const invalid = 400;
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

const TABLE: readonly Row[] = [
  // where it goes
  ["an area that is nothing", "/v2/nothing", 404, "ROUTE_NOT_FOUND"],
  ["something after the action", { path: `${INFER}/more`, body: {} }, 404, "ROUTE_NOT_FOUND"],
  ["an action that is none", `${MODEL}/explain`, 404, "ROUTE_NOT_FOUND"],
  ["an unknown model", { path: "/v2/models/nothing/infer", body: {} }, 404, "MODEL_NOT_FOUND"],
  ["a model named __proto__", "/v2/models/__proto__", 404, "MODEL_NOT_FOUND"],
  ["a version that is not there", { path: `${MODEL}/versions/99/infer`, body: {} }, 404, "MODEL_VERSION_NOT_FOUND"],
  ["a version beyond all numbers", `${MODEL}/versions/999999999999999`, 404, "MODEL_VERSION_NOT_FOUND"],
  ["version 0", `${MODEL}/versions/0`, 404, "ROUTE_NOT_FOUND"],
  ["version -1", `${MODEL}/versions/-1`, 404, "ROUTE_NOT_FOUND"],
  ["version 1.0", `${MODEL}/versions/1.0`, 404, "ROUTE_NOT_FOUND"],
  ["version 0x1", `${MODEL}/versions/0x1`, 404, "ROUTE_NOT_FOUND"],
  ["version latest", `${MODEL}/versions/latest`, 404, "ROUTE_NOT_FOUND"],
  ["versions without one", `${MODEL}/versions`, 404, "ROUTE_NOT_FOUND"],
  ["GET of an inference", INFER, 405, "METHOD_NOT_ALLOWED"],
  ["POST to the metadata", { path: MODEL, body: {} }, 405, "METHOD_NOT_ALLOWED"],
  ["POST to health", { path: "/v2/health/live", body: {} }, 405, "METHOD_NOT_ALLOWED"],
  // the body
  ["no body", raw(""), invalid, "BODY_INVALID"],
  ["half a body", raw(`{"inputs":[`), invalid, "BODY_INVALID"],
  ["a body that is no UTF-8", raw(Buffer.from([0x7b, 0xff, 0x7d])), invalid, "BODY_INVALID", /UTF-8/],
  ["NaN, which is no JSON", raw(`{"inputs":[{"name":"features","shape":[1,3],"datatype":"FP64","data":[NaN,1,2]}]}`), invalid, "BODY_INVALID"],
  ["a list", raw("[]"), invalid, "INFERENCE_INVALID"],
  ["100,000 lists in each other", raw(nested(100_000)), invalid, "INFERENCE_INVALID"],
  ["binary tensors", { path: INFER, body: Buffer.alloc(32), headers: { "content-type": "application/octet-stream", "inference-header-content-length": "8" } }, 415, "MEDIA_TYPE_UNSUPPORTED", /binary/],
  ["no inputs", { path: INFER, body: {} }, invalid, "INFERENCE_INVALID", /inputs/],
  ["an empty list of inputs", { path: INFER, body: { inputs: [] } }, invalid, "INFERENCE_INVALID"],
  ["an input that is a number", { path: INFER, body: { inputs: [5] } }, invalid, "INFERENCE_INVALID"],
  ["an id that is a number", { path: INFER, body: { id: 5, inputs: [{ name: "features", shape: [1, 3], datatype: "FP64", data: [1, 2, 3] }] } }, invalid, "INFERENCE_INVALID", /id/],
  ["an output that is none", { path: INFER, body: { inputs: [{ name: "features", shape: [1, 3], datatype: "FP64", data: [1, 2, 3] }], outputs: [{ name: "votes" }] } }, invalid, "INFERENCE_INVALID", /votes.*scores/],
  // one tensor
  ["no name", whole({ name: undefined }), invalid, "INFERENCE_INVALID", /name/],
  ["another name", whole({ name: "rows" }), invalid, "INFERENCE_INVALID", /unknown input "rows".*heat\.now/],
  ["the name of a prototype", whole({ name: "__proto__" }), invalid, "INFERENCE_INVALID"],
  ["no shape", whole({ shape: undefined }), invalid, "INFERENCE_INVALID", /shape/],
  ["an empty shape", whole({ shape: [] }), invalid, "INFERENCE_INVALID"],
  ["a shape of one number", whole({ shape: [3] }), invalid, "INFERENCE_INVALID", /expected \[rows,3\]/],
  ["a shape of three numbers", whole({ shape: [1, 3, 1] }), invalid, "INFERENCE_INVALID"],
  ["a negative shape", whole({ shape: [-1, 3] }), invalid, "INFERENCE_INVALID", /shape/],
  ["half a row", whole({ shape: [1.5, 3] }), invalid, "INFERENCE_INVALID"],
  ["a shape of text", whole({ shape: ["1", 3] }), invalid, "INFERENCE_INVALID"],
  ["a shape beyond all numbers", raw(`{"inputs":[{"name":"features","shape":[1e999,3],"datatype":"FP64","data":[1,2,3]}]}`), invalid, "INFERENCE_INVALID"],
  ["a shape of 2^53 rows", whole({ shape: [2 ** 53, 3] }), invalid, "INFERENCE_INVALID"],
  ["no rows", whole({ shape: [0, 3], data: [] }), invalid, "INFERENCE_INVALID", /0 rows/],
  ["more rows than a request may have", whole({ shape: [65_537, 3] }), invalid, "INFERENCE_INVALID", /65537 rows/],
  ["too many columns", whole({ shape: [1, 4], data: [1, 2, 3, 4] }), invalid, "INFERENCE_INVALID", /\[1,4\]/],
  ["no datatype", whole({ datatype: undefined }), invalid, "INFERENCE_INVALID", /datatype/],
  ["a datatype that is none", whole({ datatype: "COMPLEX" }), invalid, "INFERENCE_INVALID", /COMPLEX/],
  ["text for numbers", whole({ datatype: "BYTES", data: ["1", "2", "3"] }), invalid, "INFERENCE_INVALID"],
  ["no data", whole({ data: undefined }), invalid, "INFERENCE_INVALID", /data/],
  ["data that is an object", whole({ data: { 0: 1, 1: 2, 2: 3, length: 3 } }), invalid, "INFERENCE_INVALID"],
  ["too few elements", whole({ data: [1, 2] }), invalid, "INFERENCE_INVALID", /2 elements.*3/],
  ["too many elements", whole({ data: [1, 2, 3, 4] }), invalid, "INFERENCE_INVALID", /4 elements/],
  ["numbers as text", whole({ data: [1, "2", 3] }), invalid, "INFERENCE_INVALID", /"2" at position 1/],
  ["an object among numbers", whole({ data: [1, {}, 3] }), invalid, "INFERENCE_INVALID"],
  ["a list among numbers", whole({ data: [1, [2], 3] }), invalid, "INFERENCE_INVALID"],
  ["rows of different lengths", whole({ shape: [2, 3], data: [[1, 2], [3, 4, 5, 6]] }), invalid, "INFERENCE_INVALID", /nested/],
  ["rows of rows", whole({ data: [[[1], [2], [3]]] }), invalid, "INFERENCE_INVALID", /\[1\] at position 0/],
  ["data of 50,000 lists in each other", raw(JSON.stringify({ inputs: [{ name: "features", shape: [1, 3], datatype: "FP64", data: "DEEP" }] }).replace("\"DEEP\"", nested(50_000))), invalid, "INFERENCE_INVALID"],
  // a tensor for each column
  ["a column that is missing", { path: INFER, body: { inputs: [{ name: COLUMNS[0], shape: [1], datatype: "FP64", data: [1] }] } }, invalid, "INFERENCE_INVALID", /missing input "heat\.mean_1h", "heat\.readings_1d"/],
  ["a column that is unknown", columns({}, [{ name: "extra", shape: [2], datatype: "FP64", data: [1, 2] }]), invalid, "INFERENCE_INVALID", /extra/],
  ["a column given twice", columns({}, [{ name: COLUMNS[0], shape: [2], datatype: "FP64", data: [3, 4] }]), invalid, "INFERENCE_INVALID", /"heat\.now" is given twice/],
  ["columns of different lengths", columns({ shape: [3], data: [1, 2, 3] }), invalid, "INFERENCE_INVALID", /expected \[2\]/],
  ["a column of two columns", columns({ shape: [2, 2], data: [1, 2, 3, 4] }), invalid, "INFERENCE_INVALID", /expected \[2\]/],
  ["a column of text that is numeric", columns({ datatype: "BYTES", data: ["a", "b"] }), invalid, "INFERENCE_INVALID", /numeric/],
];

test("malformed inference requests", { timeout: 120_000 }, async (context) => {
  await using served = await openServedPlatform();
  const before = await scores(served);
  for (const [name, request, status, code, says] of TABLE) {
    await context.test(`${name}: ${status} ${code}`, async () => {
      const answer = await refuses(served, { name, request: typeof request === "string" ? { path: request } : request, status, code, ...(says ? { says } : {}) });
      if (answer.text !== "") assert.equal(typeof (answer.json as { readonly error: unknown }).error, "string", "the protocol's error body is {\"error\": \"…\"}");
    });
  }
  await context.test("what is strange but valid is answered", () => strangeButValid(served));
  assert.deepEqual(await scores(served), before);
});

async function scores({ platform }: ServedPlatform): Promise<unknown> {
  return outputOf(await send(platform.url, whole({ shape: [3, 3], data: [[40, 45, 1], [60, null, 2], [50, 50, 3]] })));
}

function outputOf(answer: Answered): readonly number[] {
  assert.equal(answer.status, 200, answer.text);
  return (answer.json as { readonly outputs: readonly { readonly data: readonly number[] }[] }).outputs[0]!.data;
}

async function strangeButValid({ platform }: ServedPlatform): Promise<void> {
  const ask = async (changes: Readonly<Record<string, unknown>>) => outputOf(await send(platform.url, whole(changes)));
  const expected = await ask({});
  assert.deepEqual(await ask({ data: [[50, 50, 1]] }), expected, "nested");
  assert.deepEqual(await ask({ datatype: "INT64" }), expected, "another numeric type");
  assert.deepEqual(await ask({ data: [50, 50, true], datatype: "BOOL" }), expected, "a truth is 1");
  assert.ok((await ask({ data: [null, null, null] })).every(Number.isFinite), "everything missing");
  assert.ok((await ask({ data: [1e308, -1e308, 0] })).every(Number.isFinite), "numbers at the edge");
  assert.deepEqual(outputOf(await send(platform.url, { ...whole({}), path: `${MODEL}/versions/1/infer` })), expected);
  const many = await ask({ shape: [3_000, 3], data: Array.from({ length: 3_000 }, () => [50, 50, 1]) });
  assert.ok(many.length === 3_000 && many.every((score) => score === expected[0]));
}
