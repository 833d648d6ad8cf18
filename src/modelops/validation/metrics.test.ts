/** Constants from scikit-learn 1.9.1: roc_auc_score, log_loss on the lists shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { compareAuc } from "./delong.ts";
import { accuracy, auc, calibrationError, logLoss, logLossOf, mae, rmse } from "./metrics.ts";

const SCORES = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2, 0.4];
const LABELS = [0, 0, 1, 1, 1, 1, 0, 0];

function assertClose(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test("classifier measures have scikit-learn's values", () => {
  assertClose(auc(SCORES, LABELS), 0.8125);
  assertClose(logLoss(SCORES, LABELS), 0.45559652973111076);
  assert.equal(accuracy(SCORES, LABELS), 0.75);
  assert.equal(accuracy(SCORES, LABELS, 0.4), 0.625);
});

test("the area under the curve equals counting all pairs, ties half", () => {
  const rows = fc.array(fc.tuple(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.double({ min: -1e3, max: 1e3, noNaN: true })), fc.constantFrom(0, 1)), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(rows, (pairs) => {
    const scores = pairs.map(([score]) => score);
    const labels = pairs.map(([, label]) => label);
    let wins = 0, count = 0;
    for (const [score, label] of pairs) for (const [other, otherLabel] of pairs) {
      if (label !== 1 || otherLabel !== 0) continue;
      count++;
      wins += score > other ? 1 : score === other ? 0.5 : 0;
    }
    if (count === 0) return assert.equal(auc(scores, labels), Number.NaN);
    assertClose(auc(scores, labels), wins / count);
    assertClose(auc(scores.map((score) => -score), labels), 1 - wins / count);
  }));
});

test("the log loss of a certain and wrong prediction is large but finite", () => {
  assertClose(logLossOf(0, 1), 36.04365338911715);
  assertClose(logLossOf(1, 0), 36.04365338911715);
  assert.ok(logLossOf(1, 1) < 1e-15);
});

test("regression measures are what they say", () => {
  assert.equal(rmse([1, 2, 3], [1, 4, 7]), Math.sqrt(20 / 3));
  assert.equal(mae([1, 2, 3], [1, 4, 7]), 2);
});

test("calibration error is zero for what happens as often as said, and the distance otherwise", () => {
  const probabilities = Array.from({ length: 100 }, (_, i) => (i < 50 ? 0.2 : 0.8));
  const labels = probabilities.map((probability, i) => Number(i % 10 < 10 * probability));
  for (const equal of ["width", "size"] as const) {
    assertClose(calibrationError(probabilities, labels, { equal, bins: 2 }), 0);
    assertClose(calibrationError(probabilities.map((probability) => probability + 0.1), labels, { equal, bins: 2 }), 0.1);
  }
  assertClose(calibrationError([1, 0], [1, 0]), 0);
});

test("broken input is refused, never scored", () => {
  const refuse = (run: () => unknown): void => assert.throws(run, { code: "STATISTICS_INPUT_INVALID" });
  refuse(() => auc([1, 2], [1]));
  refuse(() => auc([], []));
  refuse(() => auc([Number.NaN, 1], [0, 1]));
  refuse(() => logLoss([1.2, 0.5], [0, 1]));
  refuse(() => rmse([1], [Number.POSITIVE_INFINITY]));
  refuse(() => calibrationError([-0.1], [0]));
});

test("the comparison of areas has the value of DeLong's definition", () => {
  // numpy, from the matrix of all pairs: components v10, v01 of both models, var(ddof=1) of their differences
  const a = Array.from({ length: 90 }, (_, i) => ((37 * i) % 101) / 101 + (i % 3 === 0 ? 0.3 : 0));
  const b = Array.from({ length: 90 }, (_, i) => ((53 * i) % 97) / 97 + (i % 3 === 0 ? 0.15 : 0));
  const labels = Array.from({ length: 90 }, (_, i) => Number(i % 3 === 0));
  const { difference, low, high, excludesZero } = compareAuc(a, b, labels);
  assertClose(difference, auc(a, labels) - auc(b, labels));
  assertClose(difference, 0.1183333333333334);
  assertClose(low, -0.02495697986654924);
  assertClose(high, 0.261623646533216);
  assert.equal(excludesZero, false);
  assert.deepEqual([compareAuc(a, a, labels).difference, compareAuc(a, a, labels).high], [0, 0]);
  assert.throws(() => compareAuc([1, 2, 3], [1, 2, 3], [0, 0, 1]), { code: "STATISTICS_INPUT_INVALID" });
});

test("its interval covers a true difference of zero about as often as it says", () => {
  const random = createRandom("delong");
  let covered = 0;
  for (let round = 0; round < 300; round++) {
    const labels = Array.from({ length: 120 }, (_, i) => Number(i < 40));
    const truth = labels.map((label) => label + random.normal());
    const noisy = (): number[] => truth.map((value) => value + 0.7 * random.normal());
    const { low, high } = compareAuc(noisy(), noisy(), labels);
    if (low <= 0 && high >= 0) covered++;
  }
  assert.ok(covered >= 273 && covered <= 297, `${covered} of 300`);
});
