import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";

async function run(words: readonly string[], audit?: unknown) {
  await using server = await openFakeServer((line) => {
    if (line === "POST /v1/features/activity") return { body: { view: "activity", features: ["orders_7d", "spend", "country"], atMs: 0, offset: 17, rows: [[3, null, "France"]] } };
    return line === "POST /v1/audit" ? { body: audit } : undefined;
  });
  return { ...await runStrata(["features", ...words], server), requests: server.requests };
}

test("one row is read by keys that stay text", async () => {
  const { code, host, requests } = await run(["activity", "customer=007", "--at", "1970-01-01T00:00:01Z"]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(requests[0]!.text), { keys: [{ customer: "007" }], atMs: 1000 });
  assert.equal(host.output(), "orders_7d  3\nspend      –\ncountry    France\n");
  assert.equal(host.errors(), "as of 1970-01-01 00:00:00Z, events before offset 17 included\n");
});

test("a time that is none is refused before anything is asked", async () => {
  const { code, host, requests } = await run(["activity", "customer=1", "--at", "yesterday"]);
  assert.equal(code, 2);
  assert.match(host.errors(), /--at needs a time such as 2026-01-31T12:00:00Z, not "yesterday"\./);
  assert.equal(requests.length, 0);
});

test("an audit counts, and a single difference is status 1", async () => {
  const sound = await run(["audit", "--limit", "5"], { checked: 22, mismatches: 0, rows: 2, answers: 1 });
  assert.equal(sound.code, 0);
  assert.deepEqual(JSON.parse(sound.requests[0]!.text), { limit: 5 });
  assert.equal(sound.host.output(), "22 values of 2 rows in 1 answer compared: 0 mismatches\n");
  const wrong = await run(["audit"], { checked: 22, mismatches: 1, rows: 2, answers: 1, examples: [{ feature: "activity.spend", online: 1, offline: 2 }] });
  assert.equal(wrong.code, 1);
  assert.equal(wrong.host.output(), "22 values of 2 rows in 1 answer compared: 1 mismatch\n  {\"feature\":\"activity.spend\",\"online\":1,\"offline\":2}\n");
  assert.match((await run(["audit"], { checked: 0, mismatches: 0, rows: 0, answers: 0 })).host.errors(), /there are no sampled rows yet; ask an endpoint first/);
});
