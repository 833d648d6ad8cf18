import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ExpiryQueue } from "./expiry-queue.ts";
import { createOutcomeJoiner } from "./outcome-joiner.ts";
import type { JoinedRow, Outcome, OutcomeJoiner, Prediction } from "./outcome-joiner.ts";

const WINDOW_MS = 1000;

function prediction(decisionId: string, timeMs: number, more: Partial<Prediction> = {}): Prediction {
  return { decisionId, timeMs, model: "ranker", version: 1, variant: "champion", score: 0.5, ...more };
}

function joiner(options: Partial<Parameters<typeof createOutcomeJoiner>[0]> = {}): OutcomeJoiner {
  return createOutcomeJoiner({ windowMs: WINDOW_MS, maximumPending: 1000, ...options });
}

function labels(rows: readonly JoinedRow[]): (readonly [string, number, string])[] {
  return rows.map(({ decisionId, value, source }) => [decisionId, value, source] as const);
}

test("an outcome joins its prediction, whichever comes first, and either only once", () => {
  const join = joiner();
  assert.deepEqual(join.addPrediction(prediction("a", 100)), { accepted: true, rows: [] });
  const step = join.addOutcome({ decisionId: "a", timeMs: 400, value: 2 });
  assert.deepEqual(step.rows, [{ ...prediction("a", 100), value: 2, source: "outcome", delayMs: 300 }]);
  assert.deepEqual(join.addOutcome({ decisionId: "b", timeMs: 500, value: 1 }), { accepted: true, rows: [] });
  assert.deepEqual(labels(join.addPrediction(prediction("b", 450)).rows), [["b", 1, "outcome"]]);
  for (const again of [join.addOutcome({ decisionId: "a", timeMs: 401, value: 9 }), join.addPrediction(prediction("a", 100)), join.addPrediction(prediction("b", 450))]) {
    assert.deepEqual(again, { accepted: false, rows: [] });
  }
  assert.deepEqual({ ...join.counts() }, { ...join.counts(), predictions: 2, joined: 2, duplicates: 3 });
});

test("a prediction without an outcome becomes a negative when its window and the lateness have passed", () => {
  const join = joiner({ latenessMs: 200 });
  join.addPrediction(prediction("a", 100));
  assert.deepEqual(join.advance(1299), []);
  assert.deepEqual(join.advance(1300), [{ ...prediction("a", 100), value: 0, source: "absence", delayMs: WINDOW_MS }]);
  assert.deepEqual(join.advance(1_000_000), []);
  assert.equal(join.pending(), 0);
});

test("without implicit feedback it is closed unlabelled", () => {
  const join = joiner({ absence: "unlabelled" });
  join.addPrediction(prediction("a", 100));
  assert.deepEqual(join.advance(5000), []);
  assert.deepEqual([join.counts().unlabelled, join.counts().absences, join.pending()], [1, 0, 0]);
});

test("an outcome after the label window does not count, but one dated before its prediction does", () => {
  const join = joiner({ latenessMs: 500 });
  join.addPrediction(prediction("late", 100));
  join.addPrediction(prediction("skewed", 100));
  assert.equal(join.addOutcome({ decisionId: "late", timeMs: 1101, value: 1 }).accepted, false);
  assert.equal(join.addOutcome({ decisionId: "skewed", timeMs: 90, value: 1 }).rows[0]!.delayMs, 0);
  assert.deepEqual(labels(join.advance(1600)), [["late", 0, "absence"]]);
  assert.equal(join.counts().lateOutcomes, 1);
});

test("a waiting outcome that turns out too late leaves its prediction open", () => {
  const join = joiner();
  join.addOutcome({ decisionId: "a", timeMs: 5000, value: 1 });
  assert.deepEqual(join.addPrediction(prediction("a", 100)), { accepted: true, rows: [] });
  assert.deepEqual(labels(join.advance(1100)), [["a", 0, "absence"]]);
  assert.equal(join.counts().lateOutcomes, 1);
});

test("what comes back after it was closed is refused, so that a replay labels nothing twice", () => {
  const join = joiner();
  join.addPrediction(prediction("a", 100));
  join.addPrediction(prediction("b", 100));
  join.addOutcome({ decisionId: "b", timeMs: 200, value: 1 });
  join.advance(2000);
  for (const id of ["a", "b"]) assert.equal(join.addPrediction(prediction(id, 100)).accepted, false);
  assert.equal(join.addOutcome({ decisionId: "b", timeMs: 200, value: 1 }).accepted, false);
  assert.deepEqual([join.counts().latePredictions, join.counts().orphanOutcomes, join.pending()], [2, 1, 0]);
});

test("items of one decision are labelled apart, and ids cannot be confused with items", () => {
  const join = joiner();
  join.addPrediction(prediction("d", 0, { item: "x", score: 0.9 }));
  join.addPrediction(prediction("d", 0, { item: "y", score: 0.1 }));
  join.addPrediction(prediction("d:x", 0));
  assert.deepEqual(join.addOutcome({ decisionId: "d", item: "y", timeMs: 10, value: 1 }).rows.map(({ item, score }) => [item, score]), [["y", 0.1]]);
  assert.deepEqual(join.advance(2000).map(({ decisionId, item }) => `${decisionId} ${item}`).toSorted(compareText), ["d x", "d:x undefined"]);
});

test("memory is bounded: the oldest gives way, is counted, and is never labelled", () => {
  const join = joiner({ maximumPending: 10 });
  for (let i = 0; i < 25; i++) join.addPrediction(prediction(`p${i}`, i));
  assert.deepEqual([join.pending(), join.counts().evicted], [10, 15]);
  assert.equal(join.addPrediction(prediction("p3", 3)).accepted, false);
  assert.equal(join.advance(1_000_000).length, 10);
});

test("made-up outcomes cannot push predictions out", () => {
  const join = joiner({ maximumPending: 100 });
  for (let i = 0; i < 50; i++) join.addPrediction(prediction(`p${i}`, i));
  for (let i = 0; i < 500; i++) join.addOutcome({ decisionId: `forged${i}`, timeMs: 1e12, value: 1 });
  assert.deepEqual([join.pending(), join.counts().evicted, join.counts().orphanOutcomes], [100, 0, 450]);
});

test("numbers that are none are refused with the decision's name", () => {
  assert.throws(() => joiner().addPrediction(prediction("a", 0, { score: Number.NaN })), { code: "STATISTICS_INPUT_INVALID" });
  assert.throws(() => joiner().addOutcome({ decisionId: "a", timeMs: Infinity, value: 1 }), { code: "STATISTICS_INPUT_INVALID" });
});

type Input = { readonly kind: "prediction"; readonly id: number; readonly timeMs: number } | { readonly kind: "outcome"; readonly id: number; readonly delayMs: number } | { readonly kind: "advance"; readonly byMs: number };

const inputs = fc.array(fc.oneof(
  fc.record({ kind: fc.constant("prediction" as const), id: fc.nat(12), timeMs: fc.nat(3000) }),
  fc.record({ kind: fc.constant("outcome" as const), id: fc.nat(12), delayMs: fc.nat(1500) }),
  fc.record({ kind: fc.constant("advance" as const), byMs: fc.nat(400) }),
), { maxLength: 80 });

/** Feeds the inputs; a decision's time is the one of its first prediction, as ids are made once. */
function feed(join: OutcomeJoiner, sequence: readonly Input[], times: Map<number, number>, clock: { nowMs: number }): JoinedRow[] {
  return sequence.flatMap((input): readonly JoinedRow[] => {
    if (input.kind === "advance") return join.advance((clock.nowMs += input.byMs));
    if (!times.has(input.id)) times.set(input.id, input.kind === "prediction" ? input.timeMs : clock.nowMs);
    const timeMs = times.get(input.id)!;
    if (input.kind === "prediction") return join.addPrediction(prediction(String(input.id), timeMs)).rows;
    const outcome: Outcome = { decisionId: String(input.id), timeMs: timeMs + input.delayMs, value: 1 };
    return join.addOutcome(outcome).rows;
  });
}

test("each decision is labelled at most once, all accepted ones exactly once in the end, and duplicates change nothing", () => {
  fc.assert(fc.property(inputs, (sequence) => {
    const join = joiner();
    const clock = { nowMs: 0 };
    const rows = [...feed(join, sequence, new Map(), clock), ...join.advance(1e9)];
    assert.equal(new Set(rows.map(({ decisionId }) => decisionId)).size, rows.length);
    const counts = join.counts();
    assert.equal(rows.length, counts.predictions);
    assert.deepEqual([counts.joined + counts.absences, join.pending()], [rows.length, 0]);
    const doubled = joiner();
    const again = feed(doubled, sequence.flatMap((input): Input[] => (input.kind === "advance" ? [input] : [input, input])), new Map(), { nowMs: 0 });
    assert.deepEqual([...again, ...doubled.advance(1e9)].toSorted(byDecision), rows.toSorted(byDecision));
  }), { numRuns: 300 });
});

test("stopping anywhere, saving as JSON and going on gives the same rows", () => {
  fc.assert(fc.property(inputs, fc.nat(80), (sequence, cut) => {
    const whole = joiner();
    const expected = [...feed(whole, sequence, new Map(), { nowMs: 0 }), ...whole.advance(1e9)];
    const times = new Map<number, number>();
    const clock = { nowMs: 0 };
    const first = joiner();
    const before = feed(first, sequence.slice(0, cut), times, clock);
    const second = createOutcomeJoiner({ windowMs: WINDOW_MS, maximumPending: 1000 }, JSON.parse(JSON.stringify(first.state())));
    const after = [...feed(second, sequence.slice(cut), times, clock), ...second.advance(1e9)];
    assert.deepEqual([...before, ...after].toSorted(byDecision), expected.toSorted(byDecision));
    assert.deepEqual(second.counts(), whole.counts());
  }));
});

function byDecision(a: JoinedRow, b: JoinedRow): number {
  return compareText(a.decisionId, b.decisionId);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

test("the expiry queue gives times in order", () => {
  fc.assert(fc.property(fc.array(fc.nat(50)), (times) => {
    const queue = new ExpiryQueue();
    for (const timeMs of times) queue.push({ timeMs, key: String(timeMs) });
    const popped: number[] = [];
    for (let next = queue.pop(); next; next = queue.pop()) popped.push(next.timeMs);
    assert.deepEqual(popped, times.toSorted((a, b) => a - b));
  }));
});
