/** Online equals offline: what real engines answered along the way is computed again from the lake, bit for bit. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import {
  count, defineApplication, defineCandidates, defineEntity, defineFeatureView, defineModel, defineOnDemand, defineStream, distinct, eachCandidate, gradientBoosting,
  happensWithin, interaction, last, mean, sum,
} from "../../define/index.ts";
import { openDuckdbAnalytics } from "../../engines/duckdb/duckdb-analytics.ts";
import { openEmbeddedBlobStore } from "../../engines/embedded/blob-store.ts";
import { openEmbeddedFileCache } from "../../engines/embedded/file-cache.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../engines/embedded/state-store.ts";
import { openDomainDatabase } from "../../../test/conformance/domain-database.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { createRandom } from "../../kernel/random.ts";
import { silentLogger, silentMeter } from "../../ports/telemetry.ts";
import { createCandidateEngine } from "../candidates/candidate-engine.ts";
import { createFeatureEngine } from "../features/engine.ts";
import { createVectorAssembler } from "../features/feature-vector.ts";
import { createLake } from "../lake/lake.ts";
import { createEventDecoder } from "../streams/event-decoder.ts";
import { recomputeVectors } from "./recompute-vectors.ts";
import type { VectorRequest } from "./recompute-vectors.ts";

const orders = defineStream("orders", {
  schema: z.object({ user: z.string(), item: z.string(), order: z.string(), price: z.number(), city: z.string().optional() }), lateness: "30d",
});
const views = defineStream("views", { schema: z.object({ user: z.string(), item: z.string() }), lateness: "30d" });
const [user, item] = [defineEntity("user"), defineEntity("item")];
const spending = defineFeatureView("spending", {
  entities: [user], from: orders, by: (e) => ({ user: e.user }),
  features: (e) => ({ orders_1h: count().over("1h"), spent: sum(e.price).over("2h"), mean_price: mean(e.price), items: distinct(e.item).over("3h"), city: last(e.city) }),
});
const pair = defineFeatureView("pair", { entities: [user, item], from: views, by: (e) => ({ user: e.user, item: e.item }), features: (e) => ({ looks: count().over("1h"), last_look: last(e.$time) }) });
const similar = defineCandidates("similar", {
  user, item, limit: 8, seeds: 4, popularityWindow: "2h",
  interactions: [
    interaction(orders, { user: (e) => e.user, item: (e) => e.item, basket: (e) => e.order }),
    interaction(views, { user: (e) => e.user, item: (e) => e.item }),
  ],
});
const ages = defineOnDemand("ages", { from: [pair], outputs: ["age"], compute: ({ pair: { last_look }, nowMs }) => ({ age: last_look === null ? null : nowMs - last_look }) });
const model = defineModel("ranker", {
  features: [spending, pair.pick("looks"), similar, ages], examples: eachCandidate(similar), trainer: gradientBoosting({ objective: "lambdarank" }),
  label: happensWithin(orders, "1h", (e) => ({ user: e.user, item: e.item })),
});
const categories = { "spending.city": ["Rome", "Oslo"] };

async function openWorld() {
  const root = await mkdtemp(join(tmpdir(), "strata-audit-"));
  const clock = createManualClock(1_700_000_000_000);
  const application = defineApplication("shop", [model]);
  const stack = new AsyncDisposableStack();
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const log = stack.use(await openEmbeddedEventLog({ folder: join(root, "log"), clock }));
  const states = await openEmbeddedStateStore({ folder: join(root, "states") });
  const database = stack.use(await openDomainDatabase({ file: join(root, "strata.db") }));
  const analytics = stack.use(openDuckdbAnalytics({ threads: 1, temporaryFolder: join(root, "temporary") }));
  const blobs = await openEmbeddedBlobStore({ folder: join(root, "blobs") });
  const cache = await openEmbeddedFileCache({ folder: join(root, "cache"), maxBytes: 1_000_000, blobs });
  const shared = { log, states, clock, logger: silentLogger, meter: silentMeter, application: () => application, decoder: createEventDecoder({ streams: () => application.streams }) };
  const lake = stack.use(createLake({ ...shared, analytics, database, blobs, cache, folder: join(root, "lake"), streams: () => application.streams, rowsPerFile: 300 }));
  const openCandidates = async () => {
    const engine = createCandidateEngine(shared);
    await engine.start();
    return engine;
  };
  const features = stack.use(createFeatureEngine(shared));
  await features.start();
  await lake.start();
  return { log, clock, lake, features, openCandidates, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("vectors computed again from the lake equal those that were served, bit for bit", async () => {
  await using world = await openWorld();
  const { log, clock, lake, features, openCandidates } = world;
  let candidates = await openCandidates();
  const random = createRandom(11);
  const name = (kind: string, many: number): string => `${kind}${random.integer(many)}`;
  const assembler = createVectorAssembler(model, categories);

  const arrive = async (stream: "orders" | "views"): Promise<void> => {
    const records = Array.from({ length: 1 + random.integer(4) }, (_, n) => {
      const timeMs = clock.now() - (random.next() < 0.2 ? random.integer(4 * 3_600_000) : 0);
      const row = { user: name("u", 4), item: name("i", 12), order: name("o", 60), price: random.integer(900) / 100, ...(random.next() < 0.5 ? { city: name("", 2) === "0" ? "Rome" : "Turku" } : {}) };
      return { id: `${clock.now()}-${n}`, timeMs, knownAtMs: clock.now(), payload: Buffer.from(JSON.stringify(row)) };
    });
    await log.append(stream, records);
  };
  const served: { readonly request: VectorRequest; readonly vectors: Float64Array }[] = [];
  const answer = (): void => {
    const atMs = clock.now();
    const who = name("u", 5);
    const seedItems = random.next() < 0.5 ? [name("i", 12)] : [];
    const similarItems = random.next() < 0.5 ? [name("i", 12), name("i", 12), "never seen"] : undefined;
    const found = candidates.query("similar", { user: who, seedItems, atMs, also: () => similarItems ?? [] });
    const keys = found.map((candidate) => ({ user: who, item: candidate.item }));
    const perUser = features.read({ view: "spending", keys: keys.map(() => [who]), atMs });
    const perPair = features.read({ view: "pair", keys: keys.map((key) => [key.user, key.item]), atMs });
    const vectors = new Float64Array(keys.length * assembler.columns.length);
    keys.forEach((_, row) => {
      const sources = new Map<string, readonly unknown[]>([["spending", perUser[row]!], ["pair", perPair[row]!], ["similar", found[row]!.features]]);
      assembler.assemble(sources, atMs, vectors, row * assembler.columns.length);
    });
    const offsets = { orders: features.appliedOffset("orders"), views: features.appliedOffset("views") };
    served.push({ vectors, request: { keys, atMs, offsets, candidates: "similar", candidateOffsets: candidates.appliedOffsets("similar"), seedItems, similarItems } });
  };

  for (let turn = 0; turn < 400; turn++) {
    clock.advance(random.integer(120_000));
    await arrive(random.next() < 0.5 ? "orders" : "views");
    if (random.next() < 0.6) await features.fresh(["orders", "views"]); // the engines may lag, each by itself
    if (random.next() < 0.6) await candidates.fresh();
    if (random.next() < 0.4) answer();
    if (turn === 200) {
      await candidates.stop();
      candidates = await openCandidates();
    }
  }
  await lake.flush();
  const snapshot = await lake.snapshot();
  const requests = served.map(({ request }) => request);
  const again = await recomputeVectors({ model, lake, snapshot, categories, requests });
  assert.ok(served.length > 100 && served.some(({ vectors }) => vectors.some((value) => value !== 0)));
  served.forEach(({ vectors }, n) => assert.deepEqual(again[n], vectors));

  // Requests of another server, whose offsets cross, are answered too; those of the future are not.
  const [early, late] = [requests[20]!, requests.at(-1)!];
  const crossed = { ...late, candidateOffsets: { orders: early.candidateOffsets!["orders"]!, views: late.candidateOffsets!["views"]! } };
  const behind = { ...late, candidateOffsets: { orders: late.candidateOffsets!["orders"]!, views: early.candidateOffsets!["views"]! } };
  const mixed = await recomputeVectors({ model, lake, snapshot, categories, requests: [late, crossed, behind, { ...late, offsets: { orders: 1e9 } }] });
  assert.deepEqual(mixed[0], served.at(-1)!.vectors);
  for (const [n, request] of [crossed, behind].entries()) assert.deepEqual(mixed[n + 1], (await recomputeVectors({ model, lake, snapshot, categories, requests: [request] }))[0]);
  assert.equal(mixed[3], undefined);
  await candidates.stop();
});
