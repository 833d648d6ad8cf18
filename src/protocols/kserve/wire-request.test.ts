import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../kernel/errors.ts";
import { attachBlobs, readEnvelope } from "./wire-request.ts";

const NOTHING = new Uint8Array();
const envelope = (value: unknown) => readEnvelope(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
const input = (changes: Readonly<Record<string, unknown>> = {}) => ({ name: "X", datatype: "FP32", shape: [2], data: [1, 2], ...changes });

test("everything a request may say is read", () => {
  const request = envelope({
    id: "a", parameters: { binary_data_output: true, priority: 2 }, inputs: [input(), input({ name: "Y", data: undefined, parameters: { binary_data_size: 8, other: "x" } })],
    outputs: [{ name: "P", parameters: { binary_data: false } }, { name: "Q", parameters: { classification: 3 } }, { name: "R" }],
  });
  assert.deepEqual(request, {
    id: "a", parameters: { binary_data_output: true, priority: 2 }, isBinary: true, outputs: [{ name: "P", isBinary: false }, { name: "Q", classes: 3 }, { name: "R" }],
    inputs: [{ name: "X", datatype: "FP32", shape: [2], data: Float32Array.of(1, 2) }, { name: "Y", datatype: "FP32", shape: [2], sizeBytes: 8 }],
  });
  const { inputs } = attachBlobs(request, new Uint8Array(Float32Array.of(3, 4).buffer));
  assert.deepEqual(inputs[1], { name: "Y", datatype: "FP32", shape: [2], data: Float32Array.of(3, 4) });
});

test("integers beyond 2^53 are exact where that matters, and only then is the text read twice", () => {
  const read = envelope(`{"parameters":{"sequence_id":18446744073709551615},"inputs":[{"name":"X","datatype":"UINT64","shape":[2],"data":[[9007199254740993],[1]]},{"name":"F","datatype":"FP64","shape":[1],"data":[100000000000000000000]}]}`.replace("[[9007199254740993],[1]]", "[9007199254740993,1]"));
  assert.equal(read.parameters!["sequence_id"], 18_446_744_073_709_551_615n);
  assert.deepEqual(read.inputs.map((one) => "data" in one && [...one.data as BigUint64Array]), [[9_007_199_254_740_993n, 1n], [1e20]]);
});

test("any JSON is read or refused with a code; nothing else is thrown", () => {
  const value = fc.oneof(fc.jsonValue(), fc.record({ id: fc.jsonValue(), parameters: fc.jsonValue(), inputs: fc.array(fc.record({ name: fc.jsonValue(), shape: fc.jsonValue(), datatype: fc.constantFrom("FP32", "BYTES", 5), data: fc.jsonValue(), parameters: fc.jsonValue() }, { requiredKeys: [] })), outputs: fc.jsonValue() }, { requiredKeys: ["inputs"] }));
  fc.assert(fc.property(value, fc.uint8Array({ maxLength: 10 }), (any, blobs) => {
    try {
      attachBlobs(readEnvelope(Buffer.from(JSON.stringify(any))), blobs);
    } catch (thrown) {
      assert.ok(isStrataError(thrown) && thrown.code === "INFERENCE_INVALID", String(thrown));
    }
  }), { numRuns: 500 });
});

test("bodies that would be dear are refused quickly", () => {
  const startedAtMs = performance.now();
  for (const body of ["[".repeat(100_000) + "]".repeat(100_000), `{"inputs":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, { inputs: Array.from({ length: 100_000 }, () => input()) }, { inputs: [input({ shape: Array.from({ length: 1_000 }, () => 1) })] }, { inputs: [input({ shape: [2 ** 52, 2 ** 52] })] }]) {
    assert.throws(() => attachBlobs(envelope(body), NOTHING), { code: "INFERENCE_INVALID" });
  }
  assert.ok(performance.now() - startedAtMs < 2_000);
});
