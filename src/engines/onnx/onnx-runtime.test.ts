import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isStrataError, type ErrorCode } from "../../kernel/errors.ts";
import { metadataEntry } from "./model-metadata.ts";
import { openOnnxRuntime } from "./onnx-runtime.ts";

// Tiny models by hand, in the wire format: tag = field * 8 + wire type, then a varint or a length and bytes.
const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);
const integer = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, value: readonly number[] | string): number[] => {
  const content = typeof value === "string" ? [...new TextEncoder().encode(value)] : value;
  return [...varint(field * 8 + 2), ...varint(content.length), ...content];
};

const FLOAT = 1, INT64 = 7;
const tensor = (name: string, type: number, dimensions: readonly (number | string)[]): number[] => {
  const shape = dimensions.flatMap((dimension) => bytes(1, typeof dimension === "number" ? integer(1, dimension) : bytes(2, dimension)));
  return [...bytes(1, name), ...bytes(2, bytes(1, [...integer(1, type), ...bytes(2, shape)]))];
};
const node = (operator: string, input: string, output: string, attributes: readonly number[] = []): number[] =>
  [...bytes(1, input), ...bytes(2, output), ...bytes(4, operator), ...attributes];
const model = (graph: readonly number[], metadata: readonly number[] = []): Uint8Array =>
  Uint8Array.from([...integer(1, 8), ...bytes(7, [...graph, ...bytes(2, "g")]), ...bytes(8, integer(2, 17)), ...metadata]);

const reluOf = (input: readonly number[], metadata: readonly number[] = []): Uint8Array =>
  model([...bytes(1, node("Relu", "x", "y")), ...bytes(11, input), ...bytes(12, tensor("y", FLOAT, ["n", 2]))], metadata);
const namesEntry = (value: string): number[] => bytes(14, [...bytes(1, "strata.inputs"), ...bytes(2, value)]);

const raises = (code: ErrorCode, text: RegExp) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && text.test(thrown.message);
const describeModel = { model: "m", version: 2 };

describe("openOnnxRuntime", () => {
  it("runs any model with one float input, in batches of any size", async () => {
    const runtime = await openOnnxRuntime();
    assert.equal(runtime.name, "onnx");
    const loaded = await runtime.load(reluOf(tensor("x", FLOAT, ["n", 2])), describeModel);
    assert.deepEqual([loaded.inputs, loaded.outputs], [["x[0]", "x[1]"], 2]);
    const results = await Promise.all([Float64Array.of(1, -2), Float64Array.of(-1, 3, 0.5, -0.5, 7, 8)].map((values) => loaded.predict({ values, rows: values.length / 2, columns: 2 })));
    assert.deepEqual(results.map((result) => [...result]), [[1, 0], [0, 3, 0.5, 0, 7, 8]]);
    assert.equal((await loaded.predict({ values: new Float64Array(0), rows: 0, columns: 2 })).length, 0);
    await assert.rejects(loaded.predict({ values: Float64Array.of(1, 2, 3), rows: 1, columns: 3 }), raises("INFERENCE_INVALID", /3 columns.*takes 2/));
    await assert.rejects(loaded.predict({ values: Float64Array.of(1, 2, 3), rows: 2, columns: 2 }), raises("INFERENCE_INVALID", /2 rows of 2/));
    await loaded.close();
    await loaded.close();
    await assert.rejects(loaded.predict({ values: Float64Array.of(1, 2), rows: 1, columns: 2 }), raises("CLOSED", /"m"/));
  });

  it("takes column names from the file, unless they do not fit", async () => {
    const runtime = await openOnnxRuntime();
    const inputsOf = async (value: string): Promise<readonly string[]> => {
      const loaded = await runtime.load(reluOf(tensor("x", FLOAT, ["n", 2]), namesEntry(value)), describeModel);
      await loaded.close();
      return loaded.inputs;
    };
    assert.deepEqual(await inputsOf("[\"age\",\"größe\"]"), ["age", "größe"]);
    assert.deepEqual(await inputsOf("[\"age\"]"), ["x[0]", "x[1]"]);
  });

  it("refuses what it cannot feed or read, and says what was found", async () => {
    const runtime = await openOnnxRuntime();
    const refused: readonly [Uint8Array, RegExp][] = [
      [new Uint8Array(10), /m version 2 is damaged/],
      [reluOf(tensor("x", FLOAT, ["n", "width"])), /shape \[rows, columns\].*n, width/],
      [reluOf(tensor("x", FLOAT, [2])), /shape/],
      [model([...bytes(1, node("Abs", "x", "y")), ...bytes(11, tensor("x", INT64, ["n", 2])), ...bytes(12, tensor("y", INT64, ["n", 2]))]), /one input, a float tensor/],
      [model([...bytes(1, node("Cast", "x", "y", bytes(5, [...bytes(1, "to"), ...integer(3, INT64), ...integer(20, 2)]))), ...bytes(11, tensor("x", FLOAT, ["n", 2])), ...bytes(12, tensor("y", INT64, ["n", 2]))]), /no float tensor among its outputs/],
    ];
    for (const [artifact, text] of refused) await assert.rejects(runtime.load(artifact, describeModel), raises("MODEL_ARTIFACT_INVALID", text));
  });

  it("says how to install the package when it is missing or something else", async () => {
    for (const importPackage of [() => Promise.reject(new Error("Cannot find package")), () => Promise.resolve({})]) {
      await assert.rejects(openOnnxRuntime({ importPackage }), (thrown) => raises("RUNTIME_MISSING", /ONNX/)(thrown) && isStrataError(thrown) && thrown.hint.includes("npm install onnxruntime-node"));
    }
  });
});

describe("metadataEntry", () => {
  it("finds an entry among others, and nothing in bytes that cannot be followed", () => {
    const artifact = model([], [...bytes(14, [...bytes(1, "a"), ...bytes(2, "1")]), ...namesEntry("[]")]);
    assert.equal(metadataEntry(artifact, "strata.inputs"), "[]");
    assert.equal(metadataEntry(artifact, "b"), undefined);
    assert.equal(metadataEntry(Uint8Array.of(0xff, 0xff, 0xff), "a"), undefined);
    for (let length = 0; length < artifact.length; length++) assert.equal(metadataEntry(artifact.subarray(0, length), "strata.inputs"), undefined);
  });
});
