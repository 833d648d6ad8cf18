/**
 * Qdrant's own clients, unmodified, against a Strata. The Python flows do everything twice, in Strata and in the
 * client's in-memory mode, and compare; the JavaScript flow walks through the client's methods.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { QdrantClient } from "@qdrant/js-client-rest";
import { z } from "zod";
import { defineApplication, defineStream, defineVectorIndex } from "../../src/index.ts";
import { openTestPlatform, temporaryFolder } from "../scenarios/platform-kit.ts";
import { openPython } from "./python.ts";

const PACKAGES = ["qdrant-client==1.16.1", "numpy==2.4.6"];

interface Told {
  readonly flow: string;
  readonly passed: boolean;
  readonly error?: string;
}

const stream = defineStream("articles", { schema: z.object({ slug: z.string(), title: z.string() }) });
/** A toy embedding: how often each of eight letters stands in the text. */
const embed = (text: string): readonly number[] => ["e", "t", "a", "o", "i", "n", "s", "r"].map((letter) => text.split(letter).length - 1 + 0.01);
const application = defineApplication("qdrant_test", [
  defineVectorIndex("articles", { dimensions: 8, embedding: embed, payload: z.object({ slug: z.string() }), keywords: ["title"], points: { from: stream, key: "slug", text: "title" } }),
]);

async function openStrata() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const platform = stack.use(await openTestPlatform(application, { dataDir: folder.path }));
  const owned = stack.move();
  return { platform, url: platform.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("qdrant-client in Python says of Strata what it says of its own memory", { timeout: 900_000 }, async (context) => {
  const opened = await openPython(PACKAGES);
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  await using server = await openStrata();
  const { stdout } = await opened.python.run([fileURLToPath(new URL("qdrant_flows.py", import.meta.url)), "--url", server.url]);
  const flows = stdout.trim().split("\n").map((line) => JSON.parse(line) as Told);
  assert.ok(flows.length >= 30, stdout);
  for (const { flow, passed, error } of flows) await context.test(flow, () => assert.ok(passed, error));
});

test("@qdrant/js-client-rest", { timeout: 60_000 }, async (context) => {
  await using server = await openStrata();
  const client = new QdrantClient({ url: server.url });

  await context.test("collections", async () => {
    assert.equal((await client.versionInfo()).title, "qdrant - vector search engine");
    await client.createCollection("books", { vectors: { size: 4, distance: "Cosine" }, hnsw_config: { m: 24, ef_construct: 64 } });
    assert.deepEqual((await client.getCollections()).collections.map(({ name }) => name), ["articles", "books"]);
    const { config, status } = await client.getCollection("books");
    assert.equal(status, "green");
    assert.deepEqual(config.params.vectors, { size: 4, distance: "Cosine", hnsw_config: { m: 24, ef_construct: 64 } });
    assert.equal((await client.collectionExists("books")).exists, true);
    await assert.rejects(client.createCollection("books", { vectors: { size: 4, distance: "Dot" } }), { status: 409 });
    await assert.rejects(client.getCollection("nothing"), { status: 404 });
    await assert.rejects(client.deleteCollection("articles"), { status: 409 });
  });
  await context.test("points", async () => {
    const points = Array.from({ length: 100 }, (_, i) => ({ id: i, vector: [Math.cos(i / 16), Math.sin(i / 16), 0.1, 0], payload: { n: i, group: `g${i % 5}`, tags: i % 2 === 0 ? ["even"] : [] } }));
    assert.equal((await client.upsert("books", { wait: true, points })).status, "completed");
    await client.createPayloadIndex("books", { field_name: "group", field_schema: "keyword", wait: true });
    const { points: hits } = await client.query("books", { query: [1, 0, 0, 0], limit: 3, filter: { must: [{ key: "group", match: { value: "g0" } }] }, with_payload: true });
    assert.deepEqual([hits.length, hits[0]!.id], [3, 0]);
    assert.ok(hits.every(({ payload }) => payload?.["group"] === "g0"));
    const { points: found } = await client.query("books", { query: [1, 0, 0, 0], limit: 5, with_vector: true, params: { exact: true } });
    assert.equal(found[0]!.id, 0);
    assert.ok(Math.abs(Math.hypot(...(found[0]!.vector as number[])) - 1) < 1e-5, "cosine keeps unit vectors");
    assert.deepEqual((await client.retrieve("books", { ids: [3, 4, 999] })).map(({ id }) => id), [3, 4]);
    assert.equal((await client.count("books", { filter: { must: [{ key: "tags", match: { value: "even" } }] } })).count, 50);
    const page = await client.scroll("books", { limit: 60 });
    assert.equal(page.next_page_offset, 60);
    assert.equal((await client.scroll("books", { limit: 60, offset: page.next_page_offset as number })).points.length, 40);
    const groups = await client.queryGroups("books", { query: [1, 0, 0, 0], group_by: "group", group_size: 2, limit: 3 });
    assert.deepEqual(groups.groups.map(({ hits: of }) => of.length), [2, 2, 2]);
    const [first, second] = await client.queryBatch("books", { searches: [{ query: [1, 0, 0, 0], limit: 1 }, { query: [0, 1, 0, 0], limit: 2 }] });
    assert.deepEqual([first!.points.length, second!.points.length], [1, 2]);
    const recommended = await client.query("books", { query: { recommend: { positive: [1, 2], negative: [50] } }, limit: 4 });
    assert.ok(recommended.points.every(({ id }) => ![1, 2, 50].includes(id as number)));
    const older = await fetch(`${server.url}/collections/books/points/search`, { method: "POST", body: JSON.stringify({ vector: [1, 0, 0, 0], limit: 1 }) });
    assert.equal((await older.json() as { result: { id: number }[] }).result[0]!.id, 0);
    assert.deepEqual((await client.facet("books", { key: "group" })).hits.map(({ count }) => count), [20, 20, 20, 20, 20]);
  });
  await context.test("changes", async () => {
    await client.setPayload("books", { wait: true, payload: { read: true }, points: [1, 2] });
    await client.deletePayload("books", { wait: true, keys: ["tags"], points: [2] });
    await client.overwritePayload("books", { wait: true, payload: { only: 1 }, points: [3] });
    await client.clearPayload("books", { wait: true, points: [4] });
    await client.updateVectors("books", { points: [{ id: 5, vector: [0, 0, 0, 1] }] });
    assert.equal((await client.query("books", { query: [0, 0, 0, 1], limit: 1 })).points[0]!.id, 5);
    await client.delete("books", { wait: true, points: [0] });
    assert.ok((await client.query("books", { query: [1, 0, 0, 0], limit: 100 })).points.every(({ id }) => id !== 0), "what was deleted never returns");
    await client.batchUpdate("books", { wait: true, operations: [{ upsert: { points: [{ id: 200, vector: [1, 0, 0, 0] }] } }, { delete: { points: [200] } }] });
    assert.equal((await client.count("books")).count, 99);
    await assert.rejects(client.upsert("books", { points: [{ id: 1, vector: [1, 2] }] }), { status: 400 });
    await assert.rejects(client.upsert("books", { points: [{ id: "not a uuid", vector: [1, 2, 3, 4] }] }), { status: 400 });
  });
  await context.test("aliases and snapshots", async () => {
    await client.updateCollectionAliases({ actions: [{ create_alias: { collection_name: "books", alias_name: "library" } }] });
    assert.equal((await client.count("library")).count, 99);
    assert.equal((await client.getAliases()).aliases.length, 1);
    const snapshot = await client.createSnapshot("books");
    await client.delete("books", { wait: true, filter: {} });
    await client.recoverSnapshot("books", { location: `file:///snapshots/books/${snapshot!.name}` });
    assert.equal((await client.count("books")).count, 99);
    const file = await fetch(`${server.url}/collections/books/snapshots/${snapshot!.name}`);
    const form = new FormData();
    form.set("snapshot", new Blob([await file.arrayBuffer()]), "books.snapshot");
    await client.delete("books", { wait: true, filter: {} });
    assert.equal((await fetch(`${server.url}/collections/books/snapshots/upload`, { method: "POST", body: form })).status, 200);
    assert.equal((await client.count("books")).count, 99);
  });
  await context.test("an index of the definition follows its stream and embeds by itself", async () => {
    const rows = ["ants eat roots", "trains in rain", "a tiny zoo"].map((title, i) => ({ row: { slug: `s${i}`, title } }));
    assert.equal((await server.platform.ingestion.ingestRows("articles", rows)).accepted, 3);
    const search = async (body: object): Promise<{ hits: { payload: { slug: string } }[]; plan: string[] }> => {
      const answer = await fetch(`${server.url}/v1/vectors/articles/search`, { method: "POST", body: JSON.stringify(body) });
      assert.equal(answer.status, 200, await answer.clone().text());
      return await answer.json() as { hits: { payload: { slug: string } }[]; plan: string[] };
    };
    assert.equal((await search({ text: "ants eat roots", limit: 1 })).hits[0]!.payload.slug, "s0");
    assert.equal((await search({ keywords: "TRAINS", limit: 5 })).hits[0]!.payload.slug, "s1");
    assert.equal((await search({ text: "a tiny zoo", keywords: "zoo", limit: 5 })).hits[0]!.payload.slug, "s2");
    const { points } = await client.query("articles", { query: { text: "a tiny zoo", model: "any" }, limit: 1, with_payload: true });
    assert.equal(points[0]!.payload?.["slug"], "s2");
  });
  await context.test("health", async () => {
    for (const path of ["healthz", "livez", "readyz", "telemetry"]) assert.equal((await fetch(`${server.url}/${path}`)).status, 200);
  });
});
