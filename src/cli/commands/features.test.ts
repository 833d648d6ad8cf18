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

test("a service is read by its name, and its offsets are told by stream", async () => {
  await using server = await openFakeServer((line) => (line === "POST /v1/feature-services/shopper" ? { body: { service: "shopper", features: ["activity.orders_7d"], atMs: 0, offsets: { orders: 3, clicks: 9 }, rows: [[2]] } } : undefined));
  const { code, host } = await runStrata(["features", "--service", "shopper", "customer=C1"], server);
  assert.equal(code, 0);
  assert.equal(host.output(), "activity.orders_7d  2\n");
  assert.match(host.errors(), /events before offset 3 of orders, offset 9 of clicks included/);
});

test("lineage is a tree from the streams to the endpoints", async () => {
  const lineage = {
    ref: "feature-view:activity", from: [{ ref: "stream:orders", next: [] }],
    usedBy: [{ ref: "feature-service:page", next: [] }, { ref: "model:value", next: [{ ref: "endpoint:estimate", next: [] }] }],
  };
  await using server = await openFakeServer((line) => (line === "GET /v1/catalogue/activity/lineage" ? { body: lineage } : undefined));
  const { host } = await runStrata(["features", "lineage", "activity"], server);
  assert.equal(host.output(), "made of\n└─ orders  (stream)\n\nactivity  (feature view)\n\nused by\n├─ page  (feature service)\n└─ value  (model)\n   └─ estimate  (endpoint)\n");
  assert.deepEqual(JSON.parse((await runStrata(["features", "lineage", "activity", "--json"], server)).host.output()), lineage);
});

test("the catalogue is searched by words, and an unknown kind is refused before anything is asked", async () => {
  await using server = await openFakeServer((line) => (line.startsWith("GET /v1/catalogue") ? { body: { entries: [{ kind: "feature-view", name: "activity", description: "", tags: [], entities: ["customer"], features: [{ name: "orders_7d", aggregation: "count" }], fields: [], from: ["stream:orders"], usedBy: [] }] } } : undefined));
  const { host } = await runStrata(["features", "list", "--search", "orders customer", "--kind", "feature-view"], server);
  assert.match(host.output(), /feature-view\s+activity\s+–\s+customer\s+1\s+orders/);
  assert.deepEqual(server.requests[0]!.query, { search: "orders customer", kind: "feature-view" });
  assert.equal((await runStrata(["features", "list", "--kind", "view"], server)).code, 2);
});
