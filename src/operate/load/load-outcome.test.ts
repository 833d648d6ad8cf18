/** What several processes counted adds up, shares make the whole, and verdicts follow from the figures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createLatencyHistogram } from "./latency-histogram.ts";
import { outcomeOf } from "./load-outcome.ts";
import type { LoadOutcome, LoadRecord } from "./load-outcome.ts";
import type { LoadPlan } from "./load-plan.ts";
import { planShares } from "./plan-share.ts";
import { judgeStep } from "./step-verdict.ts";

function recordOf(latencies: readonly number[], rest: Partial<LoadRecord> = {}): LoadRecord {
  const latency = createLatencyHistogram();
  for (const value of latencies) latency.record(value);
  const none = createLatencyHistogram().counts();
  return {
    sent: latencies.length, answeredInTime: latencies.length, marked: 0, failed: {}, unfinished: 0, elapsedMs: 1_000, bytesSent: 1, bytesReceived: 2, cpuUs: 1_000,
    latency: latency.counts(), fromSending: none, lateness: none, ...rest,
  };
}

test("the parts of a run make the same outcome as one process that saw everything", () => {
  const latencies = fc.array(fc.array(fc.double({ min: 0.01, max: 10_000, noNaN: true }), { maxLength: 40 }), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(latencies, (parts) => {
    const { latency, answered } = outcomeOf(parts.map((part) => recordOf(part)));
    const whole = outcomeOf([recordOf(parts.flat())]);
    assert.equal(answered, whole.answered);
    assert.deepEqual({ ...latency, meanMs: 0 }, { ...whole.latency, meanMs: 0 });
    assert.ok(Math.abs(latency.meanMs - whole.latency.meanMs) < 1e-6 * Math.max(1, latency.meanMs));
  }), { numRuns: 200 });
  assert.deepEqual(outcomeOf([recordOf([1], { failed: { timeout: 2 } }), recordOf([1], { failed: { timeout: 1, ECONNRESET: 4 } })]).failed, { timeout: 3, ECONNRESET: 4 });
});

test("shares of a plan make up the plan", () => {
  const plan: LoadPlan = { host: "h", port: 1, exchange: { kind: "http", method: "GET", path: "/", headers: {}, bodies: [""] }, connections: 1, arrivals: { kind: "closed" }, durationMs: 1, timeoutMs: 1 };
  fc.assert(fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 16 }), fc.option(fc.nat(9_999), { nil: undefined }), (connections, processes, maxRequests) => {
    const shares = planShares({ ...plan, connections, arrivals: { kind: "open", perSecond: 700, seed: 1 }, ...(maxRequests === undefined ? {} : { maxRequests }) }, processes);
    const sum = (value: (share: LoadPlan) => number): number => shares.reduce((total, share) => total + value(share), 0);
    assert.equal(sum((share) => share.connections), connections);
    assert.ok(shares.every((share) => share.connections > 0));
    assert.ok(Math.abs(sum((share) => (share.arrivals.kind === "open" ? share.arrivals.perSecond : 0)) - 700) < 1e-9);
    if (maxRequests !== undefined) assert.equal(sum((share) => share.maxRequests!), maxRequests);
    assert.equal(new Set(shares.map((share) => (share.arrivals.kind === "open" ? share.arrivals.seed : 0))).size, shares.length);
  }), { numRuns: 200 });
});

test("a step is judged by p99, failures and whether answers follow requests, with the reason", () => {
  const bounds = { p99Ms: 100, maxFailedShare: 0.01 };
  const outcome = (rest: Partial<LoadRecord>, latencyMs = 10, count = 1_000): LoadOutcome => outcomeOf([recordOf(Array.from({ length: count }, () => latencyMs), rest)]);
  const reasons = (found: LoadOutcome): string => judgeStep(found, 1_000, bounds).reasons.join("; ");
  assert.equal(reasons(outcome({})), "");
  assert.match(reasons(outcome({}, 150)), /^p99 was 15\d ms, above 100 ms$/);
  assert.match(reasons(outcome({ failed: { "status 503": 20, timeout: 1 } })), /2\.06% failed .*mostly status 503/);
  assert.match(reasons(outcome({ unfinished: 300 })), /stayed unfinished.*throughput stayed/);
  assert.match(reasons(outcome({ answeredInTime: 500 })), /^throughput stayed at 500 answers/);
  assert.match(reasons(outcome({ failed: { ECONNREFUSED: 9 } }, 1, 0)), /nothing was answered/);
});

test("a generator without CPU warns, and its broken steps are not blamed on the server", () => {
  const busy = outcomeOf([recordOf(Array.from({ length: 100 }, () => 500), { cpuUs: 990_000 })]);
  assert.match(busy.generator.warnings.join(), /99% of a core/);
  assert.equal(judgeStep(busy, 100, { p99Ms: 100, maxFailedShare: 0 }).isGeneratorLimit, true);
  assert.deepEqual(outcomeOf([recordOf([1], { cpuUs: 990_000 })], { isExact: true }).generator.warnings, [], "spinning is no sign");
});
