import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import { StrataError } from "../../kernel/errors.ts";

const rollouts = [{
  id: "1", model: "ranker", endpoint: "recommend", challenger: 3, champion: 2, phase: "canary", share: 0.2, decisions: [
    { timeMs: 0, action: "start", phase: "shadow", share: 0, reason: "Version 3 passed its gates." },
    { timeMs: 60_000, action: "start-canary", phase: "canary", share: 0.2, reason: "100 shadow answers agreed." },
  ],
}];

async function run(words: readonly string[], found: readonly unknown[] = rollouts) {
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/rollouts") return { body: { rollouts: found } };
    if (line === "POST /v1/models/ranker/rollback") return { body: { model: "ranker", aliases: { champion: 1 } } };
    if (line === "POST /v1/models/ranker/rollout/cancel") throw new StrataError("ROLLOUT_NOT_FOUND", { model: "ranker" });
    return undefined;
  });
  return { ...await runStrata(words, server), requests: server.requests };
}

test("each rollout tells its decisions and their reasons", async () => {
  const { host, requests } = await run(["rollout", "--model", "ranker"]);
  assert.deepEqual(requests[0]?.query, { model: "ranker", limit: "5" });
  assert.equal(host.output(), [
    "ranker v3 against v2 at recommend: canary",
    "  1970-01-01 00:00:00Z  start  Version 3 passed its gates.",
    "  1970-01-01 00:01:00Z  start-canary at 20% of traffic  100 shadow answers agreed.",
    "",
  ].join("\n"));
  assert.match((await run(["rollout"], [])).host.output(), /^no rollout yet;/);
});

test("a rollback sends its reason and says where the model is now", async () => {
  const { code, host, requests } = await run(["rollout", "rollback", "ranker", "--reason", "complaints"]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(requests[0]!.text), { reason: "complaints" });
  assert.equal(host.errors(), "✓ ranker is back at its previous champion, v1\n");
});

test("a reason is required, and nothing to cancel is the server's error", async () => {
  const { code, host, requests } = await run(["rollout", "rollback", "ranker"]);
  assert.equal(code, 2);
  assert.match(host.errors(), /--reason is required\./);
  assert.equal(requests.length, 0);
  assert.match((await run(["rollout", "cancel", "ranker", "--reason", "x"])).host.errors(), /^error ROLLOUT_NOT_FOUND Model "ranker" has no rollout in progress\./);
});
