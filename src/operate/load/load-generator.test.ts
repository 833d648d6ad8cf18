/** Several generator processes make one load: shares add up, ids never meet, and an abort ends all of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openLoadGenerator } from "./load-generator.ts";
import type { LoadPlan } from "./load-plan.ts";
import { openTestServer } from "./test-support/known-server.ts";

const planFor = (port: number): LoadPlan => ({
  host: "127.0.0.1", port, exchange: { kind: "http", method: "POST", path: "/", headers: {}, bodies: ["{{id}}"] },
  connections: 5, arrivals: { kind: "closed" }, durationMs: 20_000, maxRequests: 201, timeoutMs: 5_000,
});

test("two processes share a plan, and no id is sent twice, also in a second run", { timeout: 30_000 }, async () => {
  const ids: string[] = [];
  await using server = await openTestServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => { body += chunk.toString(); }).on("end", () => {
      ids.push(body);
      response.end("{}");
    });
  });
  await using generator = openLoadGenerator({ processes: 2 });
  for (let run = 0; run < 2; run++) {
    const outcome = await generator.run(planFor(server.port));
    assert.deepEqual([outcome.sent, outcome.answered, outcome.failed, outcome.generator.processes], [201, 201, {}, 2]);
  }
  assert.equal(new Set(ids).size, 402);
  assert.ok(ids.every((id) => id.length === 20));
});

test("an abort ends every process with what was measured, and progress counts all of them", { timeout: 30_000 }, async () => {
  await using server = await openTestServer((_, response) => { response.end("{}"); });
  await using generator = openLoadGenerator({ processes: 2 });
  const stop = new AbortController();
  let seen = 0;
  const outcome = await generator.run({ ...planFor(server.port), maxRequests: 10_000_000 }, {
    signal: stop.signal,
    onProgress: ({ answered }) => {
      seen = answered;
      if (answered > 100) stop.abort();
    },
  });
  assert.ok(seen > 100 && outcome.answered >= seen && outcome.elapsedMs < 15_000, `${seen} seen, ${outcome.answered} answered in ${outcome.elapsedMs} ms`);
});
