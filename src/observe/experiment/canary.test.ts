import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import type { Random } from "../../kernel/random.ts";
import { normalTwoSidedTail } from "../statistics/normal.ts";
import { decideCanary } from "./canary.ts";
import type { CanaryDecision, CanaryPolicy, CanaryState } from "./canary.ts";
import { compareSequentially } from "./sequential-test.ts";
import type { ArmTotals } from "./sequential-test.ts";

const POLICY: CanaryPolicy = { alpha: 0.05, minimumEffect: 0, minimumSamples: 100, maximumSamples: 20_000 };
const LOOK_EVERY = 100;

function proportion(positives: number, n: number): ArmTotals {
  return { n, sum: positives, sumSquares: positives };
}

function decide(control: ArmTotals, treatment: ArmTotals, policy: Partial<CanaryPolicy> = {}): CanaryDecision {
  return decideCanary({ control, treatment }, { ...POLICY, ...policy });
}

interface Experiment {
  readonly verdict: CanaryDecision["verdict"];
  readonly samples: number;
  /** Whether a z-test at one of the looks would have called a difference. */
  readonly naiveAlarm: boolean;
}

interface Rates {
  readonly control: number;
  readonly treatment: number;
}

/** One experiment of two streams of events, looked at after every hundred per arm until there is a verdict. */
function experiment(rates: Rates, random: Random, policy: CanaryPolicy = POLICY): Experiment {
  let n = 0, controlSum = 0, treatmentSum = 0, naiveAlarm = false, state: CanaryState, verdict: CanaryDecision["verdict"];
  do {
    for (let i = 0; i < LOOK_EVERY; i++) {
      if (random.next() < rates.control) controlSum++;
      if (random.next() < rates.treatment) treatmentSum++;
    }
    n += LOOK_EVERY;
    state = { control: proportion(controlSum, n), treatment: proportion(treatmentSum, n) };
    verdict = decideCanary(state, policy).verdict;
    naiveAlarm ||= fixedSampleTest(state) < 0.05;
  } while (verdict === "continue");
  return { verdict, samples: n, naiveAlarm };
}

/** The textbook z-test of two proportions, valid for one look only. */
function fixedSampleTest({ control, treatment }: CanaryState): number {
  const pooled = (control.sum + treatment.sum) / (control.n + treatment.n);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / control.n + 1 / treatment.n));
  return error === 0 ? 1 : normalTwoSidedTail((treatment.sum / treatment.n - control.sum / control.n) / error);
}

function experiments(runs: number, rates: Rates, policy: CanaryPolicy = POLICY): { readonly share: (verdict: CanaryDecision["verdict"]) => number; readonly naive: number; readonly meanSamples: number } {
  const random = createRandom(`canary ${JSON.stringify(rates)}`);
  const all = Array.from({ length: runs }, () => experiment(rates, random, policy));
  return {
    share: (verdict) => all.filter((one) => one.verdict === verdict).length / runs,
    naive: all.filter(({ naiveAlarm }) => naiveAlarm).length / runs,
    meanSamples: all.reduce((sum, { samples }) => sum + samples, 0) / runs,
  };
}

test("without a difference, looking two hundred times alarms in at most 5 %; a z-test at every look in far more", () => {
  const result = experiments(500, { control: 0.05, treatment: 0.05 });
  const alarms = result.share("promote") + result.share("reject");
  assert.ok(alarms <= 0.05, `mixture test: ${alarms}`);
  assert.ok(result.naive >= 0.3, `z-test at every look: ${result.naive}`);
});

test("5 % against 6 % is found in at least 90 % of experiments of 20,000 per arm, in either direction", () => {
  const better = experiments(300, { control: 0.05, treatment: 0.06 });
  assert.ok(better.share("promote") >= 0.9 && better.share("reject") === 0, `promoted ${better.share("promote")}`);
  assert.ok(better.meanSamples < 12_000, `stopped after ${better.meanSamples} on average`);
  const worse = experiments(300, { control: 0.06, treatment: 0.05 });
  assert.ok(worse.share("reject") >= 0.9 && worse.share("promote") === 0, `rejected ${worse.share("reject")}`);
});

test("with a margin, a canary worse by more is not promoted, and an equal one often is", () => {
  const policy = { ...POLICY, minimumEffect: 0.005, maximumSamples: 40_000 };
  const worse = experiments(100, { control: 0.05, treatment: 0.044 }, policy);
  assert.ok(worse.share("promote") <= 0.05, `promoted ${worse.share("promote")}`);
  const equal = experiments(100, { control: 0.05, treatment: 0.05 }, policy);
  assert.ok(equal.share("promote") >= 0.6 && equal.share("reject") <= 0.05, `promoted ${equal.share("promote")}`);
});

test("a broken canary is rejected as soon as ten events were to be expected", () => {
  const broken = experiments(100, { control: 0.05, treatment: 0 });
  assert.ok(broken.share("reject") === 1 && broken.meanSamples < 1000, `after ${broken.meanSamples}`);
  assert.equal(decide(proportion(500, 500), proportion(0, 500)).verdict, "reject");
});

test("few values, few events or no variance give no verdict", () => {
  assert.match(decide(proportion(40, 90), proportion(10, 90)).reason, /No verdict after 90 values per arm: at least 100 are needed/);
  assert.match(decide(proportion(15, 1000), proportion(0, 1000)).reason, /only 7.5 events are expected per arm/);
  assert.match(decide(proportion(0, 1000), proportion(0, 1000)).reason, /all values are equal/);
  assert.deepEqual(decide(proportion(0, 0), proportion(0, 0)), { verdict: "continue", reason: "No verdict after 0 values per arm: at least 100 are needed.", difference: null, confidenceSequence: null, pValue: 1 });
});

test("at the planned number of values an open question keeps the champion", () => {
  const decision = decide(proportion(1000, 20_000), proportion(1010, 20_000));
  assert.equal(decision.verdict, "inconclusive");
  assert.match(decision.reason, /^No verdict after all 20000 planned values per arm: the difference is still between -0\.00\d+ and 0\.00\d+\. The champion stays\.$/);
});

test("for costs and latencies, lower is better", () => {
  const reward = (mean: number, n: number): ArmTotals => ({ n, sum: mean * n, sumSquares: n * (mean * mean + 25) });
  assert.equal(decide(reward(50, 5000), reward(52, 5000)).verdict, "promote");
  assert.equal(decide(reward(50, 5000), reward(52, 5000), { higherIsBetter: false }).verdict, "reject");
  assert.equal(decide(reward(52, 5000), reward(50, 5000), { higherIsBetter: false }).verdict, "promote");
  assert.equal(decide(reward(50, 5000), reward(50.1, 5000), { higherIsBetter: false, minimumEffect: 1 }).verdict, "promote");
});

test("a canary shown to be worse is rejected even within the margin", () => {
  const decision = decide(proportion(50_000, 100_000), proportion(48_800, 100_000), { minimumEffect: 0.05, maximumSamples: 100_000 });
  assert.equal(decision.verdict, "reject");
});

test("sums that cannot be and policies without sense are refused", () => {
  const refuse = (run: () => unknown): void => assert.throws(run, { code: "STATISTICS_INPUT_INVALID" });
  refuse(() => decide({ n: 10, sum: Number.NaN, sumSquares: 1 }, proportion(1, 10)));
  refuse(() => decide({ n: 10, sum: 100, sumSquares: 1 }, proportion(1, 10)));
  refuse(() => decide(proportion(1, 10), { n: -1, sum: 0, sumSquares: 0 }));
  refuse(() => decide(proportion(1, 10), proportion(1, 10), { alpha: 0 }));
  refuse(() => decide(proportion(1, 10), proportion(1, 10), { minimumEffect: -1 }));
  refuse(() => decide(proportion(1, 10), proportion(1, 10), { maximumSamples: 10 }));
});

const arm = fc.tuple(fc.integer({ min: 2, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true })).map(([n, rate]) => proportion(Math.round(n * rate), n));
const options = { alpha: 0.05, plannedSamples: 10_000 };

test("the sequence ends where the mixture likelihood ratio reaches 1 / alpha", () => {
  // computed apart: the ratio of Johari et al. 2017 with V = v_c / n_c + v_t / n_t, its root in d by bisection
  const { difference, low, high, pValue } = compareSequentially(proportion(500, 10_000), proportion(560, 9000), options)!;
  const expected = [0.012222222222222218, 0.002047031844747721, 0.022397412599696714, 0.008265972762622854];
  for (const [i, value] of [difference, low, high, pValue].entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-12, `${value} is not ${expected[i]}`);
});

test("the sequence holds the difference, narrows with alpha, turns with the arms and agrees with the p-value", () => {
  fc.assert(fc.property(arm, arm, (control, treatment) => {
    const comparison = compareSequentially(control, treatment, options);
    if (comparison === undefined) return;
    const { difference, low, high, pValue } = comparison;
    assert.ok(low <= difference && difference <= high && pValue >= 0 && pValue <= 1);
    const wider = compareSequentially(control, treatment, { ...options, alpha: 0.01 })!;
    assert.ok(wider.high - wider.low > high - low);
    const turned = compareSequentially(treatment, control, options)!;
    assert.ok(Math.abs(turned.low + high) < 1e-12 && Math.abs(turned.pValue - pValue) < 1e-12);
    assert.equal(pValue < 0.05, low > 0 || high < 0);
  }));
});
