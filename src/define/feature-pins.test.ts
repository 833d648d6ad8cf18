import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { count, sum } from "./aggregation.ts";
import { defineEntity } from "./entity.ts";
import { featurePins, findChangedFeature } from "./feature-pins.ts";
import { defineFeatureView } from "./feature-view.ts";
import type { FeatureViewOptions } from "./feature-view.ts";
import { defineOnDemand } from "./on-demand.ts";
import { defineStream } from "./stream.ts";

const orders = defineStream("orders", { schema: z.object({ customer: z.string(), amount: z.number() }) });
const customer = defineEntity("customer");
type Options = FeatureViewOptions<readonly [typeof customer], { customer: string; amount: number }, Record<string, ReturnType<typeof count>>>;
const activity = (features: Options["features"], more: Partial<Options> = {}) => defineFeatureView("activity", { entities: [customer], from: orders, by: (e) => ({ customer: e.customer }), features, ...more });

const trained = featurePins({ features: [activity((e) => ({ orders: count().over("1d"), spend: sum(e.amount).over("1d") }))] });
const changed = (view: ReturnType<typeof activity>): string | undefined => findChangedFeature(trained, featurePins({ features: [view] }));

test("words, order and features that came later leave a version as it is", () => {
  assert.equal(changed(activity((e) => ({ later: count(), spend: sum(e.amount).over("1d"), orders: count().over("1d") }), { description: "new words", owner: "them", tags: ["x"] })), undefined);
});

test("another window, condition, ttl, or a feature that is gone is found by name", () => {
  assert.equal(changed(activity((e) => ({ orders: count().over("1d"), spend: sum(e.amount).over("2d") }))), "activity.spend");
  assert.equal(changed(activity((e) => ({ orders: count().over("1d"), spend: sum(e.amount).over("1d") }), { where: (e) => e.amount.atLeast(1) })), "activity.orders");
  assert.equal(changed(activity((e) => ({ orders: count().over("1d"), spend: sum(e.amount).over("1d") }), { ttl: "1h" })), "activity.orders");
  assert.equal(changed(activity(() => ({ orders: count().over("1d") }))), "activity.spend");
});

test("an on-demand function is pinned with its source text and the views it reads", () => {
  const view = activity(() => ({ orders: count().over("1d") }));
  const ratio = (compute: (input: { readonly activity: { readonly orders?: number | null } }) => { readonly ratio: number | null }) => defineOnDemand("ratio", { from: [view], outputs: ["ratio"], compute });
  const before = featurePins({ features: [ratio(({ activity: { orders: times } }) => ({ ratio: (times ?? 0) / 2 }))] });
  assert.deepEqual(Object.keys(before), ["ratio", "activity.orders"]);
  assert.equal(findChangedFeature(before, featurePins({ features: [ratio(({ activity: { orders: times } }) => ({ ratio: (times ?? 0) / 3 }))] })), "ratio");
});
