/** The application of the clickstream tests: one stream divided by customer; views in place, crossed, and under another key. */
import { z } from "zod";
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, distinct, last, max, mean, sum } from "../../src/define/index.ts";

export const clicks = defineStream("clicks", {
  schema: z.object({ event: z.string(), customer: z.string(), item: z.string(), price: z.number(), at: z.number() }),
  time: "at", id: "event", key: "customer", partitions: 6, lateness: "3650d",
});
const customer = defineEntity("customer"), item = defineEntity("item");

export const activity = defineFeatureView("activity", {
  entities: [customer], from: clicks, by: (e) => ({ customer: e.customer }),
  features: (e) => ({ clicks: count(), clicks_1h: count().over("1h"), spend_1h: sum(e.price).over("1h"), mean_price: mean(e.price), items_1h: distinct(e.item).over("1h"), last_item: last(e.item) }),
});
export const pairs = defineFeatureView("pairs", {
  entities: [customer, item], from: clicks, by: (e) => ({ customer: e.customer, item: e.item }), features: (e) => ({ clicks: count(), spend: sum(e.price) }),
});
export const popularity = defineFeatureView("popularity", {
  entities: [item], from: clicks, by: (e) => ({ item: e.item }), features: (e) => ({ clicks: count(), revenue: sum(e.price), dearest: max(e.price), customers: distinct(e.customer), last_customer: last(e.customer) }),
});
export const views = [activity, pairs, popularity];
export const application = defineApplication("clickstream", [clicks, ...views]);
