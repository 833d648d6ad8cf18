/** Laws of the matrix of a trained model: however the tensors come, the same cells; what does not fit is refused by name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../kernel/errors.ts";
import { DATATYPES } from "../../kernel/tensor.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import { matrixOf } from "./trained-inputs.ts";
import type { TrainedInputs } from "./trained-inputs.ts";

const CITIES = ["Bergen", "Oslo", "Tromsø"];
const INPUTS: TrainedInputs = { model: "eta", columns: ["km", "city", "stops"], categories: { city: CITIES } };
const NUMERIC = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP32", "FP64"] as const;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const refusal = (tensors: readonly Tensor[], inputs = INPUTS): string => {
  try {
    matrixOf(tensors, inputs);
    return "read";
  } catch (thrown) {
    assert.ok(isStrataError(thrown) && thrown.code === "INFERENCE_INVALID", String(thrown));
    return thrown.message;
  }
};

/** Numbers that the datatype holds exactly, with NaN where it has one. */
function numeric(rows: number): fc.Arbitrary<Pick<Tensor, "datatype" | "data"> & { readonly cells: readonly number[] }> {
  return fc.constantFrom(...NUMERIC).chain((datatype) => {
    const cell = datatype === "FP64" ? fc.double() : datatype === "FP32" ? fc.float() : fc.integer({ min: datatype.startsWith("INT") ? -100 : 0, max: datatype === "BOOL" ? 1 : 100 });
    return fc.array(cell, { minLength: rows, maxLength: rows }).map((cells) => {
      if (datatype === "INT64") return { datatype, data: BigInt64Array.from(cells, BigInt), cells };
      if (datatype === "UINT64") return { datatype, data: BigUint64Array.from(cells, BigInt), cells };
      const { array } = DATATYPES[datatype];
      return { datatype, data: new array(cells), cells };
    });
  });
}

const text = fc.oneof(fc.constantFrom(...CITIES), fc.string());
const request = fc.integer({ min: 1, max: 6 }).chain((rows) => fc.record({
  km: numeric(rows), stops: numeric(rows), city: fc.array(text, { minLength: rows, maxLength: rows }),
  isWide: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), order: fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 }), rows: fc.constant(rows),
}));

test("a tensor per column, in any order, any numeric datatype, [rows] or [rows, 1]: each cell stands in its row and column, NaN and all", () => {
  fc.assert(fc.property(request, ({ km, city, stops, isWide, order, rows }) => {
    const shape = (at: number): readonly number[] => (isWide[at] ? [rows, 1] : [rows]);
    const tensors: readonly Tensor[] = [
      { name: "km", shape: shape(0), datatype: km.datatype, data: km.data }, { name: "city", shape: shape(1), datatype: "BYTES", data: city.map(bytesOf) },
      { name: "stops", shape: shape(2), datatype: stops.datatype, data: stops.data },
    ];
    const matrix = matrixOf(order.map((at) => tensors[at]!), INPUTS);
    assert.deepEqual([matrix.rows, matrix.columns, matrix.values.length], [rows, 3, rows * 3]);
    for (let row = 0; row < rows; row++) {
      const code = CITIES.indexOf(city[row]!);
      assert.deepEqual([...matrix.values.subarray(row * 3, row * 3 + 3)], [km.cells[row], code === -1 ? Number.NaN : code, stops.cells[row]], "a text that was never learned is missing");
    }
  }), { numRuns: 300 });
});

test("one tensor of all features is the same matrix as a tensor per column", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 6 }).chain((rows) => fc.tuple(fc.constant(rows), numeric(rows * 3))), ([rows, { datatype, data, cells }]) => {
    const whole = matrixOf([{ name: "features", datatype, shape: [rows, 3], data }], INPUTS);
    const columns = INPUTS.columns.map((name, at): Tensor => ({ name, datatype: "FP64", shape: [rows], data: Float64Array.from({ length: rows }, (_, row) => cells[row * 3 + at]!) }));
    assert.deepEqual([...whole.values], [...matrixOf(columns, INPUTS).values]);
    assert.deepEqual([...whole.values], cells);
  }), { numRuns: 200 });
});

test("what does not fit is refused with the tensor's name and the reason", () => {
  const column = (name: string, rows = 2, more: Partial<Tensor> = {}): Tensor => ({ name, datatype: "FP64", shape: [rows], data: new Float64Array(rows), ...more });
  const [km, city, stops] = [column("km"), column("city"), column("stops")];
  const features = (shape: readonly number[], more: Partial<Tensor> = {}): Tensor => column("features", shape.reduce((product, size) => product * size, 1), { shape, ...more });
  const cases: readonly (readonly [readonly Tensor[], RegExp])[] = [
    [[km, city], /missing input "stops"/], [[km], /missing input "city", "stops"/], [[km, city, stops, km], /"km" is given twice/],
    [[km, city, stops, column("wind")], /unknown input "wind"; inputs are "features" or km, city, stops/], [[features([2, 3]), km], /unknown input "features"/],
    [[km, city, column("stops", 3)], /"stops" has shape \[3\]; expected \[2\]/], [[km, city, column("stops", 4, { shape: [2, 2] })], /"stops" has shape \[2,2\]/],
    [[km, city, column("stops", 2, { shape: [2, 1, 1] })], /"stops" has shape \[2,1,1\]/], [[km, city, column("stops", 1, { shape: [2] })], /"stops" has 1 elements/],
    [[km, city, column("stops", 2, { datatype: "BYTES", data: [bytesOf("1"), bytesOf("2")] })], /"stops" is numeric; BYTES is for text columns/],
    [[km, city, column("stops", 2, { datatype: "FP16", data: new Uint16Array(2) })], /"stops" has datatype FP16/],
    [INPUTS.columns.map((name) => column(name, 0)), /0 rows; expected 1 to 65536/], [INPUTS.columns.map((name) => column(name, 65_537)), /65537 rows/],
    [[features([2, 2])], /"features" has shape \[2,2\]; expected \[rows,3\]/], [[features([6])], /"features" has shape \[6\]/], [[features([0, 3])], /0 rows/],
    [[features([2, 3], { data: new Float64Array(5) })], /"features" has 5 elements/], [[features([1, 3], { datatype: "BYTES", data: CITIES.map(bytesOf) })], /"features" has datatype BYTES/],
  ];
  for (const [tensors, reason] of cases) assert.match(refusal(tensors), reason);
});
