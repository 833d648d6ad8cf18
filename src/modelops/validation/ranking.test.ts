import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { evaluateRanking, meanAveragePrecision, ndcgAt, precisionAt, recallAt } from "./ranking.ts";
import type { RankingGroup } from "./ranking.ts";

function assertClose(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test("measures have scikit-learn's values", () => {
  // scikit-learn 1.9.1: ndcg_score([[2**r - 1 for r in relevance]], [scores], k=4) and without k (it averages ties too);
  // average_precision_score([1, 0, 1, 1, 0, 0, 1], [.9, .8, .7, .6, .5, .4, .3])
  const group = { scores: [0.9, 0.5, 0.8, 0.5, 0.1, 0.5], relevance: [3, 2, 0, 1, 0, 2] };
  assertClose(ndcgAt(group, 4), 0.8473790917863134);
  assertClose(ndcgAt(group, 100), 0.9307771978390961);
  assertClose(meanAveragePrecision([{ scores: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], relevance: [1, 0, 1, 1, 0, 0, 1] }]), 0.7470238095238095);
});

test("recall and precision count relevant items within the first k", () => {
  const group = { scores: [5, 4, 3, 2, 1], relevance: [1, 0, 1, 0, 1], totalRelevant: 6 };
  assert.deepEqual([recallAt(group, 3), precisionAt(group, 3), recallAt(group, 10), precisionAt(group, 10)], [2 / 6, 2 / 3, 3 / 6, 0.3]);
});

test("relevant items that were not candidates make the ideal harder", () => {
  const group = { scores: [2, 1], relevance: [1, 0] };
  assert.equal(ndcgAt(group, 2), 1);
  assertClose(ndcgAt({ ...group, totalRelevant: 2 }, 2), 1 / (1 + 1 / Math.log2(3)));
});

const tiedGroup = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 6 })
  .map((items): RankingGroup => ({ scores: items.map(([score]) => score), relevance: items.map(([, relevance]) => relevance) }))
  .filter(({ relevance }) => Array.from(relevance).some((grade) => grade > 0));

function* permutations(items: readonly number[]): Generator<readonly number[]> {
  if (items.length <= 1) yield items;
  for (const [i, first] of items.entries()) for (const rest of permutations(items.toSpliced(i, 1))) yield [first, ...rest];
}

test("with ties, each measure is its mean over all orders of the tied items", () => {
  fc.assert(fc.property(tiedGroup, fc.integer({ min: 1, max: 7 }), (group, k) => {
    const size = group.scores.length;
    const orders = [...permutations(Array.from({ length: size }, (_, i) => i))].filter((order) => order.every((item, i) => i === 0 || group.scores[order[i - 1]!]! >= group.scores[item]!));
    const strict = orders.map((order): RankingGroup => ({ scores: order.map((_, place) => -place), relevance: order.map((item) => group.relevance[item]!) }));
    const meanOver = (measure: (one: RankingGroup) => number): number => strict.reduce((sum, one) => sum + measure(one), 0) / strict.length;
    assertClose(ndcgAt(group, k), meanOver((one) => ndcgAt(one, k)), 1e-9);
    assertClose(recallAt(group, k), meanOver((one) => recallAt(one, k)), 1e-9);
    assertClose(precisionAt(group, k), meanOver((one) => precisionAt(one, k)), 1e-9);
    assertClose(meanAveragePrecision([group], k), meanOver((one) => meanAveragePrecision([one], k)), 1e-9);
  }), { numRuns: 60 });
});

test("measures lie in [0, 1], and ordering by relevance is perfect", () => {
  fc.assert(fc.property(tiedGroup, fc.integer({ min: 1, max: 7 }), (group, k) => {
    const evaluation = evaluateRanking([group], k);
    for (const value of [evaluation.ndcg, evaluation.recall, evaluation.precision, evaluation.meanAveragePrecision]) assert.ok(value >= 0 && value <= 1 + 1e-12);
    const perfect = evaluateRanking([{ scores: group.relevance, relevance: group.relevance }], k);
    assertClose(perfect.ndcg, 1);
    assertClose(perfect.meanAveragePrecision, 1);
  }));
});

test("a model that scores everything alike gains nothing from the order of its candidates", () => {
  const constant = { scores: [1, 1, 1, 1], relevance: [1, 0, 0, 0] };
  assert.equal(precisionAt(constant, 1), 0.25);
  assert.equal(ndcgAt(constant, 1), 0.25);
});

test("groups are averaged, and those without a relevant item are left out and counted", () => {
  const evaluation = evaluateRanking([
    { scores: [2, 1], relevance: [1, 0] }, { scores: [2, 1], relevance: [0, 0] }, { scores: [2, 1], relevance: [0, 1] }, { scores: [], relevance: [], totalRelevant: 1 },
  ], 1);
  assert.deepEqual([evaluation.groups, evaluation.skippedGroups, evaluation.perGroup.ndcg, evaluation.recall], [3, 1, [1, 0, 0], 1 / 3]);
  assert.equal(evaluateRanking([], 5).ndcg, Number.NaN);
});

test("broken groups are refused", () => {
  assert.throws(() => ndcgAt({ scores: [1, Number.NaN], relevance: [1, 0] }, 2), { code: "STATISTICS_INPUT_INVALID" });
  assert.throws(() => ndcgAt({ scores: [1], relevance: [1, 0] }, 2), { code: "STATISTICS_INPUT_INVALID" });
  assert.throws(() => ndcgAt({ scores: [1], relevance: [-1] }, 2), { code: "STATISTICS_INPUT_INVALID" });
});
