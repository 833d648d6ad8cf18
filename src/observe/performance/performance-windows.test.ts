import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { aucInterval, wilsonInterval } from "./intervals.ts";
import type { JoinedRow } from "./outcome-joiner.ts";
import { createPerformanceWindows } from "./performance-windows.ts";
import type { PerformanceWindows } from "./performance-windows.ts";
import { ScoreBins } from "./score-bins.ts";

const Z95 = 1.959963984540054;

function row(score: number, value: number, more: Partial<JoinedRow> = {}): JoinedRow {
  return { decisionId: "d", timeMs: 0, model: "m", version: 1, variant: "champion", score, value, source: "outcome", delayMs: 10, ...more };
}

function windowsOf(rows: readonly JoinedRow[]): PerformanceWindows {
  const windows = createPerformanceWindows({ windowMs: 1000 });
  for (const item of rows) {
    windows.addPrediction(item);
    windows.addRow(item);
  }
  return windows;
}

function assertClose(actual: number | null, expected: number, tolerance = 1e-12): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test("a window has the metrics of its rows", () => {
  // scikit-learn 1.9.1: roc_auc_score(l, s), log_loss(l, s) for l and s as below
  const scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2, 0.4];
  const labels = [0, 0, 1, 1, 1, 1, 0, 0];
  const [window] = windowsOf(scores.map((score, i) => row(score, labels[i]!))).report();
  assertClose(window!.auc, 0.8125);
  assertClose(window!.logLoss, 0.45559652973111076);
  assert.deepEqual([window!.rate, window!.meanReward, window!.completeness, window!.labelled, window!.meanDelayMs], [0.5, 0.5, 1, 8, 10]);
  assert.deepEqual(window!.calibration!.map(({ rows, rate }) => [rows, rate]), [[1, 0], [1, 0], [1, 1], [3, 1 / 3], [1, 1], [1, 1]]);
  assertClose(window!.calibrationError, (0.1 + 0.2 + 0.65 + 3 * (0.4 - 1 / 3) + 0.2 + 0.1) / 8);
});

test("late labels complete the window of their prediction, not the present one", () => {
  const windows = createPerformanceWindows({ windowMs: 1000 });
  for (let i = 0; i < 10; i++) windows.addPrediction(row(0.5, 0, { timeMs: i * 200 }));
  windows.addRow(row(0.5, 1, { timeMs: 200 }));
  windows.addRow(row(0.5, 0, { timeMs: 1400, source: "absence", delayMs: 1000 }));
  windows.addRow(row(0.5, 0, { timeMs: 400, source: "absence", delayMs: 1000 }));
  assert.deepEqual(windows.report().map(({ startMs, predictions, labelled, completeness, rate, meanDelayMs }) => [startMs, predictions, labelled, completeness, rate, meanDelayMs]), [
    [0, 5, 2, 0.4, 0.5, 10], [1000, 5, 1, 0.2, 0, null],
  ]);
});

test("models, versions and variants are kept apart, and old windows make room", () => {
  const windows = createPerformanceWindows({ windowMs: 1000, maximumWindows: 3 });
  for (const variant of ["champion", "canary"]) for (let hour = 0; hour < 5; hour++) windows.addPrediction(row(0, 0, { variant, timeMs: hour * 1000 }));
  windows.addPrediction(row(0, 0, { variant: "canary", timeMs: 0 })); // older than all that is kept
  assert.deepEqual(windows.report().map(({ variant, startMs }) => `${variant} ${startMs}`), ["canary 2000", "champion 2000", "canary 3000", "champion 3000", "canary 4000", "champion 4000"]);
});

test("what is not defined is null: no rows, one class, scores that are no probabilities", () => {
  const windows = createPerformanceWindows({ windowMs: 1000 });
  windows.addPrediction(row(0.5, 1));
  const empty = windows.report()[0]!;
  assert.deepEqual([empty.rate, empty.auc, empty.logLoss, empty.calibrationError, empty.meanReward, empty.completeness], [null, null, null, null, null, 0]);
  const [margins] = windowsOf([row(3.5, 1), row(-2, 0), row(0.2, 0)]).report();
  assert.deepEqual([margins!.auc, margins!.logLoss, margins!.calibration], [1, null, null]);
  assert.equal(windowsOf([row(0.4, 1), row(0.3, 1)]).report()[0]!.auc, null);
});

test("the area from bins is within 0.001 of brute force, and exact when scores are far apart", () => {
  const random = createRandom("bins");
  const rows = Array.from({ length: 1500 }, () => {
    const positive = random.next() < 0.3;
    return { score: 1 / (1 + Math.exp(-(random.normal() + (positive ? 1 : 0)))), positive };
  });
  const bins = new ScoreBins();
  for (const { score, positive } of rows) bins.add(score, positive);
  assertClose(bins.areaUnderCurve()!, bruteForceArea(rows), 0.001);
  fc.assert(fc.property(fc.array(fc.record({ score: fc.integer({ min: -20, max: 20 }), positive: fc.boolean() })), (few) => {
    const exact = new ScoreBins();
    for (const { score, positive } of few) exact.add(score, positive);
    const expected = bruteForceArea(few);
    if (Number.isNaN(expected)) assert.equal(exact.areaUnderCurve(), undefined);
    else assertClose(exact.areaUnderCurve()!, expected);
  }));
});

function bruteForceArea(rows: readonly { readonly score: number; readonly positive: boolean }[]): number {
  const positives = rows.filter(({ positive }) => positive);
  const negatives = rows.filter(({ positive }) => !positive);
  let wins = 0;
  for (const { score } of positives) for (const other of negatives) wins += score > other.score ? 1 : score === other.score ? 0.5 : 0;
  return wins / (positives.length * negatives.length);
}

test("the state survives JSON and goes on counting", () => {
  const rows = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 2 }), fc.nat(5000)), { maxLength: 40 });
  fc.assert(fc.property(rows, fc.nat(40), (items, cut) => {
    const all = items.map(([score, value, timeMs]) => row(score, value, { timeMs }));
    const first = windowsOf(all.slice(0, cut));
    const second = createPerformanceWindows({ windowMs: 1000 }, JSON.parse(JSON.stringify(first.state())));
    for (const item of all.slice(cut)) {
      second.addPrediction(item);
      second.addRow(item);
    }
    assert.deepEqual(second.report(), windowsOf(all).report());
  }), { numRuns: 50 });
});

test("intervals have their reference values and cover the truth as often as they say", () => {
  // scipy 1.17.1: binomtest(7, 50).proportion_ci(0.95, method="wilson")
  const wilson = wilsonInterval(7, 50, Z95);
  assertClose(wilson.low, 0.06950833427016292);
  assertClose(wilson.high, 0.26186193710585537);
  const area = aucInterval(0.76, 100, 200, Z95); // Hanley & McNeil's formula, computed apart
  assertClose(area.low, 0.699033804086123);
  assertClose(area.high, 0.820966195913877);
  const random = createRandom("coverage");
  let covered = 0;
  for (let round = 0; round < 400; round++) {
    const bins = new ScoreBins();
    for (let i = 0; i < 300; i++) bins.add(random.normal() + (i < 100 ? 1 : 0), i < 100);
    const { low, high } = aucInterval(bins.areaUnderCurve()!, 100, 200, Z95);
    if (low <= 0.7602499389065233 && 0.7602499389065233 <= high) covered++; // Φ(1/√2)
  }
  assert.ok(covered >= 370 && covered <= 395, `${covered} of 400 intervals cover the true area`);
});
