import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../../test/fake-strata-server.ts";

const letter = {
  id: "17", state: "open", stream: "clicks", receivedAtMs: 0, reason: "missing price", backfill: false, event: "{\"id\":\"x\"}",
  problems: [{ path: "price", message: "missing price", code: "missing price" }],
};
const definition = { hash: "h", document: { name: "shop", resources: { streams: { clicks: { schema: { properties: { zip: { type: "string" }, price: { type: "number" } } } } } } } };

async function run(words: string | readonly string[]) {
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/definition") return { body: definition };
    if (line === "GET /v1/streams/clicks/dead-letters") return { body: { letters: [letter], counts: { "missing price": 2, "not JSON": 1 }, nextCursor: "18" } };
    if (line === "GET /v1/streams/clicks/dead-letters/17") return { body: letter };
    if (line === "POST /v1/streams/clicks/dead-letters/replay") return { body: { replayed: 1, duplicates: 0, failed: [{ id: "18", problems: [{ path: "", message: "is not JSON" }] }] } };
    return line === "POST /v1/streams/clicks/dead-letters/discard" ? { body: { discarded: 2 } } : undefined;
  });
  const outcome = await runStrata(typeof words === "string" ? words.split(" ") : words, server);
  const posted = server.requests.filter(({ method }) => method === "POST").map(({ text }) => JSON.parse(text) as unknown);
  return { ...outcome, posted, requests: server.requests };
}

test("the list has counts by reason and each letter", async () => {
  const { code, host, requests } = await run(["ingest", "dead-letters", "clicks", "--reason", "missing price", "--limit", "1", "--resolved"]);
  assert.equal(code, 0);
  assert.deepEqual(requests[0]?.query, { reason: "missing price", limit: "1", includeResolved: "true" });
  const bar = (count: number): string => "█".repeat(count).padEnd(62);
  assert.equal(host.output(), [
    "clicks has 3 open dead letters",
    `missing price  ${bar(62)}  2`,
    `not JSON       ${bar(31)}  1`,
    "",
    "id  received              reason         problems              event",
    "17  1970-01-01 00:00:00Z  missing price  price: missing price  {\"id\":\"x\"}",
    "",
  ].join("\n"));
  assert.equal(host.errors(), "more: add --cursor 18\n");
});

test("one letter is shown whole, with what to do", async () => {
  const { host } = await run("ingest show clicks 17");
  assert.equal(host.output(), [
    "id        17", "state     open", "received  1970-01-01 00:00:00Z", "reason    missing price", "price     missing price", "", "{", "  \"id\": \"x\"", "}", "",
  ].join("\n"));
  assert.match(host.errors(), /strata ingest replay clicks --id 17 --set field=value/);
});

test("a replay sets fields by the stream's schema; what stays open is status 1", async () => {
  const { code, host, posted } = await run("ingest replay clicks --reason missing --set price=5 --set zip=01234 --backfill");
  assert.equal(code, 1);
  assert.deepEqual(posted, [{ reason: "missing", set: { price: 5, zip: "01234" }, backfill: true }]);
  assert.equal(host.output(), "replayed       1\nstored before  0\nstill refused  1\n\nid  problems\n18  is not JSON\n");
});

test("all means every reason, and results are added up", async () => {
  const { host, posted } = await run("ingest replay clicks --all --json");
  assert.deepEqual(posted, [{ reason: "missing price" }, { reason: "not JSON" }]);
  assert.deepEqual((host.json() as { replayed: number }).replayed, 2);
});

test("a replacement takes the place of one event", async () => {
  assert.deepEqual((await run(["ingest", "replay", "clicks", "--id", "17", "--replacement", "{\"price\":1}"])).posted, [{ ids: ["17"], replacement: { price: 1 } }]);
});

test("discarding names how many were open", async () => {
  const { code, host, posted } = await run("ingest discard clicks --id 17 --id 18");
  assert.equal(code, 0);
  assert.deepEqual(posted, [{ ids: ["17", "18"] }]);
  assert.equal(host.output(), "2 dead letters discarded\n");
});

test("a choice must be made, and only one", async () => {
  for (const words of ["ingest replay clicks", "ingest discard clicks --all --id 3", "ingest replay clicks --reason x --all"]) {
    const { code, host, posted } = await run(words);
    assert.equal(code, 2);
    assert.match(host.errors(), /Choose dead letters by --id, by --reason, or --all of them\./);
    assert.deepEqual(posted, []);
  }
  assert.match((await run("ingest replay clicks --all --set price")).host.errors(), /--set needs field=value, not "price"\./);
  assert.match((await run(["ingest", "replay", "clicks", "--all", "--replacement", "{}"])).host.errors(), /--replacement stands for one event/);
  assert.match((await run(["ingest", "replay", "clicks", "--id", "1", "--replacement", "[1]"])).host.errors(), /\[1\] is not a JSON object\./);
});
