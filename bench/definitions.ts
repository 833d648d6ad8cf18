/**
 * The applications under load: a stream alone, the same stream with three windowed views, and a shop with wide views,
 * a price model of 20 features and its endpoint. The fourth is the storefront of the examples.
 */
import {
  count, defineApplication, defineEndpoint, defineEntity, defineFeatureService, defineFeatureView, defineModel, defineStream, eachEvent, gate, gradientBoosting,
  labelValue, max, mean, min, sum, z,
} from "strata";
import storefront from "../examples/storefront/app.ts";
import { servedModels } from "./served-models.ts";

export const purchases = defineStream("purchases", {
  description: "What the load generator sends: about 200 bytes, an id for deduplication, a time of its own.",
  schema: z.object({
    id: z.string().min(1), at: z.iso.datetime(), customer: z.string().min(1), item: z.string().min(1), quantity: z.number().int().positive(), price: z.number().positive(),
    order: z.string(), country: z.string(), channel: z.enum(["web", "app"]), page: z.string(),
  }),
  time: "at",
  id: "id",
});

const customer = defineEntity("customer");
const item = defineEntity("item");

const customerActivity = defineFeatureView("customer_activity", {
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => ({ orders_1h: count().over("1h"), orders_1d: count().over("1d"), spend_1d: sum(e.quantity.times(e.price)).over("1d"), mean_price_7d: mean(e.price).over("7d") }),
});

const itemPopularity = defineFeatureView("item_popularity", {
  entities: [item], from: purchases, by: (e) => ({ item: e.item }),
  features: (e) => ({ sold_1h: count().over("1h"), sold_1d: count().over("1d"), pieces_1d: sum(e.quantity).over("1d"), max_price_7d: max(e.price).over("7d") }),
});

const affinity = defineFeatureView("affinity", {
  entities: [customer, item], from: purchases, by: (e) => ({ customer: e.customer, item: e.item }),
  features: (e) => ({ bought_1d: count().over("1d"), bought_7d: count().over("7d"), pieces_7d: sum(e.quantity).over("7d") }),
});

export const WIDE_WINDOWS = ["1h", "6h", "12h", "1d", "2d", "3d", "7d", "14d", "21d", "30d"] as const;

/** 5 aggregations over 10 windows. */
const customerWide = defineFeatureView("customer_wide", {
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => Object.fromEntries(WIDE_WINDOWS.flatMap((window) => [
    [`orders_${window}`, count().over(window)], [`spend_${window}`, sum(e.quantity.times(e.price)).over(window)], [`mean_${window}`, mean(e.price).over(window)],
    [`least_${window}`, min(e.price).over(window)], [`most_${window}`, max(e.price).over(window)],
  ])),
});

const customerTen = defineFeatureView("customer_ten", {
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => Object.fromEntries((["1d", "30d"] as const).flatMap((window) => [
    [`orders_${window}`, count().over(window)], [`spend_${window}`, sum(e.quantity.times(e.price)).over(window)], [`mean_${window}`, mean(e.price).over(window)],
    [`least_${window}`, min(e.price).over(window)], [`most_${window}`, max(e.price).over(window)],
  ])),
});

const itemTen = defineFeatureView("item_ten", {
  entities: [item], from: purchases, by: (e) => ({ item: e.item }),
  features: (e) => Object.fromEntries((["7d", "30d"] as const).flatMap((window) => [
    [`sold_${window}`, count().over(window)], [`pieces_${window}`, sum(e.quantity).over(window)], [`mean_${window}`, mean(e.price).over(window)],
    [`least_${window}`, min(e.price).over(window)], [`most_${window}`, max(e.price).over(window)],
  ])),
});

/** The same features by one name, as Feast's clients ask for them. */
const wideService = defineFeatureService("wide", { features: [customerWide] });
const tenService = defineFeatureService("ten", { features: [customerTen] });

export const PRICE_MODEL = "price";

const price = defineModel(PRICE_MODEL, {
  description: "What a customer will pay for an item: a regression on 20 features of two views.",
  features: [customerTen, itemTen],
  examples: eachEvent(purchases, { keys: (e) => ({ customer: e.customer, item: e.item }) }),
  label: labelValue(purchases, (e) => e.price),
  trainer: gradientBoosting({ objective: "regression", trees: 100, leaves: 31, earlyStoppingRounds: 0, seed: 1 }),
  gates: [gate("rmse", { max: 30 })],
});

/** The deadline is far away: an answer that comes too late is to count as slow, not as a quick fallback. */
const estimate = defineEndpoint("estimate", {
  model: price, request: z.object({ customer: z.string().min(1), item: z.string().min(1) }), keys: { customer: "customer", item: "item" }, deadline: "10s",
});

export const APPLICATIONS = {
  /** A stream alone. */
  events: defineApplication("events", [purchases]),
  /** The stream with three windowed views: customers, items and pairs of both. */
  events_with_views: defineApplication("events_with_views", [customerActivity, itemPopularity, affinity]),
  shop: defineApplication("shop", [estimate, customerWide, wideService, tenService]),
  storefront,
  /** Models that do next to nothing, behind the model server. */
  served: defineApplication("served", servedModels),
} as const;

export type ApplicationName = keyof typeof APPLICATIONS;

export function isApplicationName(name: string): name is ApplicationName {
  return Object.hasOwn(APPLICATIONS, name);
}
