/**
 * The storefront: product recommendations that learn. Clicks and purchases come in; candidates are items bought
 * together, popular items, repeats, and neighbours by an embedding of items trained here; a learned ranker orders them; purchases that follow are the outcomes.
 */
import {
  between, canary, count, defineApplication, defineCandidates, defineEndpoint, defineEntity, defineExpectations, defineFeatureView, defineModel, defineOnDemand,
  defineStream, defineVectorIndex, distinct, eachCandidate, every, gate, gradientBoosting, happensWithin, interaction, last, max, mean, notNull, onDrift, outcomeFrom, sameDistribution, sum, z,
} from "strata";


export const purchases = defineStream("purchases", {
  description: "One line of an order: a customer bought an item.",
  schema: z.object({
    line: z.string().optional(),
    order: z.string().min(1, "missing order").refine((order) => !/^c/i.test(order), "cancelled order"),
    customer: z.string("missing customer").min(1, "missing customer"),
    item: z.string().min(1, "missing item"),
    title: z.string().optional(),
    quantity: z.number().int().positive("non-positive quantity"),
    price: z.number().positive("non-positive price"),
    country: z.string().optional(),
    at: z.iso.datetime({ offset: true }),
    decision: z.string().optional(),
  }),
  time: "at",
  id: "line",
});

export const clicks = defineStream("clicks", {
  description: "A customer looked at an item.",
  schema: z.object({ customer: z.string().min(1, "missing customer"), item: z.string().min(1, "missing item"), at: z.iso.datetime({ offset: true }), decision: z.string().optional() }),
  time: "at",
});

export const purchasesQuality = defineExpectations("purchases_quality", {
  description: "What purchases must look like before they are learned from.",
  of: purchases, window: "1d",
  expect: (e) => ({
    has_country: notNull(e.country).atLeast(0.95),
    possible_quantity: between(e.quantity, { max: 1_000_000 }).quarantine().because("nobody sells a million of anything here"),
    plausible_price: between(e.price, { max: 1_000 }).atLeast(0.9).stop().because("prices in pence instead of pounds would teach the ranker nonsense"),
    stable_price: sameDistribution(e.price),
  }),
});

export const customer = defineEntity("customer", { description: "A person or firm that buys." });
export const item = defineEntity("item", { description: "A product, by its stock code." });

export const customerActivity = defineFeatureView("customer_activity", {
  description: "How much and how variedly a customer buys.",
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => ({
    lines_7d: count().over("7d"),
    lines_30d: count().over("30d"),
    spend_30d: sum(e.quantity.times(e.price)).over("30d"),
    mean_price_90d: mean(e.price).over("90d"),
    items_90d: distinct(e.item).over("90d"),
    bulk_lines_30d: count().where(e.quantity.atLeast(12)).over("30d"),
    country: last(e.country),
  }),
});

export const itemPopularity = defineFeatureView("item_popularity", {
  description: "How an item sells.",
  entities: [item], from: purchases, by: (e) => ({ item: e.item }),
  features: (e) => ({
    sold_1d: count().over("1d"),
    sold_7d: count().over("7d"),
    sold_30d: count().over("30d"),
    buyers_30d: distinct(e.customer).over("30d"),
    mean_price_30d: mean(e.price).over("30d"),
    max_quantity_30d: max(e.quantity).over("30d"),
    last_sold: last(e.$time),
  }),
});

export const itemInterest = defineFeatureView("item_interest", {
  description: "Who looks at an item.",
  entities: [item], from: clicks, by: (e) => ({ item: e.item }),
  features: () => ({ clicks_1d: count().over("1d"), clicks_7d: count().over("7d") }),
});

export const affinity = defineFeatureView("affinity", {
  description: "What this customer did with this item.",
  entities: [customer, item], from: purchases, by: (e) => ({ customer: e.customer, item: e.item }),
  features: (e) => ({ bought_30d: count().over("30d"), bought_180d: count().over("180d"), quantity_180d: sum(e.quantity).over("180d"), last_bought: last(e.$time) }),
});

export const attention = defineFeatureView("attention", {
  description: "Whether this customer looked at this item lately.",
  entities: [customer, item], from: clicks, by: (e) => ({ customer: e.customer, item: e.item }),
  features: () => ({ clicks_1h: count().over("1h"), clicks_7d: count().over("7d") }),
});

export const itemVectors = defineVectorIndex("item_vectors", {
  description: "Items by what they are bought with: `strata vectors train item_vectors` learns them, `strata vectors search item_vectors --id <item>` asks, and similar_items looks around the customer's latest items.",
  dimensions: 64, payload: z.object({ item: z.string() }), learned: { from: purchases, item: "item", basket: "order" },
});

export const similarItems = defineCandidates("similar_items", {
  description: "Bought together, popular, bought before, and near what was touched last.",
  user: customer, item,
  interactions: [
    interaction(purchases, { user: (e) => e.customer, item: (e) => e.item, basket: (e) => e.order }),
    interaction(clicks, { user: (e) => e.customer, item: (e) => e.item }),
  ],
  limit: 120, popularityWindow: "14d", seeds: 30,
  similar: { index: itemVectors, limit: 20 },
});

export const recency = defineOnDemand("recency", {
  description: "Times since, and how the price compares.",
  from: [customerActivity, itemPopularity, affinity],
  outputs: ["days_since_bought", "days_since_sold", "price_ratio", "momentum"],
  compute: ({ customer_activity, item_popularity, affinity: pair, nowMs }) => ({
    days_since_bought: pair.last_bought === null ? null : (nowMs - pair.last_bought) / 86_400_000,
    days_since_sold: item_popularity.last_sold === null ? null : (nowMs - item_popularity.last_sold) / 86_400_000,
    price_ratio: item_popularity.mean_price_30d === null || customer_activity.mean_price_90d === null ? null
      : item_popularity.mean_price_30d / customer_activity.mean_price_90d,
    momentum: item_popularity.sold_30d === null || item_popularity.sold_7d === null ? null : (item_popularity.sold_7d + 1) / (item_popularity.sold_30d + 4),
  }),
});

export const ranker = defineModel("ranker", {
  description: "Orders candidates by how likely the customer buys them now.",
  features: [
    customerActivity, itemPopularity.pick("sold_1d", "sold_7d", "sold_30d", "buyers_30d", "mean_price_30d", "max_quantity_30d"), itemInterest,
    affinity.pick("bought_30d", "bought_180d", "quantity_180d"), attention, similarItems, recency,
  ],
  examples: eachCandidate(similarItems, { maxGroups: 2_000 }),
  label: happensWithin(purchases, "1h", (e) => ({ customer: e.customer, item: e.item })),
  trainer: gradientBoosting({ objective: "lambdarank", trees: 150, learningRate: 0.1, leaves: 31, minChildSamples: 50, seed: 7 }),
  gates: [gate("ndcg@10", { min: 0.02, beatsBaseline: "best", beatsChampion: { margin: 0.02 } }), gate("recall@20", { min: 0.02 })],
  retrain: [onDrift({ psi: 0.2, features: 3 }), every("14d")],
  cooldown: "3d",
});

export const recommend = defineEndpoint("recommend", {
  description: "Items this customer is likely to buy now.",
  model: ranker, candidates: similarItems,
  request: z.object({ customer: z.string().min(1), basket: z.array(z.string()).max(100).default([]) }),
  keys: { customer: "customer" }, seedItems: "basket", limit: 10,
  rollout: canary({ steps: [0.2, 0.5], margin: 0.1, minimumOutcomes: 150, maximumOutcomes: 1_500 }),
  deadline: "250ms", fallback: "popularity",
  outcome: outcomeFrom(purchases, { decision: (e) => e.decision, item: (e) => e.item, within: "1h" }),
});

export default defineApplication("storefront", [recommend, clicks, purchasesQuality, itemVectors]);
