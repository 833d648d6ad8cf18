/** Dividing traffic: the choice, the moves, the judge and the comparison of answers, by example and by law. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import type { Datatype, Tensor, TensorData } from "../../kernel/tensor.ts";
import { NO_COUNTS, sumCounts } from "./arm-counts.ts";
import type { ArmCounts, TrafficCounts } from "./arm-counts.ts";
import { judgeCanary } from "./canary-judge.ts";
import { compareOutputs } from "./output-difference.ts";
import { createShadowCounter, mergeTallies, newTally, reportOf } from "./shadow-report.ts";
import { chooseTraffic } from "./traffic-choice.ts";
import { moveTraffic, newTraffic } from "./traffic-move.ts";
import type { TrafficMove } from "./traffic-move.ts";
import { versionsOf } from "./traffic-state.ts";
import type { TrafficState } from "./traffic-state.ts";

const START = newTraffic("fraud", "1");
const moved = (...moves: readonly TrafficMove[]): TrafficState => moves.reduce((state, move, index) => moveTraffic(state, move, 1_000 * index), START);
const keys = Array.from({ length: 2_000 }, (_, index) => `caller-${index}`);
const variantOf = (state: TrafficState, routingKey: string): string => chooseTraffic(state, { model: "fraud", routingKey }, () => 0.5).variant;
const refused = (reason: RegExp) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === "REQUEST_INVALID" && reason.test(thrown.message);

test("shares are what they say, and every process decides alike", () => {
  const state = moved({ kind: "split", arms: [{ variant: "b", version: "2", share: 0.2 }, { variant: "c", version: "3", share: 0.3 }] });
  const counts = Map.groupBy(keys, (key) => variantOf(state, key));
  assert.ok(Math.abs(counts.get("b")!.length / 2_000 - 0.2) < 0.03 && Math.abs(counts.get("c")!.length / 2_000 - 0.3) < 0.03);
  const copy = JSON.parse(JSON.stringify(state)) as TrafficState;
  assert.deepEqual(keys.map((key) => variantOf(copy, key)), keys.map((key) => variantOf(state, key)));
});

test("a share that changes moves callers between that variant and stable only, whatever came before", () => {
  const share = fc.double({ min: 0.01, max: 0.25, noNaN: true });
  fc.assert(fc.property(fc.array(share, { minLength: 4, maxLength: 4 }), fc.array(fc.tuple(fc.nat(3), share), { maxLength: 6 }), (first, changes) => {
    const splitOf = (shares: readonly number[]): TrafficMove => ({ kind: "split", arms: shares.map((one, index) => ({ variant: `v${index}`, version: String(index + 2), share: one })) });
    let [shares, state] = [first, moved(splitOf(first))];
    for (const [which, next] of changes) {
      const before = state;
      const isRaised = next >= shares[which]!;
      shares = shares.with(which, next);
      state = moveTraffic(state, splitOf(shares), 0);
      for (const { ranges, share: wanted } of state.arms) assert.ok(Math.abs(ranges.reduce((sum, [from, to]) => sum + to - from, 0) - wanted) < 1e-9);
      for (const key of keys.slice(0, 60)) {
        const [was, is] = [variantOf(before, key), variantOf(state, key)];
        if (was !== is) assert.deepEqual([was, is], isRaised ? ["stable", `v${which}`] : [`v${which}`, "stable"]);
      }
    }
  }), { numRuns: 200 });
});

test("a canary's callers stay with it as it rises", () => {
  const states = [moved({ kind: "canary", version: "2", plan: { steps: [0.05, 0.25, 0.5, 1] } })];
  for (let step = 0; step < 3; step++) states.push(moveTraffic(states.at(-1)!, { kind: "advance" }, 0));
  for (const key of keys) {
    const seen = states.map((state) => variantOf(state, key));
    assert.deepEqual(seen, seen.toSorted((a, b) => (a === b ? 0 : a === "stable" ? -1 : 1)));
    assert.equal(seen.at(-1), "canary");
  }
});

test("wishes, header rules, versions and copies", () => {
  const state = moved({ kind: "split", arms: [{ variant: "b", version: "2", share: 0.5 }], rules: [{ header: "x-tier", equals: "gold", variant: "b" }, { header: "x-tier", equals: "staff", variant: "stable" }] }, { kind: "shadow", shadow: { version: "3", share: 0.25 } });
  const choose = (request: object, draw = 0.9) => chooseTraffic(state, { model: "fraud", ...request }, () => draw);
  const header = (name: string): string | undefined => (name === "x-tier" ? "gold" : undefined);
  assert.deepEqual(choose({ header }), { version: "2", variant: "b", isWish: false });
  assert.deepEqual(choose({ header, variant: "stable" }), { version: "1", variant: "stable", isWish: false });
  assert.deepEqual(choose({ variant: "b" }), { version: "2", variant: "b", isWish: true });
  assert.deepEqual(choose({ variant: "prod" }), { version: "prod", variant: "prod", isWish: true }); // an alias
  assert.equal(choose({ variant: "stable" }, 0.2).shadow, "3");
  assert.equal(choose({ variant: "stable" }, 0.3).shadow, undefined);
  assert.equal(choose({ variant: "3" }, 0.1).shadow, undefined);
});

test("blue/green keeps what answered before, and going back is the same in the other direction", () => {
  const green = moved({ kind: "switch", version: "2" });
  assert.deepEqual([green.stable, green.standby, versionsOf(green)], ["2", "1", ["2", "1"]]);
  const blue = moveTraffic(green, { kind: "rollback" }, 0);
  assert.deepEqual([blue.stable, blue.standby], ["1", "2"]);
  const canary = moveTraffic(blue, { kind: "canary", version: "3" }, 0);
  assert.deepEqual([moveTraffic(canary, { kind: "rollback" }, 0).stable, moveTraffic(canary, { kind: "promote" }, 0).stable], ["1", "3"]);
  assert.throws(() => moved({ kind: "rollback" }), refused(/nothing to go back to/));
});

test("moves that make no sense are refused", () => {
  const canary: TrafficMove = { kind: "canary", version: "2" };
  assert.throws(() => moved(canary, canary), refused(/in progress/));
  assert.throws(() => moved({ kind: "canary", version: "1" }), refused(/already answers/));
  assert.throws(() => moved({ kind: "canary", version: "2", plan: { steps: [0.5, 0.2] } }), refused(/steps must rise/));
  assert.throws(() => moved({ kind: "split", arms: [{ variant: "b", version: "2", share: 0.7 }, { variant: "c", version: "3", share: 0.7 }] }), refused(/may not exceed 1/));
  assert.throws(() => moved({ kind: "split", arms: [{ variant: "stable", version: "2", share: 0.7 }] }), refused(/different names/));
  assert.throws(() => moved(canary, { kind: "split", arms: [] }), refused(/canary of version 2/));
  assert.throws(() => moved({ kind: "split", arms: [], rules: [{ header: "x", equals: "1", variant: "b" }] }), refused(/does not have/));
  assert.throws(() => moved({ kind: "promote" }), refused(/no single variant/));
});

test("whatever the moves, revisions count them and shares stay shares", () => {
  const version = fc.constantFrom("1", "2", "3");
  const move = fc.oneof<fc.Arbitrary<TrafficMove>[]>(
    fc.record({ kind: fc.constant("switch" as const), version }), fc.record({ kind: fc.constant("canary" as const), version }),
    fc.constant({ kind: "promote" as const }), fc.constant({ kind: "rollback" as const }), fc.constant({ kind: "advance" as const }),
    version.map((one) => ({ kind: "shadow" as const, shadow: { version: one } })),
    fc.double({ min: 0.01, max: 0.99, noNaN: true }).chain((share) => version.map((one) => ({ kind: "split" as const, arms: [{ variant: "b", version: one, share }] }))),
  );
  fc.assert(fc.property(fc.array(move, { maxLength: 20 }), (moves) => {
    let state = START;
    for (const one of moves) {
      const before = state;
      try {
        state = moveTraffic(state, one, 0);
      } catch (thrown) {
        assert.ok(refused(/\S/)(thrown));
        continue;
      }
      assert.equal(state.revision, before.revision + 1);
      assert.ok(state.arms.reduce((sum, { share }) => sum + share, 0) <= 1);
      assert.ok(state.canary === null || state.canary.phase === "shadow" || state.arms.some(({ version: arm }) => arm === state.canary!.version));
      assert.ok(versionsOf(state).includes(state.stable));
    }
  }), { numRuns: 300 });
});

const PLAN = { steps: [0.05, 0.5], stepMs: 10_000, minimumRequests: 100, sloMs: 100 };
const canaryState = moved({ kind: "canary", version: "2", plan: PLAN }).canary!;
const counts = (stable: Partial<ArmCounts>, canary: Partial<ArmCounts>): TrafficCounts => ({ model: "fraud", revision: 1, arms: { stable: { ...NO_COUNTS, ...stable }, canary: { ...NO_COUNTS, ...canary } }, copies: 0, different: 0 });

test("the judge: gross harm at once, no harm by time and number, and reasons with numbers", () => {
  const judge = (stable: Partial<ArmCounts>, canary: Partial<ArmCounts>, nowMs = 5_000) => judgeCanary(canaryState, counts(stable, canary), nowMs);
  assert.equal(judge({ requests: 400 }, { requests: 20, errors: 20 }).action, "rollback");
  assert.equal(judge({ requests: 400 }, { requests: 20, slow: 20 }).action, "rollback");
  assert.equal(judge({ requests: 400 }, { requests: 19, errors: 19 }).action, "none"); // one answer too few
  assert.equal(judge({ requests: 400, errors: 400 }, { requests: 20, errors: 20 }).action, "none"); // stable is no better
  assert.equal(judge({ requests: 400 }, { requests: 20, unready: 3 }).reason, "Version 2 was not ready for 3 requests; stable answered them.");
  assert.match(judge({ requests: 2_000, errors: 1 }, { requests: 99 }).reason, /^At 5 % the canary failed 0 of 99 and was slow in 0; stable 1 of 2000 and 0; 100 answers are needed\.$/);
  assert.match(judge({ requests: 2_000 }, { requests: 100 }).reason, /5 s of this step are left\.$/);
  assert.match(judge({ requests: 2_000 }, { requests: 100 }, 10_000).reason, /no harm shown, so its share rises to 50 %\.$/);
  assert.equal(judge({ requests: 2_000 }, { requests: 1 }, 25 * 3_600_000).action, "rollback");
});

test("the judge looks every second and still is wrong about a healthy canary in at most one rollout of twenty", () => {
  const random = createRandom("judge");
  const rollouts = 200;
  let wrong = 0;
  for (let rollout = 0; rollout < rollouts; rollout++) {
    const [stable, canary] = [{ requests: 0, errors: 0, slow: 0 }, { requests: 0, errors: 0, slow: 0 }];
    for (let second = 0; second < 120; second++) {
      for (let request = 0; request < 50; request++) {
        const arm = random.next() < 0.2 ? canary : stable;
        arm.requests++;
        if (random.next() < 0.05) arm.errors++;
        if (random.next() < 0.1) arm.slow++;
      }
      if (judgeCanary({ ...canaryState, stepMs: 1e9, maximumMs: 1e9 }, counts(stable, canary), second * 1_000).action !== "rollback") continue;
      wrong++;
      break;
    }
  }
  assert.ok(wrong <= 0.05 * rollouts, `${wrong} of ${rollouts}`);
});

test("a canary with 20 % errors beside 1 % is found within some 120 of its answers", () => {
  const random = createRandom("harm");
  const seconds: number[] = [];
  for (let rollout = 0; rollout < 50; rollout++) {
    const [stable, canary] = [{ requests: 0, errors: 0 }, { requests: 0, errors: 0 }];
    for (let second = 1; ; second++) {
      for (let request = 0; request < 200; request++) {
        const isCanary = random.next() < 0.05;
        const arm = isCanary ? canary : stable;
        arm.requests++;
        if (random.next() < (isCanary ? 0.2 : 0.01)) arm.errors++;
      }
      if (judgeCanary(canaryState, counts(stable, canary), 0).action !== "rollback") continue;
      seconds.push(second);
      break;
    }
  }
  const sorted = seconds.toSorted((a, b) => a - b);
  assert.ok(sorted[25]! <= 12 && sorted[49]! <= 20, sorted.join(" ")); // of ten canary answers each
});

test("counts of processes add up; other revisions do not count", () => {
  const all = [counts({ requests: 5 }, { requests: 1, errors: 1 }), counts({ requests: 7 }, {}), { ...counts({ requests: 100 }, {}), revision: 0 }];
  const sum = sumCounts("fraud", 1, all);
  assert.deepEqual([sum.arms["stable"]?.requests, sum.arms["canary"]?.errors], [12, 1]);
});

const tensor = (datatype: Datatype, data: TensorData, name = "y", shape: readonly number[] = [data.length]): Tensor => ({ name, datatype, shape, data });

test("answers are compared as numbers in every datatype, texts as texts", () => {
  const compare = (a: Tensor, b: Tensor, tolerance = 0) => compareOutputs([a], [b], tolerance)[0]!;
  assert.deepEqual(compare(tensor("FP32", Float32Array.of(1, 2)), tensor("FP32", Float32Array.of(1, 2.5))), { output: "y", kind: "different", meanAbsolute: 0.25, maximumAbsolute: 0.5, equalShare: 0.5 });
  assert.equal(compare(tensor("FP64", Float64Array.of(NaN, Infinity)), tensor("FP64", Float64Array.of(NaN, Infinity))).kind, "equal");
  assert.equal(compare(tensor("FP64", Float64Array.of(NaN)), tensor("FP64", Float64Array.of(1))).maximumAbsolute, Infinity);
  assert.equal(compare(tensor("INT64", BigInt64Array.of(5n)), tensor("INT64", BigInt64Array.of(8n))).maximumAbsolute, 3);
  assert.equal(compare(tensor("FP16", Uint16Array.of(0x3c00)), tensor("FP16", Uint16Array.of(0x4000))).maximumAbsolute, 1); // 1 and 2
  assert.equal(compare(tensor("BF16", Uint16Array.of(0x3f80)), tensor("BF16", Uint16Array.of(0x4040))).maximumAbsolute, 2); // 1 and 3
  assert.equal(compare(tensor("BYTES", [Buffer.from("cat"), Buffer.from("dog")]), tensor("BYTES", [Buffer.from("cat"), Buffer.from("cow")])).equalShare, 0.5);
  assert.equal(compare(tensor("FP32", Float32Array.of(1)), tensor("FP64", Float64Array.of(1))).kind, "datatype");
  assert.equal(compare(tensor("FP32", Float32Array.of(1, 2)), tensor("FP32", Float32Array.of(1, 2), "y", [2, 1])).kind, "shape");
  assert.deepEqual(compareOutputs([tensor("FP32", Float32Array.of(1))], [tensor("FP32", Float32Array.of(1), "z")], 0).map(({ output, kind }) => [output, kind]), [["y", "missing"], ["z", "extra"]]);
});

test("tallies of processes give the report of all of them together", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.double({ min: -100, max: 100, noNaN: true }), fc.boolean()), { minLength: 1, maxLength: 60 }), (values) => {
    const [first, second, both] = [createShadowCounter("m", "2"), createShadowCounter("m", "2"), createShadowCounter("m", "2")];
    for (const [difference, isFirst] of values) {
      const compared = compareOutputs([tensor("FP64", Float64Array.of(0))], [tensor("FP64", Float64Array.of(difference))], 0.5);
      for (const counter of [isFirst ? first : second, both]) counter.compared(compared, { stableMs: 1, shadowMs: 2 });
    }
    const merged = reportOf([first.tally(), second.tally()].reduce(mergeTallies, newTally("m", "2")));
    const whole = reportOf(both.tally());
    assert.deepEqual({ ...merged, outputs: [] }, { ...whole, outputs: [] });
    assert.deepEqual([merged.outputs[0]?.equalShare, merged.outputs[0]?.maximumAbsolute, merged.outputs[0]?.quantiles], [whole.outputs[0]?.equalShare, whole.outputs[0]?.maximumAbsolute, whole.outputs[0]?.quantiles]);
    assert.equal(merged.outputs[0]?.maximumAbsolute, Math.max(...values.map(([difference]) => Math.abs(difference))));
  }), { numRuns: 200 });
});
