/** Breaker, ejection, retry budget, slow start and prefix index: their laws, and that a fleet settles after trouble. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import { createBalancer } from "./balancer.ts";
import { BREAKER, breakerAdmits, breakerEnded, breakerStarted, closedBreaker } from "./circuit-breaker.ts";
import { EJECTION, decideEjections } from "./outlier-ejection.ts";
import type { ReplicaStanding } from "./outlier-ejection.ts";
import { prefixBlocks } from "./prefix-blocks.ts";
import { createPrefixIndex } from "./prefix-index.ts";
import { RETRY_BUDGET, payIn, startRetryBudget, takeOut } from "./retry-budget.ts";
import { SLOW_START, slowStartShare } from "./slow-start.ts";

test("breaker: whatever happens, it holds back while open, probes one at a time and says so", () => {
  const step = fc.record({ waitMs: fc.nat(5_000), isOk: fc.constantFrom(true, false, false, undefined), keepsRunning: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    let state = closedBreaker(0);
    let nowMs = 0;
    let running: boolean[] = [];
    for (const { waitMs, isOk, keepsRunning } of steps) {
      nowMs += waitMs;
      const admits = breakerAdmits(state, nowMs);
      if (state.phase === "open") assert.equal(admits, nowMs >= state.openUntilMs);
      if (admits) {
        const started = breakerStarted(state);
        state = started.state;
        running.push(started.isProbe);
      }
      assert.ok(running.filter((isProbe) => isProbe).length <= 1 || state.phase === "closed", "one probe at a time");
      if (keepsRunning) continue;
      for (const isProbe of running) {
        const before = state;
        state = breakerEnded(state, { isOk, isProbe, nowMs }, BREAKER);
        if (before.phase !== "open" && state.phase === "open") assert.ok(state.openUntilMs - nowMs >= BREAKER.openMs && state.openUntilMs - nowMs <= BREAKER.maximumOpenMs);
      }
      running = [];
    }
  }), { numRuns: 300 });
});

test("breaker: five failures in a row or half of twenty open it; two good probes close it; waits double", () => {
  const run = (outcomes: string, everyMs = 10) => Array.from(outcomes).reduce((state, outcome, index) => breakerEnded(state, { isOk: outcome === "+", isProbe: false, nowMs: index * everyMs }, BREAKER), closedBreaker(0));
  assert.equal(run("----").phase, "closed");
  assert.equal(run("-----").phase, "open");
  assert.equal(run("+-".repeat(9)).phase, "closed");
  assert.equal(run("+-".repeat(10)).phase, "open");
  assert.equal(run("+-".repeat(10), 2_000).phase, "closed"); // not within the window
  let state = run("-----");
  const waits: number[] = [];
  for (let failure = 0; failure < 7; failure++) {
    const nowMs = state.openUntilMs;
    state = breakerEnded(breakerStarted(state).state, { isOk: false, isProbe: true, nowMs }, BREAKER);
    waits.push(state.openUntilMs - nowMs);
  }
  assert.deepEqual(waits, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  const probe = (from: typeof state) => breakerEnded(breakerStarted(from).state, { isOk: true, isProbe: true, nowMs: from.openUntilMs }, BREAKER);
  state = probe(state);
  assert.equal(state.phase, "half-open");
  assert.equal(probe(state).phase, "closed");
});

const standing = (name: string, changes: Partial<ReplicaStanding> = {}): ReplicaStanding => ({ name, ok: 100, failed: 0, slowness: 1, isEjected: false, ejections: 0, ...changes });

test("ejection: the outlier goes, for longer each time, and says why; when all are bad nobody goes", () => {
  const fleet = [standing("a"), standing("b"), standing("c", { ok: 50, failed: 50 })];
  assert.deepEqual(decideEjections(fleet, EJECTION), [{ name: "c", forMs: 10_000, reason: "answered 50 % of its calls, the others 100 %" }]);
  assert.equal(decideEjections([...fleet.slice(0, 2), { ...fleet[2]!, ejections: 3 }], EJECTION)[0]?.forMs, 40_000);
  assert.deepEqual(decideEjections([standing("a", { slowness: 9 }), standing("b")], EJECTION)[0]?.reason, "takes 9.0 times as long as the fleet");
  assert.deepEqual(decideEjections(["a", "b", "c"].map((name) => standing(name, { ok: 10, failed: 90 })), EJECTION), []);
  assert.deepEqual(decideEjections([standing("a", { ok: 1, failed: 9 }), standing("b")], EJECTION), []); // too few calls
  assert.deepEqual(decideEjections([standing("a", { failed: 100, ok: 0 })], EJECTION), []); // the only one
});

test("ejection: never more than the share, whatever the fleet", () => {
  const replica = fc.record({ ok: fc.nat(200), failed: fc.nat(200), slowness: fc.double({ min: 1, max: 30, noNaN: true }), isEjected: fc.boolean(), ejections: fc.nat(5) });
  fc.assert(fc.property(fc.array(replica, { maxLength: 20 }), (values) => {
    const fleet = values.map((value, index) => ({ name: `r${index}`, ...value }));
    const ejected = decideEjections(fleet, EJECTION);
    const out = fleet.filter(({ isEjected }) => isEjected).length + ejected.length;
    if (ejected.length > 0) assert.ok(out <= Math.max(1, Math.floor(0.3 * fleet.length)) && fleet.length > 1);
    assert.ok(ejected.every(({ name }) => !fleet.find((one) => one.name === name)!.isEjected));
  }), { numRuns: 300 });
});

/** Calls one after another through the real balancer, 10 ms each; a replica answers what `isOk` says. */
async function drive(calls: number, isOk: (replica: string, nowMs: number) => boolean, code: "UPSTREAM_FAILED" | "INFERENCE_FAILED" = "UPSTREAM_FAILED") {
  const clock = createManualClock(1_000);
  const balancer = createBalancer({ name: "m", clock, random: createRandom(code), retries: 0, replicas: ["a", "b", "c", "d"].map((name) => ({ name, target: name })) });
  const taken: { readonly replica: string; readonly atMs: number }[] = [];
  for (let call = 0; call < calls; call++) {
    await balancer.call(({ target }) => {
      taken.push({ replica: target, atMs: clock.monotonicMs() });
      clock.advance(10);
      return isOk(target, clock.monotonicMs()) ? Promise.resolve() : Promise.reject(new StrataError(code, {}));
    }).catch(() => undefined);
  }
  const shareOf = (replica: string, fromMs: number, toMs: number): number => {
    const then = taken.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    return then.filter((one) => one.replica === replica).length / then.length;
  };
  return { shareOf, report: balancer.report() };
}

test("a dead replica costs a handful of calls, and is back at its share after it lives again", async () => {
  const { shareOf, report } = await drive(9_000, (replica, nowMs) => replica !== "a" || nowMs > 30_000);
  assert.ok(shareOf("a", 5_000, 30_000) < 0.01, `${shareOf("a", 5_000, 30_000)}`);
  assert.ok(shareOf("a", 75_000, 90_000) > 0.15, `${shareOf("a", 75_000, 90_000)}`);
  assert.equal(report.replicas[0]?.state, "ready");
});

test("a replica that fails half of its calls by its own fault is ejected, comes back slowly, and stays when it is well", async () => {
  let flip = false;
  const { shareOf, report } = await drive(12_000, (replica, nowMs) => replica !== "a" || nowMs > 40_000 || (flip = !flip), "INFERENCE_FAILED");
  assert.ok(shareOf("a", 5_000, 40_000) < 0.06, `${shareOf("a", 5_000, 40_000)}`);
  assert.ok(shareOf("a", 105_000, 120_000) > 0.15, `${shareOf("a", 105_000, 120_000)}`);
  assert.equal(report.replicas[0]?.state, "ready");
});

test("in a full outage the replicas see at most the calls, the budget's share of them, and the floor", async () => {
  for (const perSecond of [1, 20, 500]) {
    const clock = createManualClock();
    let attempts = 0;
    const balancer = createBalancer({ name: "m", clock, random: { next: () => 0 }, retries: 3, breaker: { consecutiveFailures: 1e9, errorShare: 2 }, ejection: false, replicas: ["a", "b", "c"].map((name) => ({ name, target: name })) });
    const seconds = 60;
    for (let call = 0; call < perSecond * seconds; call++) {
      await balancer.call(() => { attempts++; return Promise.reject(new StrataError("UPSTREAM_FAILED", {})); }).catch(() => undefined);
      clock.advance(1_000 / perSecond);
    }
    const calls = perSecond * seconds;
    const most = calls * (1 + RETRY_BUDGET.share) + RETRY_BUDGET.floorPerSecond * seconds + RETRY_BUDGET.maximum;
    assert.ok(attempts <= most, `${perSecond}/s: ${attempts} attempts for ${calls} calls, at most ${most}`);
    assert.ok(attempts > calls, "some were tried again");
  }
});

test("retry budget: what is taken never exceeds what was paid in", () => {
  const event = fc.record({ waitMs: fc.nat(2_000), isRetry: fc.boolean() });
  fc.assert(fc.property(fc.array(event, { maxLength: 300 }), (events) => {
    let [budget, nowMs, paid, taken] = [startRetryBudget(0, RETRY_BUDGET), 0, 0, 0];
    for (const { waitMs, isRetry } of events) {
      nowMs += waitMs;
      if (!isRetry) {
        budget = payIn(budget, nowMs, RETRY_BUDGET);
        paid++;
        continue;
      }
      const left = takeOut(budget, nowMs, RETRY_BUDGET);
      if (left === undefined) continue;
      budget = left;
      taken++;
    }
    assert.ok(taken <= RETRY_BUDGET.maximum / 2 + paid * RETRY_BUDGET.share + (nowMs / 1_000) * RETRY_BUDGET.floorPerSecond + 1e-6);
  }), { numRuns: 300 });
});

test("slow start: the share only rises, from its lowest to one", () => {
  assert.deepEqual([0, 500, 5_000, 10_000, 1e9].map((ageMs) => slowStartShare(ageMs, SLOW_START)), [0.1, 0.1, 0.5, 1, 1]);
});

test("prefix index: finds common beginnings, forgets the oldest, stays within its bound", () => {
  const text = (length: number, letter: string): string => letter.repeat(length);
  const shared = text(1_280, "s");
  const [first, second] = [prefixBlocks(shared + text(640, "a")), prefixBlocks(shared + text(640, "b"))];
  assert.equal(first.length, 15);
  assert.deepEqual(prefixBlocks(Buffer.from(shared)), prefixBlocks(shared));
  const index = createPrefixIndex(20);
  index.record("r", first);
  assert.deepEqual([index.matches("r", first), index.matches("r", second), index.matches("other", first)], [15, 10, 0]);
  for (let prompt = 0; prompt < 50; prompt++) index.record("r", prefixBlocks(text(1_280, String.fromCharCode(200 + prompt))));
  assert.deepEqual([index.size("r"), index.matches("r", first)], [20, 0]);
  assert.equal(prefixBlocks("session-1").length, 1);
  assert.notDeepEqual(prefixBlocks("session-1"), prefixBlocks("session-2"));
  fc.assert(fc.property(fc.string({ maxLength: 2_000 }), fc.string({ maxLength: 2_000 }), (a, b) => {
    const [left, right] = [prefixBlocks(a + b), prefixBlocks(a)];
    const full = Math.floor(a.length / 128);
    assert.deepEqual(left.slice(0, full), right.slice(0, full));
  }), { numRuns: 200 });
});
