/** Derived streams in the definition: types, what is stored, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, describeApplication, deriveStream, hashDerivation, joinStreams, sessionStream } from "./index.ts";

const purchases = defineStream("purchases", {
  schema: z.object({ customer: z.string(), item: z.string(), price: z.number(), quantity: z.number().optional(), at: z.string() }), time: "at", lateness: "1h",
});
const clicks = defineStream("clicks", { schema: z.object({ customer: z.string(), campaign: z.string() }), watermark: { delay: "10s" } });
const customer = defineEntity("customer");
const activity = defineFeatureView("activity", { entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }), features: () => ({ orders: count() }) });

test("derived streams are streams, bring their sources and their views, and appear as plain data", () => {
  const big = deriveStream("big", {
    from: purchases, enrich: [activity], schema: z.object({ customer: z.string(), total: z.number(), orders: z.number().optional() }),
    where: (e, f) => e.price.atLeast(100).and(f.activity.orders.less(3)),
    map: (e, f) => ({ customer: e.customer, total: e.price.times(e.quantity), orders: f.activity.orders }),
  });
  const bigOnes = defineFeatureView("big_ones", { entities: [customer], from: big, by: (e) => ({ customer: e.customer }), features: (e) => ({ big: count().where(e.total.greater(0)) }) });
  const pairs = joinStreams("pairs", {
    left: purchases, right: clicks, by: (p, c) => [p.customer, c.customer], within: { before: "30m" },
    schema: z.object({ item: z.string(), campaign: z.string(), waited_ms: z.number() }), map: (p, c) => ({ item: p.item, campaign: c.campaign, waited_ms: p.$time.minus(c.$time) }),
  });
  const visits = sessionStream("visits", {
    from: clicks, gap: "30m", by: (e) => ({ customer: e.customer }), values: (e, s) => ({ clicks: s.count(), campaign: s.first(e.campaign) }),
    schema: z.object({ customer: z.string(), started_at: z.string(), ended_at: z.string(), clicks: z.number(), campaign: z.string().optional() }),
  });
  const application = defineApplication("shop", [bigOnes, pairs, visits]);
  assert.deepEqual([...application.streams.keys()].toSorted(), ["big", "clicks", "pairs", "purchases", "visits"]);
  assert.deepEqual([...application.featureViews.keys()], ["big_ones", "activity"]);
  const { streams } = describeApplication(application).resources;
  assert.deepEqual(streams["visits"]?.["derivation"], {
    operator: "session", from: "clicks", by: { customer: { op: "field", name: "customer" } }, gapMs: 1_800_000,
    values: { clicks: { aggregate: "count" }, campaign: { aggregate: "first", of: { op: "field", name: "campaign" } } },
  });
  assert.equal(streams["clicks"]?.["derivation"], undefined);
  assert.deepEqual([big.watermark.delayMs, pairs.watermark.delayMs, visits.watermark.delayMs], [3_600_000, 3_600_000, 10_000]);
});

test("the hash of a derivation follows what it makes, not what is said about it", () => {
  const make = (least: number, description = "") => deriveStream("big", { from: purchases, description, where: (e) => e.price.atLeast(least) });
  assert.equal(hashDerivation(make(1)), hashDerivation(make(1, "words")));
  assert.notEqual(hashDerivation(make(1)), hashDerivation(make(2)));
});

test("a derivation's mistakes are told together, each with its place", () => {
  const other = defineFeatureView("other", { entities: [defineEntity("basket")], from: clicks, by: (e) => ({ basket: e.campaign }), features: () => ({ n: count() }) });
  const wrong = deriveStream("wrong", {
    from: purchases, enrich: [other], enrichBy: () => ({}), schema: z.object({ customer: z.string() }),
    // @ts-expect-error the schema has no such field, and the stream none of that name
    map: (e) => ({ customer: e.nobody, more: e.price }),
  });
  assert.throws(() => defineApplication("shop", [wrong, defineStream("limited", { schema: z.object({}), quota: { eventsPerMinute: 0.5 } })]), (thrown: unknown) => {
    const { problems } = thrown as { problems: readonly { path: string; code: string }[] };
    assert.deepEqual(problems.map(({ path, code }) => `${path} ${code}`), [
      "streams.wrong.map.customer unknown-field", "streams.wrong.map.more unknown-field", "streams.wrong.enrichBy missing-key", "streams.limited.quota.eventsPerMinute out-of-range",
    ]);
    return true;
  });
});
