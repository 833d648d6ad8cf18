/** A shop as Feast's tests need one: values that are written and read back, windows over events, a crossed view, on-demand features with a request value, a ttl, two services. */
import { count, defineApplication, defineEntity, defineFeatureService, defineFeatureView, defineOnDemand, defineStream, last, sum, z } from "strata";

export const profiles = defineStream("profiles", {
  schema: z.object({ customer: z.string(), country: z.string().optional(), score: z.number().optional(), level: z.number().int().optional(), vip: z.boolean().optional(), at: z.iso.datetime() }),
  time: "at", lateness: "3650d",
});
export const purchases = defineStream("purchases", {
  schema: z.object({ id: z.string(), customer: z.string(), item: z.string(), amount: z.number().positive(), at: z.number() }), time: "at", id: "id", lateness: "3650d",
});
const customer = defineEntity("customer");
const item = defineEntity("item");

/** Feast's kind of view: the last value of each field. */
export const customerProfile = defineFeatureView("customer_profile", {
  entities: [customer], from: profiles, by: (e) => ({ customer: e.customer }),
  features: (e) => ({ country: last(e.country), score: last(e.score), level: last(e.level), vip: last(e.vip) }),
});
export const customerActivity = defineFeatureView("customer_activity", {
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => ({ orders_1d: count().over("1d"), spend_1d: sum(e.amount).over("1d") }),
});
export const affinity = defineFeatureView("affinity", {
  entities: [customer, item], from: purchases, by: (e) => ({ customer: e.customer, item: e.item }), features: () => ({ bought: count() }),
});
export const recent = defineFeatureView("recent", {
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }), features: (e) => ({ last_amount: last(e.amount) }), ttl: "1h",
});
export const basketRatio = defineOnDemand("basket_ratio", {
  from: [customerActivity], request: z.object({ amount: z.number().nullable() }), outputs: ["ratio"],
  compute: ({ customer_activity, request }) => ({ ratio: request.amount === null || !customer_activity.spend_1d ? null : request.amount / customer_activity.spend_1d }),
});

export const shopper = defineFeatureService("shopper", { description: "What a page needs to know of a shopper", owner: "web", features: [customerProfile.pick("country", "level"), affinity] });
export const basket = defineFeatureService("basket", { features: [customerActivity.pick("spend_1d"), basketRatio] });

export default defineApplication("shop", [shopper, basket, customerProfile, recent]);
