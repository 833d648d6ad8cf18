/** Every request is accounted for, also against a server that fails, hangs up or never answers. */
import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { test } from "node:test";
import type { LoadPlan } from "./load-plan.ts";
import { echo, loadOf, openTestServer } from "./test-support/known-server.ts";

async function against(listener: RequestListener, plan: Partial<LoadPlan>) {
  await using server = await openTestServer(listener);
  return await loadOf(server, plan);
}

test("answers are counted, and those with the mark", async () => {
  const outcome = await against(echo, { mark: "[1]" });
  assert.deepEqual([outcome.sent, outcome.answered, outcome.marked, outcome.unfinished, outcome.failed], [40, 40, 20, 0, {}]);
  assert.equal(outcome.latency.count, 40);
});

test("error statuses are failures, with the first body kept", async () => {
  let number = 0;
  const outcome = await against((request, response) => {
    if (number++ % 4 !== 0) return echo(request, response);
    response.writeHead(503, { "content-length": 4 }).end("busy");
  }, {});
  assert.deepEqual([outcome.sent, outcome.answered, outcome.failed, outcome.firstFailure, outcome.unfinished], [40, 30, { "status 503": 10 }, "busy", 0]);
});

test("a connection cut in the middle is a failure, and the load goes on", async () => {
  let number = 0;
  const outcome = await against((request, response) => (number++ === 5 ? request.socket.destroy() : echo(request, response)), {});
  assert.equal(outcome.answered, 39);
  assert.equal(Object.values(outcome.failed).reduce((a, b) => a + b, 0), 1);
});

test("a server that closes each connection is asked over new ones", async () => {
  const outcome = await against((request, response) => { response.setHeader("connection", "close"); echo(request, response); }, {});
  assert.deepEqual([outcome.answered, outcome.failed], [40, {}]);
});

test("requests never answered time out or stay unfinished", async () => {
  const outcome = await against(() => undefined, { timeoutMs: 150, durationMs: 300 });
  assert.equal(outcome.answered, 0);
  const failed = Object.values(outcome.failed).reduce((a, b) => a + b, 0);
  assert.ok(failed >= 4, "the first requests time out");
  assert.equal(outcome.sent, failed + outcome.unfinished);
});

test("an open loop sends at its rate and counts the waiting", async () => {
  const outcome = await against((request, response) => { setTimeout(() => echo(request, response), 20); }, {
    connections: 1, arrivals: { kind: "open", perSecond: 500, seed: 1 }, durationMs: 300, maxRequests: 1_000_000,
  });
  assert.ok(outcome.answered < 30, "one connection at 20 ms each answers at most 15, and a few after the end");
  assert.ok(outcome.unfinished > 80, "the others had come and found no connection");
  assert.ok(outcome.latency.maxMs > 100, "the wait for a connection counts");
});

test("nobody listens", async () => {
  const outcome = await against(echo, { port: 1, durationMs: 120 });
  assert.equal(outcome.answered, 0);
  assert.ok((outcome.failed["ECONNREFUSED"] ?? 0) >= 4);
});
