/** `strata vectors`: what it sends and what it shows. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import { StrataError } from "../../kernel/errors.ts";

const index = { index: "menu", points: 3, isDefined: true, vectors: { "": { dimensions: 5, distance: "cosine", linked: 0, isBuilding: false, memoryBytes: 1_048_576 } }, sparse: [], fields: { name: "keyword" }, aliases: [] };
const found = { index: "menu", hits: [{ id: "a-b", score: 0.98765, payload: { name: "chai" } }], plan: ["scan: no graph: 3 rows are scanned"] };
const snapshot = { name: "menu-0.snapshot", createdAtMs: 0, sizeBytes: 123, checksum: "abc" };

async function run(words: readonly string[]) {
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1/vectors") return { body: { indexes: [index] } };
    if (line === "GET /v1/vectors/menu") return { body: index };
    if (line === "POST /v1/vectors/menu/search") return { body: found };
    if (line === "POST /v1/vectors/menu/points") return { body: { upserted: 2, points: 5 } };
    if (line === "POST /v1/vectors/menu/snapshots") return { body: snapshot };
    if (line === "GET /v1/vectors/menu/snapshots") return { body: { snapshots: [snapshot] } };
    if (line === "GET /v1/vectors/none") throw new StrataError("VECTOR_INDEX_NOT_FOUND", { index: "none", known: "menu" });
    return undefined;
  });
  const outcome = await runStrata(["vectors", ...words], server);
  return { ...outcome, lines: server.lines(), bodies: server.requests.map(({ text }) => (text === "" ? undefined : JSON.parse(text) as unknown)) };
}

test("list and show tell what there is", async () => {
  assert.match((await run(["list"])).host.output(), /menu +3 +5 cosine +the definition/);
  assert.match((await run(["show", "menu"])).host.output(), /vector: 5 numbers, cosine, 0 rows in the graph, 1 MiB/);
  assert.match((await run(["show", "none"])).host.errors(), /^error VECTOR_INDEX_NOT_FOUND/);
});

test("search sends what was asked and shows hits and plan", async () => {
  const { host, bodies } = await run(["search", "menu", "--vector", "1,0,0.5", "--keywords", "tea", "--id", "7", "--filter", "{\"must\":[]}", "--limit", "3", "--exact"]);
  assert.deepEqual(bodies[0], { vector: [1, 0, 0.5], keywords: "tea", id: 7, filter: { must: [] }, limit: 3, exact: true });
  assert.match(host.output(), /a-b +0\.9877 +\{"name":"chai"\}/);
  assert.equal((await run(["search", "menu", "--vector", "1,x"])).code, 2);
});

test("upsert sends a file in batches, snapshots are taken and listed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "strata-vectors-"));
  try {
    const file = join(folder, "points.ndjson");
    await writeFile(file, "{\"id\":1,\"vector\":[1,2]}\n\n{\"id\":\"b\",\"text\":\"tea\"}\n");
    const { bodies, host } = await run(["upsert", "menu", file]);
    assert.deepEqual(bodies, [{ points: [{ id: 1, vector: [1, 2] }, { id: "b", text: "tea" }] }]);
    assert.match(host.output(), /2 points written to menu/);
  } finally {
    await rm(folder, { recursive: true });
  }
  assert.deepEqual((await run(["snapshots", "menu", "--take"])).lines, ["POST /v1/vectors/menu/snapshots", "GET /v1/vectors/menu/snapshots"]);
});
