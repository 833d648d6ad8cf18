/** The search against a real server whose capacity is known, through generator processes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { capacityOf } from "./capacity.ts";
import { createLatencyHistogram } from "./latency-histogram.ts";
import { openLoadGenerator } from "./load-generator.ts";
import { measureLoad } from "./load-measurement.ts";
import { outcomeOf } from "./load-outcome.ts";
import type { LoadRecord } from "./load-outcome.ts";
import { searchRate } from "./load-search.ts";
import { echo, openTestServer } from "./test-support/known-server.ts";

const CAPACITY_PER_SECOND = 200;

test("the breaking point of a server with a fixed capacity is found within 15 %", { timeout: 60_000 }, async () => {
  let freeAtMs = 0;
  /** One worker that takes 5 ms a request, by a plan rather than by timers that add up. */
  await using server = await openTestServer((request, response) => {
    const nowMs = performance.now();
    freeAtMs = Math.max(nowMs, freeAtMs) + 1_000 / CAPACITY_PER_SECOND;
    setTimeout(() => echo(request, response), freeAtMs - nowMs);
  });
  await using generator = openLoadGenerator();
  const search = await searchRate({
    rules: { firstPerSecond: 100, maxPerSecond: 10_000, resolution: 1.1, maxSteps: 12 }, bounds: { p99Ms: 60, maxFailedShare: 0.001 },
    measure: ({ perSecond }) => measureLoad({
      host: "127.0.0.1", port: server.port, exchange: { kind: "http", method: "GET", path: "/", headers: {}, bodies: [""] }, connections: 512, timeoutMs: 5_000,
      arrivals: { kind: "open", perSecond, seed: 1, spacing: "even" }, durationMs: 700,
    }, { generator, serverPids: [process.pid] }),
  });
  const { heldPerSecond = 0, steps } = search;
  assert.ok(Math.abs(heldPerSecond / CAPACITY_PER_SECOND - 1) < 0.15, `${heldPerSecond}/s in ${steps.map((step) => `${step.perSecond.toFixed(0)}${step.isHeld ? "" : "✗"}`).join(" ")}`);
  assert.ok(steps.every((step) => step.server !== undefined && step.server.cpuUsPerRequest >= 0 && step.server.rssAfterBytes > 0));
  const { advice } = capacityOf(search, { headroom: 0.5, wantedPerSecond: 1_000 });
  assert.equal(advice?.replicas, Math.ceil(1_000 / (heldPerSecond / 2)));
  assert.ok(advice.concurrencyTarget > 0.2 && advice.concurrencyTarget < 6, `${advice.concurrencyTarget} at once`);
});

test("a step that breaks once in a bad moment of the machine does not count when it may be repeated", async () => {
  let steps = 0;
  const repeated: number[] = [];
  const search = await searchRate({
    rules: { firstPerSecond: 100, maxPerSecond: 400, resolution: 1.1, maxSteps: 10 }, bounds: { p99Ms: 50, maxFailedShare: 0 }, repeats: 1,
    onRepeat: ({ perSecond }) => repeated.push(perSecond),
    measure: ({ perSecond }) => Promise.resolve({ outcome: outcomeOf([recordOf(perSecond, steps++ === 1 ? 500 : 5)]) }),
  });
  assert.deepEqual([search.heldPerSecond, search.brokenPerSecond, repeated, steps], [400, undefined, [200], 5]);
});

/** A second of answers that all took the same time. */
function recordOf(count: number, latencyMs: number): LoadRecord {
  const latency = createLatencyHistogram();
  for (let answer = 0; answer < count; answer++) latency.record(latencyMs);
  const none = createLatencyHistogram().counts();
  return { sent: count, answeredInTime: count, marked: 0, failed: {}, unfinished: 0, elapsedMs: 1_000, latency: latency.counts(), fromSending: none, lateness: none, bytesSent: 0, bytesReceived: 0, cpuUs: 0 };
}
