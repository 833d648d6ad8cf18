import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";

const figures = { calls: 1_200, estimatedCalls: 0, inputTokens: 45_000, cachedInputTokens: 0, outputTokens: 1_500_000, reasoningTokens: 0, costUsd: 1.5 };
const total = { ...figures, calls: 1_202, estimatedCalls: 2, costUsd: 1.500004 };

async function run(words: string, rows: readonly object[]) {
  await using server = await openFakeServer((line) => (line === "GET /v1/usage" ? { body: { rows, total } } : undefined));
  return { ...await runStrata(words.split(" "), server), requests: server.requests };
}

test("usage is a table, bars by cost, and a sum; keys have their names", async () => {
  const { host, requests } = await run("usage --by key --by outcome --key shop", [
    { group: { key: "key_1", outcome: "ok" }, keyName: "shop", ...figures }, { group: { key: "key_1", outcome: "cut" }, keyName: "shop", ...figures, calls: 2, costUsd: 0.000004 },
  ]);
  assert.deepEqual(requests[0]?.query, { groupBy: "key,outcome", key: "shop" });
  const [table, bars, sum] = host.output().trimEnd().split("\n\n");
  assert.equal(table, [
    "key   outcome  calls  input  output       cost",
    "shop  ok       1,200    45k    1.5M       $1.5",
    "shop  cut          2    45k    1.5M  $0.000004",
  ].join("\n"));
  assert.match(bars!, /^shop · ok +█+ +\$1\.5\nshop · cut +\$0\.000004$/);
  assert.equal(sum, "1,202 calls, 45k tokens in, 1.5M out, $1.500004");
  assert.equal(host.errors(), "the tokens of 2 calls were counted here, because the upstream did not say\n");
});

test("a time is asked for by how long ago it was; nothing booked is said", async () => {
  const { host, requests } = await run("usage --since 1d", []);
  assert.equal(requests[0]?.query["groupBy"], "model");
  assert.match(requests[0]?.query["from"] ?? "", /^\d+$/);
  assert.equal(host.output(), "no calls of language models were booked\n");
});
