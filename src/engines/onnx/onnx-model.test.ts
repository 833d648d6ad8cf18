import assert from "node:assert/strict";
import { test } from "node:test";
import { mlpBytes, onnxBytes, ONNX_TYPE } from "../../../test/scenarios/onnx-builder.ts";
import { createRandom } from "../../kernel/random.ts";
import { isStrataError } from "../../kernel/errors.ts";
import { DATATYPES } from "../../kernel/tensor.ts";
import type { Datatype, Tensor } from "../../kernel/tensor.ts";
import type { InferenceModel } from "../../ports/inference-model.ts";
import { openOnnxModel } from "./onnx-model.ts";
import type { OnnxModelOptions } from "./onnx-model.ts";

const open = (bytes: Uint8Array, options: Partial<OnnxModelOptions> = {}): Promise<InferenceModel> => openOnnxModel({ bytes }, { model: "m", version: "1" }, { monotonicMs: () => performance.now(), ...options });
const inBothPlaces = [{ place: "on the caller's thread", threadAboveMs: Number.POSITIVE_INFINITY }, { place: "on a thread of its own", threadAboveMs: 0 }];

const TYPES: readonly (readonly [Datatype, number])[] = [
  ["BOOL", ONNX_TYPE.BOOL], ["UINT8", ONNX_TYPE.UINT8], ["UINT16", ONNX_TYPE.UINT16], ["UINT32", ONNX_TYPE.UINT32], ["UINT64", ONNX_TYPE.UINT64], ["INT8", ONNX_TYPE.INT8], ["INT16", ONNX_TYPE.INT16],
  ["INT32", ONNX_TYPE.INT32], ["INT64", ONNX_TYPE.INT64], ["FP16", ONNX_TYPE.FLOAT16], ["FP32", ONNX_TYPE.FLOAT], ["FP64", ONNX_TYPE.DOUBLE], ["BYTES", ONNX_TYPE.STRING],
];
const everyType = onnxBytes({
  inputs: TYPES.map(([datatype, type]) => ({ name: `in_${datatype}`, type, shape: ["n", 2] })), outputs: TYPES.map(([datatype, type]) => ({ name: `out_${datatype}`, type, shape: ["n", 2] })),
  nodes: TYPES.map(([datatype]) => ({ operator: "Identity", inputs: [`in_${datatype}`], outputs: [`out_${datatype}`] })),
});

function extremes(datatype: Datatype): Tensor["data"] {
  if (datatype === "BYTES") return ["", "größe", "日本", " "].map((text) => new TextEncoder().encode(text));
  if (datatype === "INT64") return BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 0n, 2n ** 53n + 1n);
  if (datatype === "UINT64") return BigUint64Array.of(2n ** 64n - 1n, 1n, 0n, 2n ** 53n + 1n);
  if (datatype === "FP32" || datatype === "FP64") return DATATYPES[datatype].array.of(Number.NaN, Number.NEGATIVE_INFINITY, -0, 1.1);
  if (datatype === "BOOL") return Uint8Array.of(1, 0, 0, 1);
  return DATATYPES[datatype].array.of(0xffff, 0x7fff, 1, 0) as Tensor["data"];
}

for (const { place, threadAboveMs } of inBothPlaces) {
  test(`every datatype goes through unchanged, ${place}; views stay whole`, async () => {
    const model = await open(everyType, { threadAboveMs });
    assert.deepEqual(model.inputs.map(({ name, datatype, shape }) => [name, datatype, shape]), TYPES.map(([datatype]) => [`in_${datatype}`, datatype, [-1, 2]]));
    const inputs = TYPES.map(([datatype]): Tensor => ({ name: `in_${datatype}`, datatype, shape: [2, 2], data: extremes(datatype) }));
    const large = new Float32Array(1_000).fill(5);
    const view: Tensor = { name: "in_FP32", datatype: "FP32", shape: [2, 2], data: large.subarray(10, 14) };
    const outputs = await model.infer(inputs.map((tensor) => (tensor.name === "in_FP32" ? view : tensor)));
    for (const [at, { datatype, shape, data }] of outputs.entries()) {
      assert.deepEqual([datatype, shape], [TYPES[at]![0], [2, 2]]);
      assert.deepEqual(Array.from(data as Uint8Array), Array.from((datatype === "FP32" ? view : inputs[at]!).data as Uint8Array), datatype);
      assert.equal(Object.getPrototypeOf(data), Object.getPrototypeOf(inputs[at]!.data), datatype);
    }
    assert.equal(large[12], 5, "what the caller owns is neither moved nor changed");
    assert.deepEqual((await model.infer(inputs, { wanted: ["out_INT8", "out_BYTES"] })).map(({ name }) => name), ["out_INT8", "out_BYTES"]);
    for (const bytes of [Uint8Array.of(97, 0, 98), Uint8Array.of(0xff)]) {
      const text: Tensor = { name: "in_BYTES", datatype: "BYTES", shape: [2, 2], data: [bytes, bytes, bytes, bytes] };
      await assert.rejects(model.infer(inputs.map((tensor) => (tensor.name === "in_BYTES" ? text : tensor))), (thrown) => isStrataError(thrown) && thrown.code === "INFERENCE_INVALID" && /in_BYTES/.test(thrown.message));
    }
    await model.close();
    await model.close();
    await assert.rejects(model.infer(inputs), (thrown) => isStrataError(thrown) && thrown.code === "CLOSED");
  });

  test(`an inference that fails says why, ${place}, and the model goes on`, async () => {
    const gather = onnxBytes({
      inputs: [{ name: "table", type: ONNX_TYPE.FLOAT, shape: ["r"] }, { name: "index", type: ONNX_TYPE.INT64, shape: ["n"] }], outputs: [{ name: "y", type: ONNX_TYPE.FLOAT, shape: ["n"] }],
      nodes: [{ operator: "Gather", inputs: ["table", "index"], outputs: ["y"] }],
    });
    const model = await open(gather, { threadAboveMs });
    assert.equal(model.isBatchable, false, "its inputs grow independently");
    const ask = (index: bigint) => model.infer([{ name: "table", datatype: "FP32", shape: [2], data: Float32Array.of(5, 6) }, { name: "index", datatype: "INT64", shape: [1], data: BigInt64Array.of(index) }]);
    await assert.rejects(ask(9n), (thrown) => isStrataError(thrown) && thrown.code === "INFERENCE_FAILED" && /indices element out of data bounds/.test(thrown.message) && !/\.cc:\d/.test(thrown.message));
    assert.deepEqual(Array.from((await ask(1n))[0]!.data as Float32Array), [6]);
    await model.close();
  });
}

test("a model whose run takes long leaves the event loop free; a quick one does not pay for a thread", async () => {
  const random = createRandom(3);
  const heavy = await open(mlpBytes([256, 1_600, 1_600, 4], () => random.next())), light = await open(mlpBytes([4, 4], () => random.next()));
  assert.ok(heavy.memoryBytes > 10_000_000 && light.memoryBytes < 10_000, `${heavy.memoryBytes} and ${light.memoryBytes} bytes`);
  const rows = 512;
  let longestMs = 0, lastMs = performance.now();
  const watch = setInterval(() => { longestMs = Math.max(longestMs, performance.now() - lastMs); lastMs = performance.now(); }, 1);
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: 4 }, () => heavy.infer([{ name: "x", datatype: "FP32", shape: [rows, 256], data: new Float32Array(rows * 256) }])));
  const tookMs = performance.now() - startedMs;
  clearInterval(watch);
  assert.ok(longestMs < tookMs / 2, `the loop stood still for ${longestMs} of ${tookMs} ms`);
  await Promise.all([heavy.close(), light.close()]);
});

test("closing a model that runs fails what it was doing instead of leaving it waiting", async () => {
  const random = createRandom(3);
  const model = await open(mlpBytes([64, 512, 4], () => random.next()), { threadAboveMs: 0 });
  const running = model.infer([{ name: "x", datatype: "FP32", shape: [4_096, 64], data: new Float32Array(4_096 * 64) }]).then(() => "answered", (thrown: unknown) => (isStrataError(thrown) ? thrown.code : String(thrown)));
  await model.close();
  assert.match(await running, /^(answered|INFERENCE_FAILED)$/);
});

test("what cannot be served is refused with the reason; the package is named when it is missing", async () => {
  const refuses = (promise: Promise<unknown>, code: string, says: RegExp): Promise<void> => assert.rejects(promise, (thrown) => isStrataError(thrown) && thrown.code === code && says.test(thrown.message));
  for (const threadAboveMs of [0, Number.POSITIVE_INFINITY]) await refuses(open(new Uint8Array(10), { threadAboveMs }), "MODEL_LOAD_FAILED", /failed to load 'm': /);
  await refuses(openOnnxModel({ file: "/nowhere/model.onnx" }, { model: "m", version: "1" }, { monotonicMs: () => 0 }), "MODEL_LOAD_FAILED", /nowhere/);
  await assert.rejects(open(everyType, { importPackage: () => Promise.reject(new Error("no")) }), (thrown) => isStrataError(thrown) && thrown.code === "RUNTIME_MISSING" && thrown.hint.includes("npm install onnxruntime-node"));
});

test("inputs that share their first dimension's name batch; fixed or different ones do not", async () => {
  const identity = (input: number | string, output: number | string) => open(onnxBytes({
    inputs: [{ name: "x", type: ONNX_TYPE.FLOAT, shape: [input, 2] }], outputs: [{ name: "y", type: ONNX_TYPE.FLOAT, shape: [output, 2] }], nodes: [{ operator: "Identity", inputs: ["x"], outputs: ["y"] }],
  }));
  const models = [await identity("n", "n"), await identity(1, 1)];
  assert.deepEqual(models.map(({ isBatchable }) => isBatchable), [true, false]);
  await Promise.all(models.map((model) => model.close()));
});
