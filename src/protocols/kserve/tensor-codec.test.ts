/** Laws of tensors on the wire: what goes out comes in again, bit for bit, in JSON, in binary and over gRPC's contents. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../kernel/errors.ts";
import { DATATYPES, elementCount } from "../../kernel/tensor.ts";
import type { Datatype, Tensor, TensorData } from "../../kernel/tensor.ts";
import { bytesOfTensor } from "../../kernel/tensor-bytes.ts";
import { parseExactly } from "./exact-json.ts";
import { inputFromBytes } from "./input-bytes.ts";
import { jsonCells, jsonOfTensor, tensorFromJson } from "./tensor-json.ts";

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 0, maxLength: 3 });
const names = Object.keys(DATATYPES) as readonly Datatype[]; // the table's own keys

/** Any data of a datatype: any bits for numbers, any bytes for BYTES. */
function dataOf(datatype: Datatype, count: number): fc.Arbitrary<TensorData> {
  if (datatype === "BYTES") return fc.array(fc.uint8Array({ maxLength: 6 }), { minLength: count, maxLength: count });
  const { bytes, array } = DATATYPES[datatype];
  const byte = datatype === "BOOL" ? fc.integer({ min: 0, max: 1 }) : fc.integer({ min: 0, max: 255 });
  return fc.array(byte, { minLength: count * bytes, maxLength: count * bytes }).map((values) => new array(Uint8Array.from(values).buffer));
}

const tensor = fc.constantFrom(...names).chain((datatype) => shape.chain((dimensions) => dataOf(datatype, elementCount(dimensions)).map((data): Tensor => ({ name: "T", datatype, shape: dimensions, data }))));

const bits = (one: Tensor): string => Buffer.from(bytesOfTensor(one)).toString("hex");

test("bytes: out and in again is the same, at any place in memory", () => {
  fc.assert(fc.property(tensor, fc.integer({ min: 0, max: 9 }), (one, offset) => {
    const bytes = bytesOfTensor(one);
    const memory = new Uint8Array(offset + bytes.length + 3);
    memory.set(bytes, offset);
    const again = inputFromBytes(one, memory.subarray(offset, offset + bytes.length));
    assert.equal(bits(again), bits(one));
    assert.equal(again.data.length, elementCount(one.shape));
  }));
});

test("bytes: aligned data is read where it lies", () => {
  const memory = new Uint8Array(24);
  const { data } = inputFromBytes({ name: "T", datatype: "FP64", shape: [2] }, memory.subarray(8));
  assert.equal((data as Float64Array).buffer, memory.buffer);
});

test("bytes: any other length is refused", () => {
  fc.assert(fc.property(tensor, fc.integer({ min: 1, max: 9 }), fc.boolean(), (one, change, isLonger) => {
    const bytes = bytesOfTensor(one);
    const other = isLonger ? Buffer.concat([bytes, Buffer.alloc(change)]) : bytes.subarray(0, Math.max(0, bytes.length - change));
    if (other.length === bytes.length) return;
    assert.throws(() => inputFromBytes(one, other), (thrown) => isStrataError(thrown) && thrown.code === "INFERENCE_INVALID");
  }));
});

const hasJson = ({ datatype, data }: Tensor): boolean =>
  datatype !== "FP16" && datatype !== "BF16" && !(datatype.startsWith("FP") && (data as Float32Array).some((value) => value === Infinity || value === -Infinity))
  && !(datatype === "BYTES" && (data as readonly Uint8Array[]).some((bytes) => !Buffer.from(Buffer.from(bytes).toString()).equals(bytes)));

/** All NaN are one in JSON. */
const canonical = (one: Tensor): Tensor => (one.datatype === "FP32" || one.datatype === "FP64" ? { ...one, data: (one.data as Float32Array).map((value) => (Number.isNaN(value) ? Number.NaN : value)) } : one);

function nest(cells: readonly unknown[], [size, ...inner]: readonly number[]): unknown {
  if (size === undefined) return cells[0];
  const width = elementCount(inner);
  return Array.from({ length: size }, (_, at) => nest(cells.slice(at * width, (at + 1) * width), inner));
}

test("JSON: out and in again is the same, flat and nested; what has no JSON form is refused", () => {
  fc.assert(fc.property(tensor, (one) => {
    if (!hasJson(one)) return assert.throws(() => jsonOfTensor(one), (thrown) => isStrataError(thrown) && thrown.code === "INFERENCE_INVALID" && /binary/.test(thrown.message));
    const flat = parseExactly(jsonOfTensor(one)) as readonly unknown[];
    assert.equal(bits(canonical(tensorFromJson(one, flat))), bits(canonical(one)));
    assert.deepEqual(jsonCells(one).map((cell) => parseExactly(cell)), flat);
    if (one.shape.length === 0 || elementCount(one.shape) === 0) return;
    assert.equal(bits(canonical(tensorFromJson(one, nest(flat, one.shape)))), bits(canonical(one)));
  }), { numRuns: 400 });
});

test("JSON: whatever is sent is read or refused with its code; nothing else is thrown, and what is read fits its shape", () => {
  const cell = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(null, true, "1", "é", "\ud800", 9_007_199_254_740_992, 1e39, 12n), fc.array(fc.integer(), { maxLength: 3 }), fc.constant({}));
  fc.assert(fc.property(fc.constantFrom(...names), shape, fc.oneof(fc.array(cell, { maxLength: 8 }), cell), (datatype, dimensions, data) => {
    try {
      const read = tensorFromJson({ name: "T", datatype, shape: dimensions }, data);
      assert.equal(read.data.length, elementCount(dimensions));
      if (datatype === "INT32") assert.deepEqual([...read.data as Int32Array], (data as readonly unknown[]).flat());
    } catch (thrown) {
      assert.ok(isStrataError(thrown) && thrown.code === "INFERENCE_INVALID", String(thrown));
      assert.ok(thrown.message.length < 500);
    }
  }), { numRuns: 500 });
});

test("64-bit integers keep every digit", () => {
  fc.assert(fc.property(fc.array(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), { minLength: 1, maxLength: 5 }), (values) => {
    const data = parseExactly(`[${values.join(",")}]`);
    assert.deepEqual([...tensorFromJson({ name: "T", datatype: "INT64", shape: [values.length] }, data).data as BigInt64Array], values);
  }));
});
