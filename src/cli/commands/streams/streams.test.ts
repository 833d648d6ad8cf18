import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../../test/conformance/temporary-folder.ts";
import { openFakeServer, runStrata } from "../../../../test/fake-strata-server.ts";

const purchases = {
  name: "purchases", description: "what was bought", oldestOffset: 0, events: 1200, eventsPerSecond: 3, hotBytes: 2048, tieredBytes: 1_048_576, schemaVersion: 2, compatibility: "BACKWARD",
  latestEventMs: 60_000, watermarkMs: 0, watermarkLagMs: 90_000, consumers: [{ consumer: "lake", position: 1200, lagEvents: 0 }, { consumer: "stream big", position: 1190, lagEvents: 10 }], deadLetters: 4,
  quota: { eventsPerMinute: 600 },
};
const big = { ...purchases, name: "big", quota: undefined, derivation: { operator: "map", sources: ["purchases"], state: "running", late: 0, keyless: 1, held: 7 } };
const versions = [{ version: 1, hash: "abcdef0123456789", schema: { type: "object", properties: { item: { type: "string" } } }, compatibility: "BACKWARD", fromOffset: 0, createdAtMs: 0 }];
const operation = { id: "01KCV", kind: "replay", subject: "big", state: "done", done: 1200, total: 1200, perSecond: 6000, startedAtMs: 0, updatedAtMs: 0, input: {}, result: { derived: "big", sourceEvents: 1200, same: 7, skipped: 0 } };

async function run(words: readonly string[], difference?: object) {
  let looks = 0;
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/streams") return { body: { streams: [purchases, big] } };
    if (line === "GET /v1/streams/big") return { body: big };
    if (line === "GET /v1/streams/purchases/schemas") return { body: { stream: "purchases", compatibility: "BACKWARD", versions } };
    if (line === "POST /v1/streams/purchases/schemas/check") return { body: { compatible: false, compatibility: "BACKWARD", findings: [{ path: "shop", rule: "FIELD_REQUIRED", direction: "BACKWARD", version: 1, message: "the new schema requires it; make it optional" }] } };
    if (line === "POST /v1/streams/purchases/replay") return { status: 202, body: { ...operation, state: "running", done: 0, result: undefined } };
    if (line === "GET /v1/operations/01KCV") return { body: looks++ === 0 ? { ...operation, state: "running", done: 600, leftMs: 100, result: undefined } : { ...operation, result: { ...operation.result, ...(difference ? { difference } : {}) } } };
    if (line === "GET /v1/operations") return { body: { operations: [operation] } };
    return undefined;
  });
  const outcome = await runStrata(["streams", ...words], server);
  return { ...outcome, text: outcome.host.output(), bodies: server.requests.map(({ text }) => (text === "" ? undefined : JSON.parse(text) as unknown)) };
}

test("the list says where events come from, how far behind the slowest reader is, and where the bytes are", async () => {
  const { text, code } = await run([]);
  assert.equal(code, 0);
  assert.match(text, /purchases +producers +1,200 +3.*1970-01-01 00:00:00Z +10 +2 KiB +1 MiB +2 +open/);
  assert.match(text, /big +map of purchases .* running/);
  assert.deepEqual((JSON.parse((await run(["--json"])).text) as { streams: { name: string }[] }).streams.map(({ name }) => name), ["purchases", "big"]);
});

test("show names every consumer and what a derivation holds; quota lists the limits", async () => {
  const { text } = await run(["show", "big"]);
  assert.match(text, /derived by +map of purchases: running; 0 late, 1 without a key, 7 held/);
  assert.match(text, /stream big +1,190 +10/);
  assert.match((await run(["quota"])).text, /purchases +600/);
});

test("schema lists versions; check fails with one sentence for each problem", async () => {
  assert.match((await run(["schema", "purchases"])).text, /purchases: BACKWARD\n.*\n +1 +0 +1970-01-01 00:00:00Z +item +abcdef012345/);
  await using folder = await temporaryFolder();
  const file = join(folder.path, "next.json");
  await writeFile(file, '{"type":"object","required":["shop"]}');
  const { text, code, bodies } = await run(["schema", "check", "purchases", file]);
  assert.deepEqual([code, text], [1, "not compatible (BACKWARD):\n  shop: the new schema requires it; make it optional\n"]);
  assert.deepEqual(bodies, [{ schema: { type: "object", required: ["shop"] } }]);
  assert.match((await run(["schema", "check", "purchases", `${file}.none`])).host.errors(), /^error FILE_NOT_FOUND/);
});

test("replay follows the operation to its end and fails at a difference", async () => {
  const { text, code, bodies } = await run(["replay", "purchases", "--derived", "big", "--from", "2026-01-01T00:00:00Z"]);
  assert.deepEqual([code, text], [0, "1,200 source events read; 7 events of big made again with the same bytes\n"]);
  assert.deepEqual(bodies[0], { derived: "big", from: "2026-01-01T00:00:00Z" });
  const other = await run(["replay", "purchases", "--derived", "big"], { offset: 3, stored: "of:purchases/9 {}", made: null });
  assert.equal(other.code, 1);
  assert.match(other.text, /the first difference is at offset 3:\nstored +of:purchases\/9 \{\}\nmade +nothing\n$/);
  assert.match((await run(["replay", "purchases"])).host.errors(), /^error USAGE Say what to replay into/);
  assert.match((await run(["replay", "purchases", "--to-view", "v", "--detach"])).text, /started operation 01KCV/);
  assert.match((await run(["operations"])).text, /01KCV +replay +big +done +1,200 of 1,200 \(100%\)/);
});
