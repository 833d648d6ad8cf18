import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import { StrataError } from "../../kernel/errors.ts";

const key = {
  id: "key_1", name: "shop", tenant: "acme", state: "active", models: [], budgetUsd: 10, periodMs: 86_400_000, spentUsd: 2.5, reservedUsd: 0.000002, leftUsd: 7.499998, periodStartMs: 0,
  requestsPerMinute: 60, tokensPerMinute: null, createdAtMs: 0, expiresAtMs: null,
};
const unlimited = { ...key, id: "key_2", name: "lab", state: "revoked", models: ["fast", "clever"], budgetUsd: null, periodMs: null, leftUsd: null, requestsPerMinute: null };

async function run(words: readonly string[]) {
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/keys") return { body: { keys: [key, unlimited] } };
    if (line === "POST /v1/keys") return { status: 201, body: { key, secret: "sk-strata-new" } };
    if (line === "POST /v1/keys/shop/rotate") return { body: { key, secret: "sk-strata-next" } };
    if (["GET /v1/keys/shop", "POST /v1/keys/shop", "DELETE /v1/keys/shop"].includes(line)) return { body: key };
    throw new StrataError("KEY_NOT_FOUND", { key: "x" });
  });
  const outcome = await runStrata(["keys", ...words], server);
  return { ...outcome, requests: server.requests };
}

test("keys are listed with budgets, balances and limits", async () => {
  const expected = [
    "key   id     tenant  state    budget      spent       left  limits           models",
    "shop  key_1  acme    active   $10 per 1d   $2.5  $7.499998  60 requests/min  all",
    "lab   key_2  acme    revoked  unlimited    $2.5          –  none             fast, clever",
    "",
  ].join("\n");
  assert.equal((await run([])).host.output(), expected);
  assert.equal((await run(["list"])).host.output(), expected);
});

test("a new key's secret is all there is on stdout", async () => {
  const { host, requests } = await run(["create", "shop", "--budget", "10", "--period", "1d", "--model", "fast", "--model", "clever", "--requests-per-minute", "60", "--expires-in", "7d"]);
  assert.equal(host.output(), "sk-strata-new\n");
  assert.equal(host.errors(), "✓ this is the secret of shop (key_1); it is not shown again\n");
  assert.deepEqual(JSON.parse(requests[0]!.text), { name: "shop", budgetUsd: 10, period: "86400000ms", models: ["fast", "clever"], requestsPerMinute: 60, expiresIn: "604800000ms" });
  assert.equal((await run(["rotate", "shop"])).host.output(), "sk-strata-next\n");
});

test("a key is shown with how much of its budget is used", async () => {
  const output = (await run(["show", "shop"])).host.output();
  assert.match(output, /^budget +\$10 per 1d$/m);
  assert.match(output, /^reserved +\$0\.000002$/m);
  assert.match(output, /^used +█+.* +25%$/m);
});

test("an update sends only what was given, and null for what is cleared", async () => {
  const { requests } = await run(["update", "shop", "--budget", "20", "--clear", "period", "--clear", "models"]);
  assert.deepEqual(JSON.parse(requests[0]!.text), { period: null, models: [], budgetUsd: 20 });
  const nothing = await run(["update", "shop"]);
  assert.equal(nothing.code, 2);
  assert.deepEqual(nothing.requests, []);
});

test("a revoked key is gone, an unknown one is the server's error", async () => {
  const { host, requests } = await run(["revoke", "shop"]);
  assert.deepEqual([requests[0]?.method, host.errors()], ["DELETE", "✓ shop (key_1) is revoked\n"]);
  assert.match((await run(["show", "x"])).host.errors(), /KEY_NOT_FOUND/);
});
