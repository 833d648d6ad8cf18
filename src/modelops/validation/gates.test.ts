import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { evaluateGates, gatesPassed } from "./gates.ts";
import type { Gate, GateEvidence, GateVerdict, ModelEvidence } from "./gates.ts";

const random = createRandom("gates");
const champion = Array.from({ length: 200 }, () => 0.3 + 0.2 * random.next());
const better = champion.map((value) => value + 0.05 * random.next());
const worse = champion.map((value) => value - 0.05 * random.next());
const similar = champion.map((value) => value + 0.05 * (random.next() - 0.5));

function evaluate(gate: Gate, challenger: ModelEvidence, others: Partial<GateEvidence> = {}): GateVerdict {
  const evidence = { challenger, champion: { ndcg: champion }, baselines: { popular: { ndcg: champion } }, ...others };
  const verdicts = evaluateGates([gate], evidence, { random: createRandom(5), resamples: 500 });
  assert.equal(verdicts.length, 1);
  return verdicts[0]!;
}

test("bounds hold the mean of the samples, the end included", () => {
  const verdict = evaluate({ metric: "ndcg", min: 0.5 }, { ndcg: [0.4, 0.6] });
  assert.deepEqual(verdict, { gate: { metric: "ndcg", min: 0.5 }, condition: "min", passed: true, value: 0.5, threshold: 0.5, reason: "ndcg of 0.5 reaches 0.5." });
  assert.equal(evaluate({ metric: "ndcg", min: 0.51 }, { ndcg: [0.4, 0.6] }).reason, "ndcg of 0.5 is below 0.51.");
  assert.equal(evaluate({ metric: "p99_ms", max: 50 }, { p99_ms: 50 }).passed, true);
  assert.equal(evaluate({ metric: "p99_ms", max: 50 }, { p99_ms: 51 }).passed, false);
  assert.equal(evaluate({ metric: "auc", min: 0.8 }, { auc: { scores: [0.1, 0.4, 0.35, 0.8], labels: [0, 0, 1, 1] } }).value, 0.75);
});

test("against the champion: worse fails, similar passes unless proof is asked, better passes", () => {
  const against = (gate: Partial<Gate>, ndcg: readonly number[]): boolean => evaluate({ metric: "ndcg", beatsChampion: true, ...gate }, { ndcg }).passed;
  assert.deepEqual([against({}, worse), against({}, similar), against({}, better)], [false, true, true]);
  assert.deepEqual([against({ strict: true }, similar), against({ strict: true }, better)], [false, true]);
  assert.deepEqual([against({ margin: 0.01 }, worse), against({ margin: 0.01 }, similar), against({ margin: 0.1 }, worse)], [false, true, true]);
  assert.equal(against({ strict: true }, champion), false);
});

test("for losses the sign turns", () => {
  const verdict = evaluate({ metric: "ndcg", beatsChampion: true, strict: true, lowerIsBetter: true }, { ndcg: worse });
  assert.ok(verdict.passed && verdict.value! > 0 && verdict.interval!.low > 0 && verdict.interval!.low <= verdict.value! && verdict.value! <= verdict.interval!.high);
  assert.equal(evaluate({ metric: "ndcg", beatsChampion: true, lowerIsBetter: true }, { ndcg: better }).passed, false);
});

test("a baseline must be beaten for certain", () => {
  assert.deepEqual([better, similar, worse].map((ndcg) => evaluate({ metric: "ndcg", beatsBaseline: "popular" }, { ndcg }).passed), [true, false, false]);
  assert.match(evaluate({ metric: "ndcg", beatsBaseline: "random" }, { ndcg: better }).reason, /Baseline "random" was not measured; measured: popular\./);
});

test("areas under the curve are compared on the same rows", () => {
  const labels = Array.from({ length: 400 }, (_, i) => i % 2);
  const strong = labels.map((label) => label + random.normal() * 0.5);
  const weak = labels.map((label) => label + random.normal() * 2);
  const against = (scores: readonly number[], other: readonly number[], otherLabels = labels): GateVerdict =>
    evaluate({ metric: "auc", beatsChampion: true, strict: true }, { auc: { scores, labels } }, { champion: { auc: { scores: other, labels: otherLabels } } });
  assert.deepEqual([against(strong, weak).passed, against(weak, strong).passed, against(strong, strong).passed], [true, false, false]);
  assert.equal(against(strong, weak).interval!.method, "delong");
  assert.match(against(strong, weak, labels.toReversed()).reason, /measured on different rows/);
});

test("a first version has no champion to beat, and says so", () => {
  const verdict = evaluate({ metric: "ndcg", beatsChampion: true }, { ndcg: better }, { champion: null });
  assert.deepEqual([verdict.passed, verdict.reason], [true, "There is no champion yet, so there is none to beat."]);
});

test("what is missing, broken or not comparable fails with its reason", () => {
  const reasons: readonly (readonly [Gate, ModelEvidence, RegExp, Partial<GateEvidence>?])[] = [
    [{ metric: "ndcg", min: 0 }, {}, /^Ndcg of the challenger was not measured; measured: nothing\.$/],
    [{ metric: "ndcg", min: 0 }, { ndcg: [0.5, Number.NaN] }, /^Ndcg of the challenger holds 1 value\(s\) that are not finite numbers\.$/],
    [{ metric: "ndcg", min: 0 }, { ndcg: Number.NaN }, /not finite/],
    [{ metric: "ndcg", min: 0 }, { ndcg: [] }, /has no values/],
    [{ metric: "toString", min: 0 }, { ndcg: 1 }, /was not measured/],
    [{ metric: "ndcg", min: Number.NaN }, { ndcg: 1 }, /ndcg of 1 is below NaN/],
    [{ metric: "auc", min: 0.5 }, { auc: { scores: [1, 2], labels: [1, 1] } }, /one class only/],
    [{ metric: "auc", min: 0.5 }, { auc: { scores: [1, 2], labels: [1] } }, /2 predictions and 1 labels/],
    [{ metric: "ndcg" }, { ndcg: 1 }, /declares nothing to check/],
    [{ metric: "ndcg", beatsChampion: true }, { ndcg: 0.9 }, /a single figure has no interval/],
    [{ metric: "ndcg", beatsChampion: true }, { ndcg: better.slice(1) }, /199 and 200 values, which cannot be paired/],
    [{ metric: "ndcg", beatsChampion: true }, { ndcg: better.slice(0, 5) }, /5 samples are too few; at least 20 are needed/],
    [{ metric: "ndcg", beatsChampion: true }, { ndcg: better }, /Ndcg of the champion was not measured/, { champion: {} }],
    [{ metric: "ndcg", beatsChampion: true }, { ndcg: better }, /Ndcg of the champion holds 200 value/, { champion: { ndcg: champion.map(() => Number.NaN) } }],
    [{ metric: "ndcg", beatsChampion: true, margin: Number.NaN }, { ndcg: better }, /failed\.$/],
  ];
  for (const [gate, challenger, reason, others] of reasons) {
    const verdict = evaluate(gate, challenger, others);
    assert.equal(verdict.passed, false, verdict.reason);
    assert.match(verdict.reason, reason);
  }
});

test("each condition of a gate has its own verdict, and all must pass", () => {
  const evidence = { challenger: { ndcg: better, p99_ms: 80 }, champion: { ndcg: champion }, baselines: { popular: { ndcg: champion } } };
  const gates = [{ metric: "ndcg", min: 0.1, max: 1, beatsChampion: true, beatsBaseline: "popular" }, { metric: "p99_ms", max: 50 }];
  const verdicts = evaluateGates(gates, evidence, { random: createRandom(1), resamples: 300 });
  assert.deepEqual(verdicts.map(({ condition, passed }) => [condition, passed]), [["min", true], ["max", true], ["beatsChampion", true], ["beatsBaseline", true], ["max", false]]);
  assert.deepEqual([gatesPassed(verdicts), gatesPassed(verdicts.slice(0, 4)), gatesPassed([])], [false, true, false]);
});

test("nothing that is not a number ever passes", () => {
  const broken = fc.constantFrom(Number.NaN, Infinity, -Infinity);
  const gate = fc.constantFrom<Gate>({ metric: "m", min: -1e9 }, { metric: "m", max: 1e9 }, { metric: "m", beatsChampion: true }, { metric: "m", beatsBaseline: "b" });
  fc.assert(fc.property(gate, broken, fc.nat(39), (declared, value, place) => {
    const fine = Array.from({ length: 40 }, (_, i) => 1 + i / 40);
    const zeros = fine.map(() => 0);
    const evidence = { challenger: { m: fine.with(place, value) }, champion: { m: zeros }, baselines: { b: { m: zeros } } };
    assert.equal(gatesPassed(evaluateGates([declared], evidence, { random: createRandom(1), resamples: 50 })), false);
  }));
});
