/** Encoded requests say what the tensors say: JSON and binary layouts, and protobuf that another library reads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { DATATYPES, elementCount } from "../../kernel/tensor.ts";
import type { Datatype, TensorSpec } from "../../kernel/tensor.ts";
import { binaryRequest, jsonRequest, rawContents } from "./inference-requests.ts";
import { bytesField, packedField, readFields, readMessages, readPacked, readTexts, varint } from "./protobuf.ts";
import { inputsOf, randomTensor, shapeOf } from "./random-tensor.ts";

const datatypes = Object.keys(DATATYPES) as Datatype[];
const specs: fc.Arbitrary<readonly TensorSpec[]> = fc.uniqueArray(fc.record({
  name: fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }), datatype: fc.constantFrom(...datatypes), shape: fc.array(fc.constantFrom(-1, 1, 3), { minLength: 1, maxLength: 3 }),
}), { minLength: 1, maxLength: 4, selector: ({ name }) => name });

test("binary requests: the head's sizes are those of the blobs, each begins where the last ends, all at multiples of 8 for 8-byte types", () => {
  fc.assert(fc.property(specs, fc.integer({ min: 1, max: 5 }), fc.nat(), (inputs, rows, seed) => {
    const tensors = inputs.map((spec) => randomTensor(spec, { rows }, createRandom(seed)));
    const { body, headBytes } = binaryRequest(tensors);
    const head = JSON.parse(Buffer.from(body).toString("utf8", 0, headBytes)) as { inputs: { name: string; shape: number[]; datatype: Datatype; parameters: { binary_data_size: number } }[] };
    assert.equal(headBytes % 8, 0);
    let at = headBytes;
    for (const [index, input] of head.inputs.entries()) {
      const size = input.parameters.binary_data_size;
      assert.deepEqual(Buffer.from(body).subarray(at, at + size), rawContents(tensors[index]!));
      if (input.datatype !== "BYTES") assert.equal(size, elementCount(input.shape) * DATATYPES[input.datatype].bytes);
      at += size;
    }
    assert.equal(at, body.length);
  }), { numRuns: 200 });
});

test("JSON requests carry the numbers, booleans and texts of the tensors", () => {
  for (const datatype of datatypes.filter((name) => name !== "FP16" && name !== "BF16")) {
    const tensor = randomTensor({ name: "x", datatype, shape: [-1, 2] }, { rows: 2 }, createRandom(1));
    const { inputs: [input] } = JSON.parse(jsonRequest([tensor])) as { inputs: { shape: number[]; data: unknown[] }[] };
    assert.deepEqual(input?.shape, [2, 2]);
    const kind = datatype === "BOOL" ? "boolean" : datatype === "BYTES" ? "string" : "number";
    assert.ok(input.data.length === 4 && input.data.every((value) => typeof value === kind));
  }
});

test("the first open dimension is the rows, others are 1, a given shape wins", () => {
  const spec: TensorSpec = { name: "x", datatype: "FP32", shape: [-1, 3, -1] };
  assert.deepEqual(shapeOf(spec, { rows: 8 }), [8, 3, 1]);
  assert.deepEqual(shapeOf(spec, { rows: 8, dimensions: { x: [2, 3, 7] } }), [2, 3, 7]);
});

test("metadata is read, and what is none is refused", () => {
  assert.deepEqual(inputsOf({ inputs: [{ name: "x", datatype: "FP32", shape: [-1, "4"] }] }), [{ name: "x", datatype: "FP32", shape: [-1, 4] }]);
  for (const wrong of [undefined, {}, { inputs: [] }, { inputs: [{ name: "x", datatype: "FLOAT", shape: [1] }] }]) assert.equal(inputsOf(wrong), undefined);
});

test("protobuf fields come back as they were written, and other bytes are refused", () => {
  const numbers = fc.array(fc.integer({ min: -2, max: 2 ** 50 }), { maxLength: 6 });
  fc.assert(fc.property(fc.string(), numbers, fc.uint8Array({ maxLength: 40 }), (text, sizes, bytes) => {
    const fields = readFields(Buffer.concat([bytesField(1, text), packedField(3, sizes), bytesField(7, bytes)]));
    assert.deepEqual([readTexts(fields, 1), readPacked(fields, 3)], [[text], sizes]);
    assert.deepEqual(Buffer.from(readMessages(fields, 7)[0]!), Buffer.from(bytes));
  }), { numRuns: 300 });
  assert.deepEqual(Buffer.from(varint(300)), Buffer.from([0xac, 0x02]));
  assert.throws(() => readFields(Uint8Array.of(0x0a, 0x05, 0x61)), /protobuf/);
  assert.throws(() => readFields(Uint8Array.of(0x80)), /protobuf/);
});
