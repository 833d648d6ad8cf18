import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isStrataError } from "../kernel/errors.ts";
import { decodeTreeModel, encodeTreeModel, treeModelProblem, type TreeModel, type TreeNodes } from "./tree-model.ts";

/** Two trees: x <= 1.5 ? -1 : (city in {3, 70000} ? 2 : 4), and the constant 0.25. */
const nodes: TreeNodes = {
  treeStarts: Uint32Array.of(0, 5, 6),
  feature: Int32Array.of(0, -1, 1, -1, -1, -1),
  threshold: Float64Array.of(1.5, 0, 0, 0, 0, 0),
  value: Float64Array.of(0, -1, 0, 2, 4, 0.25),
  left: Uint32Array.of(1, 0, 3, 0, 0, 0),
  missingLeft: Uint8Array.of(1, 0, 0, 0, 0, 0),
  categoryStarts: Uint32Array.of(0, 0, 0, 2, 2, 2, 2),
  categories: Uint32Array.of(3, 70_000),
  gain: Float64Array.of(10, 0, 5, 0, 0, 0),
  rows: Uint32Array.of(9, 4, 5, 2, 3, 9),
};
const model: TreeModel = {
  objective: "regression", inputs: [{ name: "x", kind: "numeric" }, { name: "städte", kind: "categorical", categories: ["a"] }],
  outputs: 1, baseScores: Float64Array.of(0.5), nodes,
};
const artifact = { model: "m", version: 3 };
const refuses = (text: RegExp) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === "MODEL_ARTIFACT_INVALID" && text.test(thrown.message);

describe("tree model artifact", () => {
  it("comes back as it was written, from any alignment, and equal models give equal bytes", () => {
    const bytes = encodeTreeModel(model);
    assert.deepEqual(decodeTreeModel(bytes, artifact), model);
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    assert.deepEqual(decodeTreeModel(shifted, artifact), model);
    assert.deepEqual(encodeTreeModel(decodeTreeModel(bytes, artifact)), bytes);
  });

  it("refuses a changed bit anywhere and every truncation", () => {
    const bytes = encodeTreeModel(model);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << (at % 8);
      assert.throws(() => decodeTreeModel(damaged, artifact), refuses(/m version 3/), `bit of byte ${at}`);
      assert.throws(() => decodeTreeModel(bytes.subarray(0, at), artifact), refuses(/m version 3/), `first ${at} bytes`);
    }
    assert.throws(() => decodeTreeModel(Buffer.from("onnx model, perhaps"), artifact), refuses(/not a tree ensemble/));
  });

  it("refuses structures that would make scoring loop, read elsewhere or disagree with itself", () => {
    const bad: readonly [Partial<TreeNodes> | Partial<Omit<TreeModel, "nodes">>, RegExp][] = [
      [{ left: Uint32Array.of(1, 0, 1, 0, 0, 0) }, /outside its tree/], // back to its own parent's child: a loop
      [{ left: Uint32Array.of(1, 0, 4, 0, 0, 0) }, /outside its tree/],
      [{ left: Uint32Array.of(3, 0, 3, 0, 0, 0) }, /two parents/],
      [{ feature: Int32Array.of(0, -1, -1, -1, -1, -1), left: Uint32Array.of(1, 0, 0, 0, 0, 0), categoryStarts: new Uint32Array(7), categories: new Uint32Array(0) }, /no parent/],
      [{ feature: Int32Array.of(2, -1, 1, -1, -1, -1) }, /column 2/], [{ feature: Int32Array.of(-2, -1, 1, -1, -1, -1) }, /leaf 0/],
      [{ threshold: Float64Array.of(NaN, 0, 0, 0, 0, 0) }, /finite threshold/], [{ value: Float64Array.of(0, Infinity, 0, 2, 4, 0) }, /leaf 1/],
      [{ categories: Uint32Array.of(3, 3) }, /ascending/], [{ categories: Uint32Array.of(3, 2 ** 24) }, /ascending codes/],
      [{ categoryStarts: Uint32Array.of(0, 0, 0, 0, 2, 2, 2) }, /lists no category/], [{ categoryStarts: Uint32Array.of(0, 2, 0, 2, 2, 2, 2) }, /negative length/],
      [{ treeStarts: Uint32Array.of(0, 6, 6) }, /no nodes/], [{ treeStarts: Uint32Array.of(0, 3, 5) }, /cover/],
      [{ outputs: 2, baseScores: new Float64Array(2) }, /does not fit/], [{ objective: "multiclass", outputs: 1 }, /does not fit/], [{ objective: "poisson" as "binary" }, /not known/],
      [{ baseScores: Float64Array.of(NaN) }, /base scores/], [{ inputs: [] }, /no inputs/], [{ inputs: [model.inputs[0]!, model.inputs[0]!] }, /same name/],
      [{ objective: "multiclass", outputs: 3, baseScores: new Float64Array(3) }, /multiple of 3/],
    ];
    assert.equal(treeModelProblem(model), undefined);
    for (const [change, text] of bad) {
      const changed: TreeModel = { ...model, ...change, nodes: { ...nodes, ...change } };
      assert.match(treeModelProblem(changed) ?? "sound", text);
      assert.throws(() => decodeTreeModel(encodeTreeModel(changed), artifact), refuses(text));
    }
  });
});
