import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { idealDcg, lambdaGradients, rankRows } from "./lambdarank.ts";
import { resolveParameters } from "./parameters.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

function query(documents: readonly { readonly score: number; readonly label: number }[]): Workspace {
  const workspace = createWorkspace({
    parameters: resolveParameters({ objective: "lambdarank", ndcgAt: 5 }, false), rows: documents.length, features: 1, slots: 4, stride: 8, hasWeight: false, blocks: 1,
  });
  workspace.scores.set(documents.map((document) => document.score));
  workspace.label.set(documents.map((document) => document.label));
  lambdaGradients(workspace, 0, documents.length);
  return workspace;
}

const documents = fc.array(fc.record({ score: fc.double({ min: -5, max: 5, noNaN: true }), label: fc.integer({ min: 0, max: 4 }) }), { minLength: 1, maxLength: 30 });

it("lambdas of a query cancel out, hessians are not negative", () => {
  fc.assert(fc.property(documents, (list) => {
    const { pairs } = query(list);
    const gradients = list.map((_, i) => pairs[2 * i]!), total = gradients.reduce((sum, gradient) => sum + gradient, 0);
    assert.ok(Math.abs(total) < 1e-9);
    list.forEach((_, i) => assert.ok(pairs[2 * i + 1]! >= 0));
  }));
});

it("the best document is pulled up and the worst pushed down", () => {
  fc.assert(fc.property(documents, (list) => {
    const { pairs } = query(list);
    const labels = list.map((document) => document.label);
    list.forEach(({ label }, i) => {
      if (label === Math.max(...labels)) assert.ok(pairs[2 * i]! <= 0);
      if (label === Math.min(...labels)) assert.ok(pairs[2 * i]! >= 0);
    });
  }));
});

it("a query whose labels are all equal teaches nothing", () => {
  for (const label of [0, 3]) assert.ok(query([{ score: 1, label }, { score: 2, label }]).pairs.every((value) => value === 0));
});

it("ranks by descending score, ties in row order; the ideal DCG is that of sorted labels", () => {
  assert.deepEqual([...rankRows(Float64Array.of(9, 1, 3, 3, 2), 1, 5)], [2, 3, 4, 1]);
  assert.equal(idealDcg(Float64Array.of(0, 2, 1), 0, 3, 10), 3 + 1 / Math.log2(3));
  assert.equal(idealDcg(Float64Array.of(0, 2, 1), 0, 3, 1), 3);
});
