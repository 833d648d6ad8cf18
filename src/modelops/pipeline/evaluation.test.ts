import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { evaluateScores, figureOf, metricsFor } from "./evaluation.ts";
import type { HeldOutRows } from "./evaluation.ts";
import { judgeGates } from "./gate-evaluation.ts";
import { qualityTable } from "./quality-table.ts";

const figures = (rows: HeldOutRows, scores: readonly number[], metrics: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(evaluateScores(rows, Float64Array.from(scores), metrics)).map(([metric, evidence]) => [metric, Math.round(figureOf(evidence) * 1e6) / 1e6]));

test("each objective has its standard metrics, and those its gates ask for, once", () => {
  assert.deepEqual(metricsFor("lambdarank", ["ndcg@5", "ndcg@10"]), ["ndcg@10", "recall@20", "ndcg@5"]);
  assert.deepEqual(metricsFor("binary", []), ["auc", "logloss"]);
  assert.deepEqual(metricsFor("regression", ["rmse"]), ["rmse", "mae"]);
  assert.deepEqual(metricsFor("multiclass", []), ["accuracy", "logloss"]);
});

test("regression, by hand", () => {
  const rows: HeldOutRows = { objective: "regression", label: Float64Array.of(1, 2, 3, 4) };
  assert.deepEqual(figures(rows, [1, 2, 3, 8], ["rmse", "mae", "nothing"]), { rmse: 2, mae: 1, nothing: Number.NaN });
});

test("binary, by hand: three of four pairs in order", () => {
  const rows: HeldOutRows = { objective: "binary", label: Float64Array.of(0, 1, 0, 1) };
  assert.deepEqual(figures(rows, [0.2, 0.8, 0.4, 0.3], ["auc", "logloss", "accuracy"]), {
    auc: 0.75, logloss: Math.round((-(Math.log(0.8) + Math.log(0.8) + Math.log(0.6) + Math.log(0.3)) / 4) * 1e6) / 1e6, accuracy: 0.75,
  });
});

test("classes, by hand", () => {
  const rows: HeldOutRows = { objective: "multiclass", label: Float64Array.of(0, 2, 1) };
  const scores = [0.7, 0.2, 0.1, 0.1, 0.3, 0.6, 0.5, 0.4, 0.1];
  assert.deepEqual(figures(rows, scores, ["accuracy", "logloss"]), { accuracy: 0.666667, logloss: Math.round((-(Math.log(0.7) + Math.log(0.6) + Math.log(0.4)) / 3) * 1e6) / 1e6 });
});

test("a class that an earlier version did not know has no probability of its own, and not that of the next row", () => {
  const rows: HeldOutRows = { objective: "multiclass", label: Float64Array.of(2, 0) };
  const { logloss } = figures(rows, [0.5, 0.5, 0.99, 0.01], ["logloss"]);
  assert.ok(logloss! > 5, `a log loss of ${logloss} for a class it never heard of`);
});

test("ranking, by hand: one query ideal, one with its relevant item second and another not among the candidates", () => {
  const rows: HeldOutRows = { objective: "lambdarank", label: Float64Array.of(1, 0, 0, 1, 0), groupSizes: Uint32Array.of(2, 3), totalRelevant: Float64Array.of(1, 2) };
  const second = 1 / Math.log2(3);
  const { "ndcg@10": ndcg, "recall@1": recall, "recall@20": recall20 } = figures(rows, [2, 1, 3, 2, 1], ["ndcg@10", "recall@1", "recall@20"]);
  const ideal = 1 + second; // two relevant items exist for the second query
  assert.ok([Math.round(((1 + second) / 2) * 1e6) / 1e6, Math.round(((1 + second / ideal) / 2) * 1e6) / 1e6].includes(ndcg!), `ndcg ${ndcg}`);
  assert.deepEqual([recall, recall20], [0.5, 0.75]);
});

test("labels of one class have no area under a curve: the figure is not a number, and its gate fails and says so", () => {
  const rows: HeldOutRows = { objective: "binary", label: Float64Array.of(0, 0, 0) };
  const evidence = { challenger: evaluateScores(rows, Float64Array.of(0.1, 0.2, 0.3), ["auc"]), champion: null, baselines: {} };
  assert.ok(Number.isNaN(figureOf(evidence.challenger["auc"]!)));
  const [verdict] = judgeGates([{ metric: "auc", min: 0.1 }], evidence, createRandom(1));
  assert.equal(verdict?.passed, false);
  assert.equal(qualityTable(evidence, createRandom(1)).length, 1);
});

test("the best baseline is the strongest one: the highest for gains, the lowest for losses", () => {
  const values = (mean: number): Float64Array => Float64Array.from({ length: 200 }, (_, at) => mean + 0.001 * ((at % 7) - 3));
  const judge = (metric: "ndcg@10" | "mae", own: number) => {
    const baselines = { weak: { [metric]: values(0.2) }, strong: { [metric]: values(0.6) } };
    return judgeGates([{ metric, beatsBaseline: "best" }], { challenger: { [metric]: values(own) }, champion: null, baselines }, createRandom(1))[0]!;
  };
  assert.deepEqual([judge("ndcg@10", 0.4).passed, judge("ndcg@10", 0.7).passed], [false, true]);
  assert.match(judge("ndcg@10", 0.4).reason, /"strong"/);
  assert.deepEqual([judge("mae", 0.4).passed, judge("mae", 0.1).passed], [false, true]);
  assert.match(judge("mae", 0.4).reason, /"weak"/);
});

test("no gate passes nothing, and a baseline that is not there fails", () => {
  assert.deepEqual(judgeGates([], { challenger: {}, champion: null, baselines: {} }, createRandom(1)), []);
  assert.equal(judgeGates([{ metric: "mae", beatsBaseline: "best" }], { challenger: { mae: [1, 2] }, champion: null, baselines: {} }, createRandom(1))[0]?.passed, false);
});

test("the quality table's leads are the differences of its values, inside their intervals", () => {
  const value = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
  fc.assert(fc.property(fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 40 }), (pairs) => {
    const evidence = { challenger: { "ndcg@10": pairs.map(([own]) => own) }, champion: { "ndcg@10": pairs.map(([, other]) => other) }, baselines: {} };
    const [own, champion] = qualityTable(evidence, createRandom("table"));
    assert.deepEqual([own?.name, champion?.name, own?.lead], ["this version", "champion", undefined]);
    const lead = champion!.lead!;
    assert.ok(Math.abs(lead.difference - (own!.value - champion!.value)) < 1e-9);
    assert.ok(lead.low <= lead.difference + 1e-9 && lead.difference <= lead.high + 1e-9);
    assert.ok(own!.low! <= own!.value + 1e-9 && own!.value <= own!.high! + 1e-9);
  }), { numRuns: 20 });
});
