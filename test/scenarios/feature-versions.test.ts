/**
 * Feature services and the versions of features: a trained version keeps what its features meant, so a definition that
 * changes one of them cannot feed it other numbers under the old name. The fallback answers, with the reason, until a
 * version was trained on the new definition; features that are only added change nothing.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { count, defineApplication, defineEndpoint, defineEntity, defineFeatureService, defineFeatureView, defineModel, defineStream, eachEvent, gate, gradientBoosting, labelValue, mean, z } from "strata";
import { createReplayClock } from "strata/testing";
import { openTestPlatform, send, temporaryFolder } from "./platform-kit.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);

function shopWith({ window, isWider = false }: { readonly window: "1d" | "2d"; readonly isWider?: boolean }) {
  const orders = defineStream("orders", { schema: z.object({ id: z.string(), customer: z.string(), price: z.number(), at: z.number() }), time: "at", id: "id" });
  const customer = defineEntity("customer");
  const activity = defineFeatureView("activity", {
    entities: [customer], from: orders, by: (e) => ({ customer: e.customer }), owner: isWider ? "another team" : "shop",
    features: (e) => ({ ...(isWider ? { orders_total: count() } : {}), orders: count().over(window), price: mean(e.price).over(window) }),
  });
  const known = defineFeatureService("known", { features: [activity.pick("orders", "price")] });
  const price = defineModel("price", {
    features: known.features, examples: eachEvent(orders, { keys: (e) => ({ customer: e.customer }) }), label: labelValue(orders, (e) => e.price),
    trainer: gradientBoosting({ objective: "regression", trees: 20, leaves: 8, seed: 1 }), gates: [gate("mae", { max: 1_000 })],
  });
  const estimate = defineEndpoint("estimate", { model: price, request: z.object({ customer: z.string() }), keys: { customer: "customer" }, fallback: -1, deadline: "5s" });
  return defineApplication("shop", [estimate, known]);
}

test("a version answers as long as its features mean what they meant", async () => {
  const clock = createReplayClock(START);
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(shopWith({ window: "1d" }), { dataDir: folder.path, clock });
  const rows = Array.from({ length: 600 }, (_, index) => ({ row: { id: `o${index}`, customer: `c${index % 20}`, price: 10 + (index % 20), at: START + index * HOUR } }));
  clock.set(START + rows.length * HOUR);
  await platform.ingestion.ingestRows("orders", rows, { backfill: true });
  await platform.train("price");
  const ask = async (): Promise<{ readonly variant: string; readonly version: number; readonly fallbackReason?: string }> =>
    (await send(platform.url, { path: "/v1/endpoints/estimate", body: { customer: "c3" } })).json as { readonly variant: string; readonly version: number };
  assert.deepEqual([(await ask()).variant, (await ask()).version], ["champion", 1]);

  const service = await send(platform.url, { path: "/v1/feature-services/known", body: { keys: [{ customer: "c3" }, { customer: "nobody" }] } });
  const read = service.json as { readonly features: readonly string[]; readonly rows: readonly (readonly unknown[])[]; readonly offsets: unknown };
  assert.deepEqual(read.features, ["activity.orders", "activity.price"]);
  assert.deepEqual(read.rows, [[1, 13], [0, null]]);
  assert.deepEqual(read.offsets, { orders: 600 });
  assert.equal((await send(platform.url, { path: "/v1/feature-services/unknown", body: { keys: [{ customer: "c3" }] } })).status, 404);

  await platform.apply(shopWith({ window: "1d", isWider: true }));
  assert.equal((await ask()).variant, "champion"); // a feature more, and other words
  assert.equal((await platform.audit()).mismatches, 0);

  await platform.apply(shopWith({ window: "2d", isWider: true }));
  const refused = await ask();
  assert.equal(refused.variant, "fallback");
  assert.match(refused.fallbackReason ?? "", /Version 1 of model "price" learned from feature "activity.orders" as it was defined then/);

  await platform.apply(shopWith({ window: "1d" }));
  assert.equal((await ask()).variant, "champion"); // back to what it knows

  await platform.apply(shopWith({ window: "2d" }));
  assert.equal((await ask()).variant, "fallback");
});
