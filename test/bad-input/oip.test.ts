/**
 * Malformed requests in the Open Inference Protocol: each is refused with its status and a reason in the protocol's own
 * error body, and the model goes on answering the same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
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
/** A body with a header length. */
const binary = (json: Buffer, headerLength: number | string, more = 0): Sent => ({
  path: INFER, body: Buffer.concat([json, Buffer.alloc(more)]), headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(headerLength) },
});
/** One row whose bytes follow. */
const tensorBytes = (says: unknown, sends: number, changes: Readonly<Record<string, unknown>> = {}): Sent => {
  const json = Buffer.from(JSON.stringify({ inputs: [{ name: "features", shape: [1, 3], datatype: "FP64", parameters: { binary_data_size: says }, ...changes }] }));
  return binary(json, json.length, sends);
};
const GOOD = { name: "features", shape: [1, 3], datatype: "FP64", data: [1, 2, 3] };
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
  ["version 0", `${MODEL}/versions/0`, 404, "MODEL_VERSION_NOT_FOUND"],
  ["version -1", `${MODEL}/versions/-1`, 404, "MODEL_VERSION_NOT_FOUND"],
  ["version 1.0", `${MODEL}/versions/1.0`, 404, "MODEL_VERSION_NOT_FOUND"],
  ["version 0x1", `${MODEL}/versions/0x1`, 404, "MODEL_VERSION_NOT_FOUND"],
  ["version latest", `${MODEL}/versions/latest`, 404, "MODEL_VERSION_NOT_FOUND"],
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
  ["a header that is no JSON before the tensors", binary(Buffer.alloc(8), 8, 24), invalid, "BODY_INVALID"],
  ["a header longer than the body", binary(Buffer.from("{}"), 100), invalid, "INFERENCE_INVALID", /100.*2 bytes/],
  ["a header length that is none", binary(Buffer.from("{}"), "1e2"), invalid, "INFERENCE_INVALID", /1e2/],
  ["a negative header length", binary(Buffer.from("{}"), -1), invalid, "INFERENCE_INVALID", /-1/],
  ["fewer bytes than a tensor says", tensorBytes(24, 16), invalid, "INFERENCE_INVALID", /24.*16 bytes are left/],
  ["more bytes than the tensors", tensorBytes(24, 25), invalid, "INFERENCE_INVALID", /1 bytes follow/],
  ["bytes that do not fit the shape", tensorBytes(16, 16), invalid, "INFERENCE_INVALID", /16 bytes.*24/],
  ["a size that is text", tensorBytes("24", 24), invalid, "INFERENCE_INVALID", /binary_data_size/],
  ["a size that is a fraction", tensorBytes(24.5, 24), invalid, "INFERENCE_INVALID", /binary_data_size/],
  ["data and bytes at once", tensorBytes(24, 24, { data: [1, 2, 3] }), invalid, "INFERENCE_INVALID", /both/],
  ["a raw body of half a row", binary(Buffer.alloc(20), 0), invalid, "INFERENCE_INVALID", /20 bytes/],
  ["shared memory", tensorBytes(24, 24, { parameters: { shared_memory_region: "r" } }), invalid, "INFERENCE_INVALID", /shared memory/],
  ["a packed body that is none", { path: INFER, body: Buffer.from("no gzip"), headers: { "content-encoding": "gzip" } }, invalid, "BODY_INVALID", /gzip/],
  ["a packed body that ends early", { path: INFER, body: gzipSync("{}".repeat(500)).subarray(0, 20), headers: { "content-encoding": "gzip" } }, invalid, "BODY_INVALID"],
  ["a bomb", { path: INFER, body: gzipSync(Buffer.alloc(64 * 1024 * 1024)), headers: { "content-encoding": "gzip" } }, 413, "BODY_TOO_LARGE"],
  ["a bomb by deflate", { path: INFER, body: deflateSync(Buffer.alloc(64 * 1024 * 1024)), headers: { "content-encoding": "deflate" } }, 413, "BODY_TOO_LARGE"],
  ["another packing", { path: INFER, body: Buffer.from("x"), headers: { "content-encoding": "br" } }, 415, "MEDIA_TYPE_UNSUPPORTED", /br/],
  ["a deadline that is none", { path: INFER, body: { inputs: [GOOD] }, headers: { "strata-timeout-ms": "soon" } }, invalid, "INFERENCE_INVALID", /soon/],
  ["a priority that is text", { path: INFER, body: { inputs: [GOOD], parameters: { priority: "high" } } }, invalid, "INFERENCE_INVALID", /priority/],
  ["a timeout before it began", { path: INFER, body: { inputs: [GOOD], parameters: { timeout: -5 } } }, invalid, "INFERENCE_INVALID", /timeout/],
  ["parameters that are a list", { path: INFER, body: { inputs: [GOOD], parameters: [] } }, invalid, "INFERENCE_INVALID", /parameters/],
  ["a parameter that is an object", { path: INFER, body: { inputs: [GOOD], parameters: { a: {} } } }, invalid, "INFERENCE_INVALID", /parameters\.a/],
  ["an output asked for twice", { path: INFER, body: { inputs: [GOOD], outputs: [{ name: "scores" }, { name: "scores" }] } }, invalid, "INFERENCE_INVALID", /given twice/],
  ["a classification of half a class", { path: INFER, body: { inputs: [GOOD], outputs: [{ name: "scores", parameters: { classification: 0.5 } }] } }, invalid, "INFERENCE_INVALID", /classification/],
  ["an index that is ready perhaps", { path: "/v2/repository/index", body: { ready: "perhaps" } }, invalid, "INFERENCE_INVALID", /ready/],
  ["a load of a model that is none", { path: "/v2/repository/models/nothing/load", body: {} }, 404, "MODEL_NOT_FOUND", /^failed to load/],
  ["a load with an unknown parameter", { path: "/v2/repository/models/wear/load", body: { parameters: { speed: "fast" } } }, invalid, "INFERENCE_INVALID", /speed/],
  ["statistics of a model that is none", "/v2/models/nothing/stats", 404, "MODEL_NOT_FOUND"],
  ["a configuration of a model that is none", "/v2/models/nothing/config", 404, "MODEL_NOT_FOUND"],
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
  ["more rows than the bytes can be", whole({ shape: [65_537, 3] }), invalid, "INFERENCE_INVALID", /3 elements.*196611/],
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
  assert.equal((await ask({ data: [true, false, 1], datatype: "BOOL" })).length, 1, "a truth is 1");
  const row = tensorBytes(24, 0);
  const bytes = { ...row, body: Buffer.concat([row.body as Buffer, Buffer.from(new Float64Array([50, 50, 1]).buffer)]) }; // after an odd number of bytes of JSON
  assert.deepEqual(outputOf(await send(platform.url, bytes)), expected, "in binary");
  assert.deepEqual(outputOf(await send(platform.url, { ...bytes, body: gzipSync(bytes.body), headers: { ...bytes.headers, "content-encoding": "gzip" } })), expected, "packed");
  assert.ok((await ask({ data: [null, null, null] })).every(Number.isFinite), "everything missing");
  assert.ok((await ask({ data: [1e308, -1e308, 0] })).every(Number.isFinite), "numbers at the edge");
  assert.deepEqual(outputOf(await send(platform.url, { ...whole({}), path: `${MODEL}/versions/1/infer` })), expected);
  const many = await ask({ shape: [3_000, 3], data: Array.from({ length: 3_000 }, () => [50, 50, 1]) });
  assert.ok(many.length === 3_000 && many.every((score) => score === expected[0]));
}
