/** Neighbours as candidates: in turn from each seed, without what is offered already, none where nothing is known. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { defineStream, defineVectorIndex } from "../../define/index.ts";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../engines/embedded/state-store.ts";
import { vectorEngine } from "../../engines/vectors/vector-rows.ts";
import { systemClock } from "../../kernel/clock.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import { silentLogger, silentMeter } from "../../ports/telemetry.ts";
import { DEFAULT_HNSW } from "./index-settings.ts";
import { pointIdOf } from "./point-key.ts";
import { createSimilarItems } from "./similar-items.ts";
import { createVectorIndexes } from "./vector-indexes.ts";

const orders = defineStream("orders", { schema: z.object({ item: z.string(), order: z.string() }) });
const index = defineVectorIndex("items", { dimensions: 2, learned: { from: orders, item: "item", basket: "order" } });

/** On a circle, by degrees: a0 and a10 are near each other, b90 to b120 too. */
const DEGREES: Readonly<Record<string, number>> = { a0: 0, a10: 10, a20: 20, a35: 35, b90: 90, b100: 100, b112: 112, b125: 125 };

test("neighbours come in turn from each seed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "strata-similar-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const log = stack.use(await openEmbeddedEventLog({ folder: join(folder, "log"), clock: systemClock }));
  const [states, blobs] = [await openEmbeddedStateStore({ folder: join(folder, "state") }), await openEmbeddedBlobStore({ folder: join(folder, "blobs") })];
  const indexes = stack.use(createVectorIndexes({ log, states, blobs, engine: vectorEngine, clock: systemClock, ids: createIdSource(systemClock, createRandom(1).next), random: createRandom(2), logger: silentLogger, meter: silentMeter }));
  await indexes.start();
  const similar = createSimilarItems(indexes);
  const find = (seeds: readonly string[], { exclude = [], limit = 4, most = 5 }: { readonly exclude?: readonly string[]; readonly limit?: number; readonly most?: number } = {}): readonly string[] =>
    similar({ index, limit, seeds: most }, { seeds, exclude: new Set(exclude) });

  assert.deepEqual(find(["a0"]), [], "there is no such index yet");
  await indexes.create("items", { vectors: { "": { dimensions: 2, distance: "cosine", hnsw: DEFAULT_HNSW } }, sparse: {}, fields: {} });
  assert.deepEqual(find(["a0"]), [], "nothing was learned yet");
  await indexes.change("items", { kind: "upsert", points: Object.entries(DEGREES).map(([item, degrees]) => ({
    id: pointIdOf(item), payload: { item }, vectors: new Map([["", Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180))]]),
  })) });
  await indexes.change("items", { kind: "upsert", points: [{ id: pointIdOf("bare"), payload: { item: "bare" }, vectors: new Map() }] });

  assert.deepEqual(find(["a0"]), ["a10", "a20", "a35", "b90"]);
  assert.deepEqual(find(["a0", "b125"]), ["a10", "b112", "a20", "b100"]);
  assert.deepEqual(find(["a0", "b125"], { most: 1 }), ["a10", "a20", "a35", "b90"], "the latest only");
  assert.deepEqual(find(["a0", "a10"], { exclude: ["a0", "a10", "a20"], limit: 2 }), ["a35", "b90"], "both want the same");
  assert.deepEqual(find(["a0"], { exclude: Object.keys(DEGREES) }), []);
  assert.deepEqual(find(["bare", "unknown"]), []);
  assert.deepEqual(find(["bare", "b125"], { limit: 1 }), ["b112"]);
});
