import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { evaluateMetric, isBetter } from "./metrics.ts";

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) <= 1e-12 * Math.max(1, Math.abs(expected)), `${actual} against ${expected}`);

describe("evaluateMetric", () => {
  it("auc is the weighted share of pairs in the right order, ties half", () => {
    const row = fc.record({ score: fc.integer({ min: -3, max: 3 }), label: fc.integer({ min: 0, max: 1 }), weight: fc.integer({ min: 0, max: 3 }) });
    fc.assert(fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
      let right = 0, all = 0;
      for (const p of rows) for (const n of rows) {
        if (p.label !== 1 || n.label !== 0) continue;
        all += p.weight * n.weight;
        right += p.weight * n.weight * (p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0);
      }
      const of = (key: keyof (typeof rows)[number]): Float64Array => Float64Array.from(rows, (one) => one[key]);
      near(evaluateMetric("auc", { scores: of("score"), outputs: 1, label: of("label"), weight: of("weight") }), all === 0 ? 0.5 : right / all);
    }));
  });

  it("logloss is that of the sigmoid, also for scores whose sigmoid rounds to 0 or 1", () => {
    near(evaluateMetric("logloss", { scores: Float64Array.of(0, 2), outputs: 1, label: Float64Array.of(1, 0) }), (Math.LN2 - Math.log(1 - 1 / (1 + Math.exp(-2)))) / 2);
    near(evaluateMetric("logloss", { scores: Float64Array.of(1000, -1000), outputs: 1, label: Float64Array.of(0, 1) }), 1000);
  });

  it("multi_logloss reads scores by output, then row", () => {
    const scores = Float64Array.of(1, 0, /* class 1 */ 2, 0, /* class 2 */ 3, 5000);
    const first = Math.log(Math.E + Math.E ** 2 + Math.E ** 3) - 2;
    near(evaluateMetric("multi_logloss", { scores, outputs: 3, label: Float64Array.of(1, 2) }), first / 2);
  });

  it("rmse weighs rows and skips those of weight 0", () => {
    near(evaluateMetric("rmse", { scores: Float64Array.of(1, 2, 9), outputs: 1, label: Float64Array.of(0, 0, NaN), weight: Float64Array.of(3, 1, 0) }), Math.sqrt(7 / 4));
  });

  it("ndcg@k by hand, with ties in row order and queries without relevance counted as 1", () => {
    const rows = { scores: Float64Array.of(3, 2, 1, 5, 5), outputs: 1, label: Float64Array.of(0, 1, 2, 0, 0), groups: Uint32Array.of(3, 2) };
    const dcg = 1 / Math.log2(3) + 3 / 2, ideal = 3 + 1 / Math.log2(3);
    near(evaluateMetric("ndcg@3", rows), (dcg / ideal + 1) / 2);
    near(evaluateMetric("ndcg@1", rows), 0.5);
  });

  it("knows which way is better", () => {
    assert.ok(isBetter("auc", 0.7, 0.6) && isBetter("ndcg@10", 0.7, 0.6) && isBetter("logloss", 0.5, 0.6) && isBetter("multi_logloss", 0.5, 0.6) && isBetter("rmse", 1, 2));
    assert.ok(!isBetter("auc", NaN, 0.5) && !isBetter("rmse", 2, 2));
  });
});
