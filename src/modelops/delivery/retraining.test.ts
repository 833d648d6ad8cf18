import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { every, onDrift, onNewData, onPerformanceDrop } from "../../define/index.ts";
import { decideRetraining } from "./retraining.ts";
import type { RetrainingSnapshot } from "./retraining.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 100 * DAY_MS;

const QUIET: RetrainingSnapshot = {
  model: "ranker", nowMs: NOW_MS, triggers: [onDrift({ psi: 0.2, features: 2 }), every("30d"), onPerformanceDrop({ share: 0.2 }), onNewData({ events: 1_000 })],
  cooldownMs: 2 * DAY_MS, lastTrainingAtMs: NOW_MS - 10 * DAY_MS, trainingRunning: false, rolloutInProgress: false, dataQualityOk: true, trainingsToday: 0, dailyBudget: 3, newEvents: 12,
  drift: { features: [{ name: "a", psi: 0.31 }, { name: "b", psi: 0.02 }, { name: "c", psi: Number.NaN }] },
  performance: { baselineReward: 0.05, latestReward: 0.048, latestN: 5_000 },
};
const DRIFTED = { features: [{ name: "a", psi: 0.2 }, { name: "b", psi: 0.456 }, { name: "c", psi: 0.19 }] };

test("without a trigger that fires, every trigger says how far it is", () => {
  assert.deepEqual(decideRetraining(QUIET), {
    retrain: false, triggers: decideRetraining(QUIET).triggers,
    reason: 'No trigger of "ranker" fires: drift: 1 of 3 features have a stability index of 0.2 or more, 2 needed (a 0.31); schedule: 10d of 30d passed since the last training; '
      + "performance: the mean reward fell by 4 %, from 0.05 to 0.048 over 5000 outcomes; a fall of 20 % triggers; new-data: 12 new events of 1000 came since the last training.",
  });
  assert.equal(decideRetraining({ ...QUIET, triggers: [] }).reason, 'Model "ranker" declares no trigger; it trains only when asked to.');
});

test("each trigger fires at its threshold, not below", () => {
  const fired = (changes: Partial<RetrainingSnapshot>): unknown => {
    const { retrain, trigger, reason } = decideRetraining({ ...QUIET, ...changes });
    return retrain ? [trigger, reason] : undefined;
  };
  assert.deepEqual(fired({ drift: DRIFTED }), ["drift", 'Model "ranker" trains again: drift: 2 of 3 features have a stability index of 0.2 or more, 2 needed (b 0.456, a 0.2).']);
  assert.deepEqual(fired({ lastTrainingAtMs: NOW_MS - 30 * DAY_MS }), ["schedule", 'Model "ranker" trains again: schedule: 30d of 30d passed since the last training.']);
  assert.equal(fired({ lastTrainingAtMs: NOW_MS - 30 * DAY_MS + 1 }), undefined);
  assert.deepEqual(fired({ performance: { baselineReward: 0.05, latestReward: 0.04, latestN: 200 } }),
    ["performance", 'Model "ranker" trains again: performance: the mean reward fell by 20 %, from 0.05 to 0.04 over 200 outcomes; a fall of 20 % triggers.']);
  assert.equal(fired({ performance: { baselineReward: 0.05, latestReward: 0.01, latestN: 199 } }), undefined);
  assert.equal(fired({ performance: { baselineReward: 0, latestReward: -1, latestN: 900 } }), undefined);
  assert.deepEqual(fired({ newEvents: 1_000 }), ["new-data", 'Model "ranker" trains again: new-data: 1000 new events of 1000 came since the last training.']);
  assert.deepEqual(fired({ lastTrainingAtMs: undefined }), ["schedule", 'Model "ranker" trains again: schedule: it was never trained.']);
  assert.equal(fired({ drift: undefined, performance: undefined }), undefined);
});

test("the first trigger of the definition is named, the others that fire stand beside it", () => {
  const decision = decideRetraining({ ...QUIET, drift: DRIFTED, newEvents: 2_000 });
  assert.equal(decision.trigger, "drift");
  assert.match(decision.reason, /drift: .*; new-data: 2000 new events/);
});

test("each block names itself and its numbers", () => {
  const blocked = (changes: Partial<RetrainingSnapshot>): readonly unknown[] => {
    const { retrain, trigger, blockedBy, reason } = decideRetraining({ ...QUIET, drift: DRIFTED, ...changes });
    assert.deepEqual([retrain, trigger], [false, "drift"]);
    return [blockedBy, reason.slice(reason.indexOf("): ") + 3)];
  };
  assert.deepEqual(blocked({ trainingRunning: true }), ["training-running", "a training of it is running."]);
  assert.deepEqual(blocked({ rolloutInProgress: true }), ["rollout", "its challenger is still on trial."]);
  assert.deepEqual(blocked({ dataQualityOk: false, dataQualityReason: "12 % of prices are missing" }),
    ["data-quality", "the data do not pass their quality checks (12 % of prices are missing), and bad data would teach it badly."]);
  assert.deepEqual(blocked({ lastTrainingAtMs: NOW_MS - DAY_MS }), ["cooldown", "its last training was 1d ago and the cool-down is 2d."]);
  assert.deepEqual(blocked({ trainingsToday: 3 }), ["budget", "it was trained 3 times today and the daily budget is 3."]);
});

test("whatever the snapshot: it trains only when a trigger fires and nothing blocks, and it always says why", () => {
  const trigger = fc.oneof(
    fc.record({ psi: fc.double({ min: 0.01, max: 1, noNaN: true }), features: fc.integer({ min: 1, max: 3 }) }).map(onDrift), fc.constant(every("1h")),
    fc.record({ share: fc.double({ min: 0.01, max: 1, noNaN: true }) }).map(onPerformanceDrop), fc.record({ events: fc.integer({ min: 1, max: 100 }) }).map(onNewData));
  const snapshot = fc.record({
    model: fc.constant("ranker"), nowMs: fc.constant(NOW_MS), triggers: fc.array(trigger, { maxLength: 4 }), cooldownMs: fc.nat(DAY_MS),
    lastTrainingAtMs: fc.option(fc.nat(NOW_MS + 10), { nil: undefined }), trainingRunning: fc.boolean(), rolloutInProgress: fc.boolean(), dataQualityOk: fc.boolean(),
    trainingsToday: fc.nat(5), dailyBudget: fc.nat(5), newEvents: fc.nat(200),
    drift: fc.option(fc.record({ features: fc.array(fc.record({ name: fc.string(), psi: fc.double() }), { maxLength: 4 }) }), { nil: undefined }),
    performance: fc.option(fc.record({ baselineReward: fc.double(), latestReward: fc.double(), latestN: fc.nat(1_000) }), { nil: undefined }),
  });
  fc.assert(fc.property(snapshot, (given) => {
    const { retrain, trigger: kind, blockedBy, reason, triggers } = decideRetraining(given);
    const fires = triggers.some((status) => status.fires);
    const isFree = !given.trainingRunning && !given.rolloutInProgress && given.dataQualityOk && given.trainingsToday < given.dailyBudget
      && (given.lastTrainingAtMs === undefined || given.nowMs - given.lastTrainingAtMs >= given.cooldownMs);
    assert.equal(retrain, fires && isFree);
    assert.equal(blockedBy !== undefined, fires && !isFree);
    assert.equal(kind, triggers.find((status) => status.fires)?.kind);
    assert.match(reason, /^(Model|No trigger of) "ranker".*\.$/s);
    assert.doesNotMatch(reason, /undefined|NaN/);
  }), { numRuns: 500 });
});
