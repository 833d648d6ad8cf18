/** Vector indexes against a plain model: whatever is done, whenever it is saved, stopped or killed. */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../engines/embedded/state-store.ts";
import { vectorEngine } from "../../engines/vectors/vector-rows.ts";
import { systemClock } from "../../kernel/clock.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import { silentLogger, silentMeter } from "../../ports/telemetry.ts";
import { meetsFilter } from "./condition-predicate.ts";
import type { Filter } from "./filter.ts";
import { DEFAULT_HNSW } from "./index-settings.ts";
import type { IndexSettings } from "./index-settings.ts";
import type { PointOperation } from "./operation.ts";
import type { Payload, PointId } from "./point.ts";
import { visitBits } from "./row-bits.ts";
import { createVectorIndexes } from "./vector-indexes.ts";
import type { VectorIndexes } from "./vector-indexes.ts";

const SETTINGS: IndexSettings = {
  vectors: { "": { dimensions: 4, distance: "cosine", hnsw: DEFAULT_HNSW } }, sparse: { words: { usesIdf: true } },
  fields: { city: "keyword", size: "integer", price: "float", day: "datetime", isNew: "bool", title: "text" },
};

async function openAt(folder: string): Promise<VectorIndexes & AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  const log = stack.use(await openEmbeddedEventLog({ folder: join(folder, "log"), clock: systemClock }));
  const states = await openEmbeddedStateStore({ folder: join(folder, "state") });
  const blobs = await openEmbeddedBlobStore({ folder: join(folder, "blobs") });
  const indexes = createVectorIndexes({ log, states, blobs, engine: vectorEngine, clock: systemClock, ids: createIdSource(systemClock, createRandom(1).next), random: createRandom(2), logger: silentLogger, meter: silentMeter });
  try {
    await indexes.start();
  } catch (thrown) {
    await stack.disposeAsync();
    throw thrown;
  }
  return { ...indexes, [Symbol.asyncDispose]: async () => { await indexes.stop(); await stack.disposeAsync(); } };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "strata-vectors-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Model = Map<PointId, { payload: Payload; vector: readonly number[] }>;

const id = fc.integer({ min: 0, max: 30 });
const payload: fc.Arbitrary<Payload> = fc.record({
  city: fc.oneof(fc.constantFrom("Bern", "Rome", "Oslo"), fc.array(fc.constantFrom("Bern", "Rome", "Oslo"), { maxLength: 3 })), size: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant("large")),
  price: fc.double({ min: 0, max: 10, noNaN: true }), day: fc.constantFrom("2026-01-01", "2026-01-02T10:00:00Z", "2026-01-03T00:00:00+02:00", "no day"), isNew: fc.boolean(),
  title: fc.constantFrom("red shoes", "blue shoes", "a red hat", "Étude in RED"), other: fc.constantFrom(1, 2, null),
}, { requiredKeys: [], noNullPrototype: true });
const vector = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 4, maxLength: 4 });

type Step = { readonly kind: "operation"; readonly operation: PointOperation } | { readonly kind: "checkpoint" | "restart" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.record({ id, payload, vector }), { minLength: 1, maxLength: 6 }).map((points) => ({ kind: "operation" as const, operation: { kind: "upsert" as const, points: points.map((point) => ({ id: point.id, payload: point.payload, vectors: new Map([["", Float32Array.from(point.vector)]]) })) } })) },
  { weight: 2, arbitrary: fc.array(id, { maxLength: 4 }).map((ids) => ({ kind: "operation" as const, operation: { kind: "delete" as const, chosen: { ids } } })) },
  { weight: 2, arbitrary: fc.record({ ids: fc.array(id, { maxLength: 4 }), payload }).map(({ ids, payload: set }) => ({ kind: "operation" as const, operation: { kind: "set-payload" as const, chosen: { ids }, payload: set } })) },
  { weight: 1, arbitrary: fc.array(id, { maxLength: 4 }).map((ids) => ({ kind: "operation" as const, operation: { kind: "delete-payload" as const, chosen: { ids }, keys: ["city"] } })) },
  { weight: 1, arbitrary: fc.constant({ kind: "checkpoint" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

function applyToModel(model: Model, operation: PointOperation): void {
  if (operation.kind === "upsert") for (const point of operation.points) model.set(point.id, { payload: point.payload, vector: [...(point.vectors.get("") as Float32Array)] });
  if (!("chosen" in operation) || !("ids" in operation.chosen)) return;
  for (const one of operation.chosen.ids) {
    const before = model.get(one);
    if (before === undefined) continue;
    if (operation.kind === "delete") model.delete(one);
    if (operation.kind === "set-payload") before.payload = { ...before.payload, ...operation.payload };
    if (operation.kind === "delete-payload") before.payload = Object.fromEntries(Object.entries(before.payload).filter(([key]) => !operation.keys.includes(key)));
  }
}

function assertEqual(indexes: VectorIndexes, model: Model): void {
  const { points } = indexes.index("items");
  assert.equal(points.count, model.size);
  for (const [one, { payload: expected }] of model) assert.deepEqual(points.payload(points.slotOf(one)!), expected);
  const found = indexes.query("items", { query: { kind: "nearest", vector: [1, 2, 3, 4] }, limit: 1_000 });
  const expected = [...model].map(([one, { vector: at }]) => ({ one, score: at.every((x) => x === 0) ? 0 : (at[0]! + 2 * at[1]! + 3 * at[2]! + 4 * at[3]!) / Math.hypot(...at) / Math.hypot(1, 2, 3, 4) }));
  assert.deepEqual(new Set(found.hits.map(({ slot }) => points.id(slot))), new Set(model.keys()));
  for (const { slot, score } of found.hits) assert.ok(Math.abs(score - expected.find(({ one }) => one === points.id(slot))!.score) < 1e-5, `${score}, not ${expected.find(({ one }) => one === points.id(slot))!.score}`);
}

test("any operations, checkpoints and restarts leave what a plain map would hold", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => inFolder(async (folder) => {
    const model: Model = new Map();
    let indexes = await openAt(folder);
    await indexes.create("items", SETTINGS);
    for (const one of steps) {
      if (one.kind === "operation") {
        await indexes.change("items", one.operation);
        applyToModel(model, one.operation);
      } else if (one.kind === "checkpoint") await indexes.checkpoint();
      else {
        await indexes[Symbol.asyncDispose]();
        indexes = await openAt(folder);
      }
      assertEqual(indexes, model);
    }
    await indexes[Symbol.asyncDispose]();
  })), { numRuns: 25 });
});

test("an id that is named twice is deleted once: its place is given away once", () => inFolder(async (folder) => {
  await using indexes = await openAt(folder);
  await indexes.create("items", SETTINGS);
  const upsert = (...ids: readonly number[]): PointOperation => ({ kind: "upsert", points: ids.map((one) => ({ id: one, payload: {}, vectors: new Map([["", Float32Array.of(one, 1, 2, 3)]]) })) });
  await indexes.change("items", upsert(24));
  await indexes.change("items", { kind: "delete", chosen: { ids: [24, 24] } });
  await indexes.change("items", upsert(0, 1));
  assertEqual(indexes, new Map([0, 1].map((one) => [one, { payload: {}, vector: [one, 1, 2, 3] }])));
}));

test("a copy of the folder taken at any moment, as a crash leaves it, has everything acknowledged by then", () => inFolder(async (folder) => {
  await using indexes = await openAt(folder);
  await indexes.create("items", SETTINGS);
  const random = createRandom(4);
  const model: Model = new Map();
  for (let round = 0; round < 12; round++) {
    const points = Array.from({ length: 40 }, () => ({ id: random.integer(200), payload: { size: random.integer(9) }, vector: Array.from({ length: 4 }, () => random.normal()) }));
    const operation: PointOperation = { kind: "upsert", points: points.map((point) => ({ id: point.id, payload: point.payload, vectors: new Map([["", Float32Array.from(point.vector)]]) })) };
    await indexes.change("items", operation);
    applyToModel(model, operation);
    if (round % 3 === 1) await indexes.checkpoint();
    const copy = `${folder}-copy`;
    await cp(folder, copy, { recursive: true, filter: (path) => !path.endsWith("lock") && !path.endsWith("lock-owner") });
    {
      await using recovered = await openAt(copy);
      assertEqual(recovered, model);
    }
    await rm(copy, { recursive: true });
  }
}));

test("filters by columns and words find what the predicate finds", async () => {
  const scalar = fc.constantFrom("Bern", "Rome", 1, 3, true, "no");
  const conditionOf = (field: string): fc.Arbitrary<object> => fc.oneof(
    scalar.map((value) => ({ key: field, match: { value } })), fc.array(scalar, { maxLength: 3 }).map((any) => ({ key: field, match: { any } })), fc.array(scalar, { maxLength: 3 }).map((except) => ({ key: field, match: { except } })),
    fc.record({ gte: fc.integer({ min: 0, max: 6 }), lt: fc.integer({ min: 0, max: 8 }) }, { requiredKeys: [] }).map((range) => ({ key: field, range })),
    fc.constantFrom("2026-01-02", "2026-01-02T10:00:00Z").map((gte) => ({ key: field, range: { gte } })), fc.constantFrom("red", "red shoes", "RED").map((text) => ({ key: field, match: { text } })),
    fc.constant({ is_empty: { key: field } }), fc.constant({ is_null: { key: field } }), fc.integer({ min: 0, max: 3 }).map((gte) => ({ key: field, values_count: { gte } })),
  );
  const condition = fc.constantFrom("city", "size", "price", "day", "isNew", "title", "other").chain(conditionOf);
  const filter = fc.record({ must: fc.array(condition, { maxLength: 2 }), should: fc.array(condition, { maxLength: 3 }), must_not: fc.array(condition, { maxLength: 2 }), min_should: fc.record({ conditions: fc.array(condition, { maxLength: 3 }), min_count: fc.integer({ min: 0, max: 2 }) }) }, { requiredKeys: [] }) as fc.Arbitrary<Filter>;
  await inFolder(async (folder) => {
    await using indexes = await openAt(folder);
    await indexes.create("items", SETTINGS);
    await fc.assert(fc.asyncProperty(fc.array(payload, { minLength: 1, maxLength: 20 }), fc.array(filter, { minLength: 5, maxLength: 5 }), async (payloads, filters) => {
      await indexes.change("items", { kind: "delete", chosen: { filter: {} } });
      await indexes.change("items", { kind: "upsert", points: payloads.map((one, i) => ({ id: i, payload: one, vectors: new Map() })) });
      const { points } = indexes.index("items");
      for (const one of filters) {
        const found: unknown[] = [];
        visitBits(points.find(one), (slot) => { found.push(points.id(slot)); });
        const expected = payloads.flatMap((subject, i) => (meetsFilter(one, { payload: subject, id: i, hasVector: () => false }, (key) => key === "title") ? [i] : []));
        assert.deepEqual(new Set(found), new Set(expected), JSON.stringify(one));
      }
    }), { numRuns: 100 });
  });
});

test("aliases, drops and a second index of the same name survive a restart", () => inFolder(async (folder) => {
  const one: PointOperation = { kind: "upsert", points: [{ id: 1, payload: {}, vectors: new Map([["", Float32Array.of(1, 2, 3, 4)]]) }] };
  {
    await using indexes = await openAt(folder);
    await indexes.create("items", SETTINGS);
    await indexes.change("items", one);
    await indexes.drop("items");
    await indexes.create("items", SETTINGS);
    await indexes.alias("things", "items");
    await assert.rejects(indexes.create("things", SETTINGS), { code: "VECTOR_INDEX_EXISTS" });
  }
  await using indexes = await openAt(folder);
  assert.equal(indexes.index("things").points.count, 0);
  await indexes.alias("things", null);
  assert.throws(() => indexes.index("things"), { code: "VECTOR_INDEX_NOT_FOUND" });
}));

test("a snapshot brings back what it held, from its name and from its file; a damaged file is refused", () => inFolder(async (folder) => {
  await using indexes = await openAt(folder);
  await indexes.create("items", SETTINGS);
  const upsert = (from: number): PointOperation => ({ kind: "upsert", points: Array.from({ length: 30 }, (_, i) => ({ id: from + i, payload: { size: i }, vectors: new Map([["", Float32Array.of(i, 1, 2, 3)]]) })) });
  await indexes.change("items", upsert(0));
  const { name, sizeBytes } = await indexes.snapshots.create("items");
  const file = await wholeOf(indexes.snapshots.download("items", name));
  assert.equal(file.length, sizeBytes);
  await indexes.change("items", { kind: "delete", chosen: { filter: {} } });
  await indexes.snapshots.recover("items", name);
  assert.equal(indexes.index("items").points.count, 30);
  await indexes.change("items", upsert(100));
  await indexes.snapshots.recoverFile("items", file);
  assert.equal(indexes.index("items").points.count, 30);
  const damaged = Buffer.from(file);
  damaged[damaged.length - 5]! ^= 1;
  await assert.rejects(indexes.snapshots.recoverFile("items", damaged), { code: "REQUEST_INVALID" });
  assert.equal(indexes.index("items").points.count, 30);
  await indexes.snapshots.delete("items", name);
  assert.deepEqual(indexes.snapshots.list("items"), []);
}));

async function wholeOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
