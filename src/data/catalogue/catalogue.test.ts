import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import {
  count, defineApplication, defineEndpoint, defineEntity, defineFeatureService, defineFeatureView, defineModel, defineOnDemand, defineStream, eachEvent, gradientBoosting, labelValue, sum,
} from "../../define/index.ts";
import { describeCatalogue, findEntry, lineageOf, searchCatalogue } from "./catalogue.ts";

const orders = defineStream("orders", { description: "What was bought", owner: "shop", tags: ["money"], schema: z.object({ customer: z.string(), amount: z.number() }) });
const customer = defineEntity("customer");
const activity = defineFeatureView("activity", {
  entities: [customer], from: orders, by: (e) => ({ customer: e.customer }), ttl: "30d", features: (e) => ({ orders_7d: count().over("7d"), spend: sum(e.amount) }),
});
const mood = defineOnDemand("mood", { from: [activity], outputs: ["spends"], owner: "data", compute: ({ activity: { spend } }) => ({ spends: spend }) });
const page = defineFeatureService("page", { description: "For the landing page", features: [activity.pick("orders_7d"), mood] });
const value = defineModel("value", { features: [activity, mood], examples: eachEvent(orders, { keys: (e) => ({ customer: e.customer }) }), label: labelValue(orders, (e) => e.amount), trainer: gradientBoosting({ objective: "regression" }) });
const estimate = defineEndpoint("estimate", { model: value, request: z.object({ customer: z.string() }), keys: { customer: "customer" } });
const entries = describeCatalogue(defineApplication("shop", [estimate, page]));

test("each resource is there with its owner, features and neighbours", () => {
  assert.deepEqual(entries.map(({ kind, name }) => `${kind}:${name}`), ["stream:orders", "feature-view:activity", "on-demand:mood", "feature-service:page", "model:value", "endpoint:estimate"]);
  assert.deepEqual(findEntry(entries, "activity"), {
    kind: "feature-view", name: "activity", description: "", tags: [], entities: ["customer"], fields: [], ttlMs: 30 * 86_400_000,
    features: [{ name: "orders_7d", aggregation: "count", windowMs: 7 * 86_400_000 }, { name: "spend", aggregation: "sum" }],
    from: ["stream:orders"], usedBy: ["on-demand:mood", "feature-service:page", "model:value"],
  });
  assert.equal(findEntry(entries, "stream:orders")?.owner, "shop");
  assert.deepEqual(findEntry(entries, "page")?.features.map(({ name }) => name), ["activity.orders_7d", "mood.spends"]);
  assert.equal(findEntry(entries, "nothing"), undefined);
});

test("words are looked for everywhere, and all must be there", () => {
  assert.deepEqual(searchCatalogue(entries, "SPEND customer").map(({ name }) => name), ["activity", "page", "value"]);
  assert.deepEqual(searchCatalogue(entries, "landing").map(({ name }) => name), ["page"]);
  assert.deepEqual(searchCatalogue(entries, "money").map(({ name }) => name), ["orders"]);
  assert.deepEqual(searchCatalogue(entries, "landing money"), []);
});

test("lineage goes from the stream to the endpoint, both ways", () => {
  assert.deepEqual(lineageOf(entries, findEntry(entries, "activity")!), {
    ref: "feature-view:activity", from: [{ ref: "stream:orders", next: [] }],
    usedBy: [
      { ref: "on-demand:mood", next: [{ ref: "feature-service:page", next: [] }, { ref: "model:value", next: [{ ref: "endpoint:estimate", next: [] }] }] },
      { ref: "feature-service:page", next: [] }, { ref: "model:value", next: [{ ref: "endpoint:estimate", next: [] }] },
    ],
  });
});
