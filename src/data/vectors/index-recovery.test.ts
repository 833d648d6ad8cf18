/** Vector indexes whose checkpoints were damaged while nobody ran: built again from the log, or told to be lost. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../engines/embedded/state-store.ts";
import { vectorEngine } from "../../engines/vectors/vector-rows.ts";
import { systemClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import type { EventLog } from "../../ports/event-log.ts";
import { DEFAULT_HNSW } from "./index-settings.ts";
import type { IndexSettings } from "./index-settings.ts";
import type { PointOperation } from "./operation.ts";
import { createVectorIndexes, VECTOR_LOG } from "./vector-indexes.ts";
import type { VectorIndexes } from "./vector-indexes.ts";

const SETTINGS: IndexSettings = { vectors: { "": { dimensions: 4, distance: "cosine", hnsw: DEFAULT_HNSW } }, sparse: {}, fields: { size: "integer" } };
const POINTS = 1_500;

type Opened = VectorIndexes & AsyncDisposable & { readonly log: EventLog; readonly errors: readonly string[] };

async function openAt(folder: string, refuseBlobs?: StrataError): Promise<Opened> {
  await using stack = new AsyncDisposableStack();
  const errors: string[] = [];
  const log = stack.use(await openEmbeddedEventLog({ folder: join(folder, "log"), clock: systemClock, segmentBytes: 16_384 }));
  const states = await openEmbeddedStateStore({ folder: join(folder, "state") });
  const store = await openEmbeddedBlobStore({ folder: join(folder, "blobs") });
  const blobs = refuseBlobs ? { ...store, get: () => Promise.reject(refuseBlobs) } : store;
  const indexes = createVectorIndexes({
    log, states, blobs, engine: vectorEngine, clock: systemClock, ids: createIdSource(systemClock, createRandom(1).next), random: createRandom(2), meter: silentMeter,
    logger: { log: (level, message) => { if (level === "error") errors.push(message); } },
  });
  await indexes.start();
  const owned = stack.move();
  return { ...indexes, log, errors, [Symbol.asyncDispose]: async () => { await indexes.stop(); await owned.disposeAsync(); } };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "strata-vectors-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function upsert(from: number, count: number): PointOperation {
  return { kind: "upsert", points: Array.from({ length: count }, (_, i) => ({ id: from + i, payload: { size: from + i }, vectors: new Map([["", Float32Array.of(from + i, 1, i, 3)]]) })) };
}

/** Two indexes over two blocks, an alias, changes after the checkpoint's first half. */
async function fill(folder: string): Promise<void> {
  await using indexes = await openAt(folder);
  await indexes.create("items", SETTINGS);
  await indexes.create("others", SETTINGS);
  await indexes.alias("things", "items");
  await indexes.change("items", upsert(0, POINTS));
  await indexes.change("others", upsert(0, 10));
  await indexes.checkpoint();
  await indexes.change("items", { kind: "delete", chosen: { ids: [7] } });
  await indexes.change("items", { kind: "set-payload", chosen: { ids: [8] }, payload: { size: -1 } });
}

function known(indexes: VectorIndexes, name = "items"): unknown {
  const { points } = indexes.index(name);
  const { hits } = indexes.query(name, { query: { kind: "nearest", vector: [40, 1, 2, 3] }, limit: POINTS });
  return { count: points.count, hits: hits.map(({ slot, score }) => [points.id(slot), score, points.payload(slot)]).toSorted(([a], [b]) => Number(a) - Number(b)) };
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function flipBit(path: string, place: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.floor(place * bytes.length)]! ^= 0x10;
  await writeFile(path, bytes);
}

test("a flipped bit in any blob: the index is built again from its log, and its blobs are healed", () => inFolder(async (folder) => {
  const whole = join(folder, "whole"), copy = join(folder, "copy");
  await fill(whole);
  let before: unknown;
  {
    await using indexes = await openAt(whole);
    before = known(indexes);
    assert.deepEqual(indexes.errors, []);
  }
  const blobs = await filesBelow(join(whole, "blobs"));
  assert.ok(blobs.length >= 6, `${blobs.length} blobs`);
  const random = createRandom("flips");
  let told = 0;
  for (const blob of blobs) {
    await cp(whole, copy, { recursive: true });
    await flipBit(blob.replace(whole, copy), random.next());
    {
      await using indexes = await openAt(copy);
      assert.deepEqual(known(indexes), before);
      assert.equal(indexes.index("others").points.count, 10);
      told += indexes.errors.length;
      await indexes.checkpoint();
    }
    await using again = await openAt(copy);
    assert.deepEqual([again.errors, known(again)], [[], before], "the checkpoint after it is whole");
    await again[Symbol.asyncDispose]();
    await rm(copy, { recursive: true });
  }
  assert.ok(told >= 6, `${told} of ${blobs.length} damages were noticed; the rest was of the checkpoint before`);
}));

test("every state file and blob damaged, or gone: everything is built again, aliases too", () => inFolder(async (folder) => {
  await fill(folder);
  let before: unknown;
  {
    await using indexes = await openAt(folder);
    before = known(indexes, "things");
  }
  for (const path of [...await filesBelow(join(folder, "state")), ...await filesBelow(join(folder, "blobs"))]) await writeFile(path, "x".repeat(100));
  {
    await using indexes = await openAt(folder);
    assert.deepEqual(known(indexes, "things"), before);
    assert.match(indexes.errors.join("\n"), /catalog of vector indexes is damaged/);
  }
  await rm(join(folder, "blobs"), { recursive: true });
  {
    await using indexes = await openAt(folder);
    assert.deepEqual(known(indexes, "things"), before);
  }
  await using healed = await openAt(folder);
  assert.deepEqual([healed.errors, known(healed, "things")], [[], before]);
}));

test("a snapshot that was put back stays put back when the index is built again", () => inFolder(async (folder) => {
  let before: unknown;
  {
    await using indexes = await openAt(folder);
    await indexes.create("items", SETTINGS);
    await indexes.change("items", upsert(0, 20));
    const { name } = await indexes.snapshots.create("items");
    await indexes.change("items", upsert(100, 50));
    await indexes.snapshots.recover("items", name);
    await indexes.change("items", upsert(200, 5));
    before = known(indexes);
    assert.equal(indexes.index("items").points.count, 25);
  }
  for (const path of await filesBelow(join(folder, "state"))) await writeFile(path, "x".repeat(100));
  await using indexes = await openAt(folder);
  assert.deepEqual(known(indexes), before);
}));

test("where the log no longer reaches back, a damaged index is not served, the others are, and blobs put back heal it", () => inFolder(async (folder) => {
  await fill(folder);
  let before: unknown;
  {
    await using indexes = await openAt(folder);
    for (let i = 0; i < 20; i++) await indexes.change("others", upsert(i * 50, 50));
    await indexes.checkpoint();
    await indexes.log.retain(VECTOR_LOG, { maxBytes: 0 });
    assert.ok(indexes.log.statistics(VECTOR_LOG).oldestOffset > 4, "the beginning is gone");
    before = known(indexes);
  }
  const saved = join(folder, "blobs-before");
  await cp(join(folder, "blobs"), saved, { recursive: true });
  const size = async (path: string): Promise<number> => (await readFile(path)).length;
  const blobs = await filesBelow(join(folder, "blobs"));
  const largest = (await Promise.all(blobs.map(async (path) => ({ path, size: await size(path), text: (await readFile(path)).toString("latin1") })))).filter(({ text }) => text.includes(`[8,8,{"size":-1}`));
  assert.equal(largest.length, 1);
  await flipBit(largest[0]!.path, 0.5);
  for (const start of ["the first start", "the next"]) {
    await using indexes = await openAt(folder);
    assert.throws(() => indexes.index("items"), { code: "VECTOR_INDEX_LOST" }, start);
    assert.throws(() => indexes.index("things"), { code: "VECTOR_INDEX_LOST" });
    await assert.rejects(indexes.change("items", upsert(0, 1)), { code: "VECTOR_INDEX_LOST" });
    await assert.rejects(indexes.create("items", SETTINGS), { code: "VECTOR_INDEX_LOST" });
    assert.deepEqual([indexes.names(), [...indexes.lost().keys()]], [["others"], ["items"]]);
    assert.equal(indexes.index("others").points.count, 1_000);
    await indexes.change("others", upsert(2_000, 1));
    await indexes.change("others", { kind: "delete", chosen: { ids: [2_000] } });
    await indexes.checkpoint();
  }
  await cp(saved, join(folder, "blobs"), { recursive: true });
  {
    await using indexes = await openAt(folder);
    assert.deepEqual(known(indexes, "things"), before, "put back, it is served again");
  }
  await flipBit(largest[0]!.path, 0.5);
  await using indexes = await openAt(folder);
  assert.equal(await indexes.drop("items"), true);
  await indexes.create("items", SETTINGS);
  assert.equal(indexes.index("items").points.count, 0);
}));

test("a damaged catalog over a log that begins late: changed indexes are told to be lost", () => inFolder(async (folder) => {
  await fill(folder);
  {
    await using indexes = await openAt(folder);
    for (let i = 0; i < 20; i++) await indexes.change("others", upsert(i * 50, 50));
    await indexes.create("young", SETTINGS);
    await indexes.change("young", upsert(0, 3));
    await indexes.checkpoint();
    const until = indexes.log.statistics(VECTOR_LOG).sizeBytes;
    for (let i = 0; i < 20; i++) await indexes.change("others", upsert(i * 50, 50));
    await indexes.log.retain(VECTOR_LOG, { maxBytes: indexes.log.statistics(VECTOR_LOG).sizeBytes - until + 20_000 });
    assert.ok(indexes.log.statistics(VECTOR_LOG).oldestOffset > 4, "the beginning is gone");
  }
  for (const path of await filesBelow(join(folder, "state"))) await writeFile(path, "x");
  await using indexes = await openAt(folder);
  assert.throws(() => indexes.index("others"), { code: "VECTOR_INDEX_LOST" });
  assert.equal(indexes.index("young").points.count, 3);
}));

test("a blob store that does not answer is no damage: the start fails, and nothing is built again", () => inFolder(async (folder) => {
  await fill(folder);
  await assert.rejects(openAt(folder, new StrataError("STORE_FAILED", { reason: "refused" })), { code: "STORE_FAILED" });
}));
