/**
 * Neighbours by embedding as candidates, through a running platform: they are scored and shown beside those of the
 * candidate source, their features come from the replayable index, and the audit computes every value again.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineApplication, defineCandidates, defineEndpoint, defineEntity, defineFeatureView, defineModel, defineStream, defineVectorIndex, count, distinct, eachCandidate, gate, gradientBoosting, happensWithin, interaction, z } from "strata";
import { createRandom, createReplayClock } from "strata/testing";
import type { Platform } from "strata/testing";
import { openTestPlatform, send, temporaryFolder } from "./platform-kit.ts";

const GROUPS = 6, PER_GROUP = 8, OFFERED = 5, ADDED = 3;

const orders = defineStream("orders", { schema: z.object({ order: z.string(), customer: z.string(), item: z.string(), at: z.string() }), time: "at" });
const [customer, item] = [defineEntity("customer"), defineEntity("item")];
const sales = defineFeatureView("sales", { entities: [item], from: orders, by: (e) => ({ item: e.item }), features: (e) => ({ sold_7d: count().over("7d"), buyers_7d: distinct(e.customer).over("7d") }) });
const itemVectors = defineVectorIndex("item_vectors", { dimensions: 8, learned: { from: orders, item: "item", basket: "order" } });

/** Five places are too few for the items a customer could want, so that neighbours have something to add. */
function applicationOf(isSimilar: boolean) {
  const offers = defineCandidates("offers", {
    user: customer, item, interactions: [interaction(orders, { user: (e) => e.customer, item: (e) => e.item, basket: (e) => e.order })], limit: OFFERED,
    ...(isSimilar && { similar: { index: itemVectors, limit: ADDED, seeds: 2 } }),
  });
  const ranker = defineModel("ranker", {
    features: [sales, offers], examples: eachCandidate(offers, { maxGroups: 300 }), label: happensWithin(orders, "1h", (e) => ({ customer: e.customer, item: e.item })),
    trainer: gradientBoosting({ objective: "lambdarank", trees: 10, leaves: 4, minChildSamples: 5, seed: 1 }), gates: [gate("recall@20", { min: 0.01 })],
  });
  return defineApplication("shop", [itemVectors, defineEndpoint("recommend", { model: ranker, candidates: offers, request: z.object({ customer: z.string(), basket: z.array(z.string()).default([]) }), keys: { customer: "customer" }, seedItems: "basket", limit: 20, deadline: "5s", featureSampling: 1 })]);
}

const itemOf = (group: number, at: number): string => `g${group}-${at}`;

function shownBy(platform: Platform, source: string): number {
  const counter = platform.telemetry.snapshot().instruments.find(({ name }) => name === "strata_recommended_items_total");
  return (counter?.kind === "counter" ? counter.series : []).filter(({ labels }) => labels["source"] === source).reduce((sum, { value }) => sum + value, 0);
}

interface Answer { readonly variant: string; readonly fallbackReason?: string; readonly items: readonly { readonly item: string }[] }

test("neighbours are scored beside the offered items, and every audited value is equal", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  const clock = createReplayClock(Date.UTC(2026, 0, 5));
  const open = (isSimilar: boolean) => openTestPlatform(applicationOf(isSimilar), { dataDir: folder.path, clock });
  const random = createRandom("baskets");
  const ask = async (platform: Platform, body: object): Promise<Answer> => (await send(platform.url, { path: "/v1/endpoints/recommend", body })).json as Answer;
  {
    await using platform = await open(true);
    const rows = Array.from({ length: 500 }, (_, basket) => {
      const group = random.integer(GROUPS), items = new Set(Array.from({ length: 3 }, () => itemOf(group, random.integer(PER_GROUP))));
      return [...items].map((one) => ({ row: { order: `o${basket}`, customer: `c${group}-${random.integer(4)}`, item: one, at: new Date(clock.now() + basket * 600_000).toISOString() } }));
    }).flat();
    clock.advance(500 * 600_000);
    assert.equal((await platform.ingestion.ingestRows("orders", rows, { backfill: true })).accepted, rows.length);
    const trained = await platform.train("ranker");
    assert.ok(trained.passed, JSON.stringify(trained.gates));

    assert.equal((await ask(platform, { customer: "c0-0" })).items.length, OFFERED, "nothing was learned, so nothing is near");
    assert.equal((await send(platform.url, { path: "/v1/vectors/item_vectors/train", body: {} })).status, 200);
    for (let asked = 0; asked < 20; asked++) {
      const group = asked % GROUPS, basket = asked % 2 === 0 ? [] : [itemOf(group, asked % PER_GROUP)];
      const { variant, items, fallbackReason } = await ask(platform, { customer: `c${group}-${asked % 4}`, basket });
      assert.equal(variant, "champion", fallbackReason);
      const names = items.map((shown) => shown.item);
      assert.deepEqual([names.length, new Set(names).size, names.some((name) => basket.includes(name))], [OFFERED + ADDED, OFFERED + ADDED, false]);
      if (asked % 5 === 0) await platform.ingestion.ingestRows("orders", [{ row: { order: `live${asked}`, customer: `c${group}-0`, item: names.at(-1)!, at: new Date(clock.now()).toISOString() } }]);
      clock.advance(60_000);
    }
    assert.deepEqual([shownBy(platform, "candidates"), shownBy(platform, "similar")], [21 * OFFERED, 20 * ADDED]);
    const audit = await platform.audit();
    assert.deepEqual([audit.answers, audit.rows, audit.mismatches, audit.skipped], [21, 21 * OFFERED + 20 * ADDED, 0, 0], JSON.stringify(audit.examples));
  }
  await using platform = await open(false); // the source is asked no longer; the version still fits, and its old answers are audited still
  assert.deepEqual((await ask(platform, { customer: "c1-1" })).items.length, OFFERED);
  assert.equal((await platform.audit()).mismatches, 0);
});
