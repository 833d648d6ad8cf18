/**
 * The check that a load generator is for: a server that stops for half a second of every second. A closed loop asks
 * little while it stops, so its p99 hides what users would see; an open loop must show it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { echo, loadOf, openTestServer } from "./test-support/known-server.ts";

const STALL_MS = 500;

test("a stall of 500 ms per second shows in the open loop's p99, and not in the closed loop's", async () => {
  const startedMs = performance.now();
  /** Answers at once in the first half of a second, at its end in the second. */
  await using server = await openTestServer((request, response) => {
    const inSecondMs = (performance.now() - startedMs) % 1_000;
    if (inSecondMs < 1_000 - STALL_MS) return echo(request, response);
    setTimeout(() => echo(request, response), 1_000 - inSecondMs);
  });
  const closed = await loadOf(server, { connections: 1, maxRequests: 1_000_000, durationMs: 3_000, timeoutMs: 5_000 });
  const open = await loadOf(server, { connections: 64, maxRequests: 1_000_000, durationMs: 3_000, timeoutMs: 5_000, arrivals: { kind: "open", perSecond: 200, seed: 1 } });
  assert.ok(open.latency.p99Ms > STALL_MS * 0.9, `the open loop's p99 of ${open.latency.p99Ms} ms shows the stall`);
  assert.ok(open.latency.p90Ms > STALL_MS * 0.6, "a fifth of the requests came in the first 200 ms of a stall or waited longer still");
  assert.ok(closed.latency.p99Ms < STALL_MS / 5, `the closed loop's p99 of ${closed.latency.p99Ms} ms hides it`);
  assert.equal(open.unfinished, 0);
});

test("with too few connections the wait for one counts as latency, though sending to answer stays short", async () => {
  await using server = await openTestServer((request, response) => { setTimeout(() => echo(request, response), 20); });
  const outcome = await loadOf(server, { connections: 2, maxRequests: 1_000_000, durationMs: 1_000, timeoutMs: 5_000, arrivals: { kind: "open", perSecond: 150, seed: 1, spacing: "even" } });
  assert.ok(outcome.latency.p99Ms > 200 && outcome.fromSending.p50Ms < 40, `${outcome.latency.p99Ms} ms from when it was to come, ${outcome.fromSending.p50Ms} ms from sending`);
});

test("a request that nobody waits for any more is a timeout, also when it was never sent", async () => {
  await using server = await openTestServer((request, response) => { setTimeout(() => echo(request, response), 40); });
  const outcome = await loadOf(server, { connections: 1, maxRequests: 1_000_000, durationMs: 700, timeoutMs: 100, arrivals: { kind: "open", perSecond: 200, seed: 1, spacing: "even" } });
  assert.ok((outcome.failed["timeout"] ?? 0) > 50 && outcome.latency.maxMs <= 200, JSON.stringify(outcome.failed));
});
