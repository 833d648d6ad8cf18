import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canary } from "../../define/index.ts";
import type { Rollout } from "../../define/index.ts";
import { createRandom } from "../../kernel/random.ts";
import type { Random } from "../../kernel/random.ts";
import { decideCanary } from "../../observe/index.ts";
import type { CanaryDecision } from "../../observe/index.ts";
import type { RewardSummary } from "./reward-strata.ts";
import { NO_REWARDS } from "./reward-strata.ts";
import { advanceRollout } from "./rollout-advance.ts";
import type { CanaryObservation, RolloutObservation, RolloutRules, ShadowObservation } from "./rollout-advance.ts";
import { cancelRollout, isActive, startRollout } from "./rollout-state.ts";
import type { RolloutState } from "./rollout-state.ts";

const POLICY = canary({ steps: [0.2, 0.5], margin: 0.1, minimumOutcomes: 200, maximumOutcomes: 5_000, shadowRequests: 100 });
const RULES: RolloutRules = { policy: POLICY, deadlineMs: 250, decideCanary };
const START = startRollout("r1", 0, { model: "ranker", endpoint: "recommend", challenger: 2, champion: 1, reason: "Gates passed." });
const HEALTHY: ShadowObservation = { requests: 100, errors: 1, p99Ms: 80, championP99Ms: 70, scoreDifference: 0.0123 };
const NO_CANARY: CanaryObservation = { control: NO_REWARDS, treatment: NO_REWARDS, requests: 0, errors: 0, fallbacks: 0 };

const rewards = (n: number, rate: number): RewardSummary => ({ n, sum: Math.round(n * rate), sumSquares: Math.round(n * rate) });
const seen = (changes: { shadow?: Partial<ShadowObservation>; canary?: Partial<CanaryObservation>; nowMs?: number }): RolloutObservation =>
  ({ nowMs: changes.nowMs ?? 1_000, shadow: { ...HEALTHY, ...changes.shadow }, canary: { ...NO_CANARY, ...changes.canary } });
const verdict = (word: CanaryDecision["verdict"]): RolloutRules => ({ ...RULES, decideCanary: () => ({ verdict: word, reason: "Stub.", difference: 0, confidenceSequence: null, pValue: 1 }) });
const inCanary = (): RolloutState => advanceRollout(START, seen({}), RULES).state;

test("a healthy shadow starts the canary at the first share and says what it saw", () => {
  const { state, action, reason } = advanceRollout(START, seen({}), RULES);
  assert.deepEqual([action, state.phase, state.share, state.stepIndex, state.phaseStartedAtMs], ["start-canary", "canary", 0.2, 0, 1_000]);
  assert.equal(reason, "The challenger scored 100 shadow requests with 1 error, p99 80 ms (champion 70 ms, deadline 250 ms) and a mean score difference of 0.0123; it now answers 20 % of the traffic.");
  assert.deepEqual(state.decisions.map((decision) => decision.action), ["start", "start-canary"]);
  assert.deepEqual(state.decisions[1]?.observed, HEALTHY);
});

test("shadow waits for its requests and rejects errors and lateness", () => {
  const after = (shadow: Partial<ShadowObservation>) => {
    const { action, reason } = advanceRollout(START, seen({ shadow }), RULES);
    return [action, reason];
  };
  assert.deepEqual(after({ requests: 99 }), ["none", "In shadow, the challenger scored 99 of 100 requests, 1 with errors."]);
  assert.deepEqual(after({ errors: 2 }), ["reject", "In shadow the challenger failed 2 of 100 requests; 1 % is the limit."]);
  assert.deepEqual(after({ requests: 3, errors: 2 }), ["reject", "In shadow the challenger failed 2 of 3 requests; 1 % is the limit."]); // it can no longer pass
  assert.deepEqual(after({ requests: 400, errors: 4 })[0], "start-canary");
  assert.deepEqual(after({ p99Ms: 251 }), ["reject", "In shadow the challenger's p99 was 251 ms, over the deadline of 250 ms; the champion's was 70 ms."]);
  assert.deepEqual(after({ p99Ms: Number.NaN })[0], "reject");
  assert.deepEqual(after({ p99Ms: 300, championP99Ms: 310 })[0], "start-canary"); // a slow machine is not the challenger's fault
  const noShadow = { ...RULES, policy: canary({ shadowRequests: 0 }) };
  assert.equal(advanceRollout(START, seen({ shadow: { requests: 0, errors: 0, p99Ms: Number.NaN } }), noShadow).action, "start-canary");
});

test("the canary waits for outcomes, then the test decides at any share", () => {
  const state = inCanary();
  const waiting = advanceRollout(state, seen({ canary: { control: rewards(800, 0.05), treatment: rewards(199, 0.05) } }), verdict("promote"));
  assert.deepEqual([waiting.action, waiting.reason], ["none", "The canary waits for outcomes: challenger mean reward 0.0503 over 199 outcomes, champion mean reward 0.05 over 800 outcomes, 200 each needed."]);
  assert.equal(waiting.state, state);
  const promoted = advanceRollout(state, seen({ canary: { control: rewards(800, 0.05), treatment: rewards(200, 0.06) } }), verdict("promote"));
  assert.deepEqual([promoted.action, promoted.state.phase, promoted.state.share, promoted.state.decisions.at(-1)?.verdict?.verdict], ["promote", "promoted", 0, "promote"]);
  assert.equal(promoted.reason, "The challenger is promoted: challenger mean reward 0.06 over 200 outcomes, champion mean reward 0.05 over 800 outcomes. Stub.");
  assert.equal(advanceRollout(state, seen({ canary: { control: rewards(800, 0.05), treatment: rewards(200, 0) } }), verdict("reject")).state.phase, "rejected");
});

test("the share rises after each further minimum of outcomes, and undecided at the maximum the champion stays", () => {
  const raised = advanceRollout(inCanary(), seen({ canary: { control: rewards(800, 0.05), treatment: rewards(200, 0.05) } }), verdict("continue"));
  assert.deepEqual([raised.action, raised.state.share, raised.state.stepIndex], ["raise-share", 0.5, 1]);
  assert.equal(raised.reason, "Not worse so far after 200 outcomes of each arm at 20 %: the challenger's share rises to 50 %.");
  const later = advanceRollout(raised.state, seen({ canary: { control: rewards(1_100, 0.05), treatment: rewards(500, 0.05) } }), verdict("continue"));
  assert.deepEqual([later.action, later.state], ["none", raised.state]); // 0.5 is the last step
  const end = advanceRollout(raised.state, seen({ canary: { control: rewards(5_600, 0.05), treatment: rewards(5_000, 0.05) } }), verdict("continue"));
  assert.deepEqual([end.action, end.state.phase], ["reject", "rejected"]);
  assert.match(end.reason, /^Inconclusive after .*5000 outcomes.*, of 5000 each allowed: the champion stays\./);
  assert.equal(advanceRollout(raised.state, seen({ canary: { control: rewards(1_100, 0.05), treatment: rewards(500, 0.05) } }), verdict("inconclusive")).action, "reject");
});

test("failing and late answers end a canary before any outcome, one error in quiet traffic does not", () => {
  const after = (observed: Partial<CanaryObservation>) => advanceRollout(inCanary(), seen({ canary: observed }), RULES);
  assert.equal(after({ requests: 3, errors: 1 }).action, "none");
  assert.equal(after({ requests: 3, errors: 2 }).reason, "The challenger failed 2 of 3 answers; 1 % is the limit.");
  assert.equal(after({ requests: 1_000, errors: 10 }).action, "none");
  assert.equal(after({ requests: 1_000, errors: 11 }).action, "reject");
  assert.equal(after({ requests: 1_000, fallbacks: 51 }).reason, "The fallback replaced 51 of the challenger's 1000 answers; the champion's share is 0 % and 5 % more is the limit.");
  assert.equal(after({ requests: 1_000, fallbacks: 51, championFallbackShare: 0.02 }).action, "none");
});

test("a trial that traffic cannot decide ends by time", () => {
  const twoWeeks = 14 * 86_400_000;
  assert.equal(advanceRollout(inCanary(), seen({ nowMs: twoWeeks - 1 }), RULES).action, "none");
  const { action, reason } = advanceRollout(inCanary(), seen({ nowMs: twoWeeks }), RULES);
  assert.equal(action, "reject");
  assert.match(reason, /^Undecided after 14d, of 14d allowed: the champion stays\. The canary waits for outcomes: challenger without outcomes/);
  assert.equal(advanceRollout(START, seen({ nowMs: 5_000, shadow: { requests: 1 } }), { ...RULES, maximumMs: 5_000 }).state.phase, "rejected");
});

test("a cancelled rollout stays cancelled", () => {
  const cancelled = cancelRollout(inCanary(), 2_000, "Ann stopped it.");
  assert.deepEqual([cancelled.phase, cancelled.share, cancelled.phaseStartedAtMs, cancelled.decisions.at(-1)?.action], ["cancelled", 0, 2_000, "cancel"]);
  assert.equal(cancelRollout(cancelled, 3_000, "Again."), cancelled);
  assert.deepEqual(advanceRollout(cancelled, seen({}), RULES), { state: cancelled, action: "none", reason: "The rollout was cancelled at 1970-01-01T00:00:02.000Z." });
});

test("whatever is observed and whatever the test says, the rules of a rollout hold", () => {
  const count = fc.nat(6_000);
  const arm = fc.tuple(count, fc.double({ min: 0, max: 1, noNaN: true })).map(([n, rate]) => rewards(n, rate));
  const observation = fc.record({
    nowMs: fc.nat(20 * 86_400_000),
    shadow: fc.record({ requests: fc.nat(300), errors: fc.nat(3), p99Ms: fc.double({ min: 0, max: 400 }), championP99Ms: fc.double({ min: 0, max: 400 }), scoreDifference: fc.double() }),
    canary: fc.record({ control: arm, treatment: arm, requests: count, errors: fc.nat(20), fallbacks: fc.nat(100) }),
  });
  const word = fc.constantFrom<CanaryDecision["verdict"]>("continue", "promote", "reject", "inconclusive");
  const policies = fc.record({
    steps: fc.array(fc.double({ min: 0.001, max: 0.999, noNaN: true }), { maxLength: 3 }), minimumOutcomes: fc.nat(2_000), maximumOutcomes: fc.nat(6_000), shadowRequests: fc.nat(200),
  }).map(canary);
  fc.assert(fc.property(policies, fc.array(fc.tuple(observation, word), { maxLength: 12 }), (policy: Rollout, looks) => {
    let state = START;
    for (const [observed, answer] of looks) {
      const before = state;
      const advance = advanceRollout(before, observed, { ...verdict(answer), policy });
      state = advance.state;
      assert.match(advance.reason, /\S.*\.$/s);
      assert.doesNotMatch(advance.reason, /undefined|NaN/);
      assert.ok(state.share === 0 || policy.steps.includes(state.share));
      assert.equal(state.share > 0, state.phase === "canary");
      if (!isActive(before)) assert.deepEqual([advance.action, state], ["none", before]);
      if (advance.action === "none") assert.equal(state, before);
      else assert.deepEqual(state.decisions.at(-1)?.reason, advance.reason);
      if (advance.action === "promote") {
        assert.equal(before.phase, "canary");
        assert.ok(Math.min(observed.canary.control.n, observed.canary.treatment.n) >= policy.minimumOutcomes);
      }
      if (before.phase === "canary") assert.notEqual(state.phase, "shadow");
    }
  }), { numRuns: 1_000 });
});

/** A whole trial against the real test: rewards of 0 and 1 whose rate moves with the time, one look every 100 requests. */
function trial(random: Random, rateAt: (arm: "control" | "treatment", look: number) => number, policy = POLICY): RolloutState {
  let state = inCanary();
  const totals = { control: { n: 0, sum: 0, sumSquares: 0 }, treatment: { n: 0, sum: 0, sumSquares: 0 } };
  for (let look = 0; isActive(state); look++) {
    for (let request = 0; request < 100; request++) {
      const arm = random.next() < state.share ? "treatment" : "control";
      const reward = random.next() < rateAt(arm, look) ? 1 : 0;
      totals[arm] = { n: totals[arm].n + 1, sum: totals[arm].sum + reward, sumSquares: totals[arm].sumSquares + reward };
    }
    state = advanceRollout(state, seen({ canary: { ...totals, requests: totals.treatment.n } }), { ...RULES, policy }).state;
  }
  return state;
}

test("of 100 trials of a planted bad challenger none is promoted; a better one is promoted", () => {
  const random = createRandom("planted");
  const outcomes = Array.from({ length: 100 }, () => trial(random, (arm) => (arm === "control" ? 0.1 : 0.06)).phase);
  assert.deepEqual([outcomes.filter((phase) => phase === "promoted").length, outcomes.filter((phase) => phase === "rejected").length], [0, 100]);
  const better = Array.from({ length: 20 }, () => trial(random, (arm) => (arm === "control" ? 0.1 : 0.13)).phase);
  assert.ok(better.filter((phase) => phase === "promoted").length >= 16, better.join(" "));
});

test("a tide in the rewards while the share rises does not promote a challenger at the margin", () => {
  const random = createRandom("tide");
  const policy = canary({ steps: [0.1, 0.5, 0.9], margin: 0.1, minimumOutcomes: 200, maximumOutcomes: 2_000 });
  const rateAt = (arm: "control" | "treatment", look: number): number => Math.min(0.5, 0.05 + 0.005 * look) * (arm === "control" ? 1 : 0.85);
  const promoted = Array.from({ length: 100 }, () => trial(random, rateAt, policy).phase).filter((phase) => phase === "promoted").length;
  assert.ok(promoted <= 5, `${promoted} of 100`); // with plain means instead of strata, 97 of 100 were promoted
});
