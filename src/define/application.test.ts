import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { isStrataError } from "../kernel/errors.ts";
import {
  count, defineApplication, defineCandidates, defineEndpoint, defineEntity, defineFeatureView, defineModel, defineOnDemand, defineStream,
  describeApplication, diffDefinitions, eachCandidate, eachEvent, gate, gradientBoosting, happensWithin, hashApplication, hashFeatureView,
  defineVectorIndex, interaction, labelValue, outcomeFrom, sum,
} from "./index.ts";
import type { FeatureView, Model } from "./index.ts";

const sales = defineStream("sales", { schema: z.object({ id: z.string(), customer: z.string(), item: z.string(), basket: z.string(), price: z.number(), at: z.string() }), time: "at", id: "id" });
const customer = defineEntity("customer");
const item = defineEntity("item");
const activity = defineFeatureView("activity", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: (e) => ({ orders_7d: count().over("7d"), spend: sum(e.price).over("30d") }) });
const similar = defineCandidates("similar", { user: customer, item, interactions: [interaction(sales, { user: (e) => e.customer, item: (e) => e.item, basket: (e) => e.basket })] });
const price = defineModel("price", {
  features: [activity], examples: eachEvent(sales, { keys: (e) => ({ customer: e.customer }) }), label: labelValue(sales, (e) => e.price), trainer: gradientBoosting({ objective: "regression" }), gates: [gate("rmse", { max: 10 })],
});
const endpoint = defineEndpoint("quote", { model: price, request: z.object({ customer: z.string() }), keys: { customer: "customer" } });

function problemsOf(make: () => unknown): readonly string[] {
  try {
    make();
  } catch (thrown) {
    assert.ok(isStrataError(thrown), String(thrown));
    assert.equal(thrown.code, "DEFINITION_INVALID");
    return thrown.problems.map((problem) => `${problem.path}|${problem.code}`);
  }
  return assert.fail("the definition was accepted");
}

test("an endpoint brings its model, features and streams along", () => {
  const application = defineApplication("shop", [endpoint]);
  assert.deepEqual([...application.streams.keys()], ["sales"]);
  assert.deepEqual([...application.featureViews.keys()], ["activity"]);
  assert.deepEqual([...application.models.keys()], ["price"]);
});

test("the document is plain JSON and its hash does not depend on the order of resources", () => {
  const a = defineApplication("shop", [endpoint, similar]);
  const b = defineApplication("shop", [similar, price, endpoint]);
  assert.deepEqual(JSON.parse(JSON.stringify(describeApplication(a))), describeApplication(a));
  assert.equal(hashApplication(a), hashApplication(b));
});

test("a view's hash changes with what it computes, not with its description or a model's selection", () => {
  const described: FeatureView = { ...activity, description: "other words" };
  assert.equal(hashFeatureView(described), hashFeatureView(activity));
  assert.equal(hashFeatureView(activity.pick("spend")), hashFeatureView(activity));
  const wider = defineFeatureView("activity", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: (e) => ({ orders_7d: count().over("8d"), spend: sum(e.price).over("30d") }) });
  assert.notEqual(hashFeatureView(wider), hashFeatureView(activity));
});

test("the diff names what is created, updated with paths, and deleted", () => {
  const before = describeApplication(defineApplication("shop", [endpoint, similar]));
  const changed = defineFeatureView("activity", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: (e) => ({ orders_7d: count().over("14d"), spend: sum(e.price).over("30d") }) });
  const after = describeApplication(defineApplication("shop", [defineModel("price", { ...price, features: [changed], examples: price.examples, label: price.label, trainer: price.trainer })]));
  const changes = diffDefinitions(before, after);
  assert.deepEqual(changes.map((change) => `${change.action} ${change.kind}.${change.name}`), ["update featureViews.activity", "delete candidates.similar", "delete endpoints.quote"]);
  assert.deepEqual(changes[0]!.changes, [{ path: "features.orders_7d.windowMs", from: 604_800_000, to: 1_209_600_000 }]);
  assert.deepEqual(diffDefinitions(before, before), []);
  assert.equal(diffDefinitions(undefined, before).every((change) => change.action === "create"), true);
});

const badDefinitions: readonly { readonly name: string; readonly make: () => unknown; readonly problem: string }[] = [
  { name: "a name with capitals", make: () => defineApplication("shop", [defineStream("Sales", { schema: z.object({}) })]), problem: "streams.Sales|bad-name" },
  { name: "a reserved stream name", make: () => defineApplication("shop", [defineStream("strata_x", { schema: z.object({}) })]), problem: "streams.strata_x|reserved-name" },
  { name: "an application name with spaces", make: () => defineApplication("my shop", [sales]), problem: "application|bad-name" },
  { name: "something that is no resource", make: () => defineApplication("shop", [{ kind: "cheese", name: "brie" }]), problem: "resources|not-a-resource" },
  { name: "two streams of one name", make: () => defineApplication("shop", [sales, defineStream("sales", { schema: z.object({ x: z.string() }) })]), problem: "streams.sales|duplicate-name" },
  { name: "a time field that does not exist", make: () => defineApplication("shop", [defineStream("a", { schema: z.object({}), time: "at" })]), problem: "streams.a.time|unknown-field" },
  { name: "a view without features", make: () => defineApplication("shop", [defineFeatureView("v", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: () => ({}) })]), problem: "featureViews.v.features|empty" },
  { name: "a view without a key for its entity", make: () => defineApplication("shop", [defineFeatureView("v", { entities: [customer, item], from: sales, by: (e) => ({ customer: e.customer }) as never, features: () => ({ n: count() }) })]), problem: "featureViews.v.by|missing-key" },
  { name: "a feature over a field that does not exist", make: () => defineApplication("shop", [defineFeatureView("v", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: (e) => ({ n: sum((e as never as { prise: typeof e.price }).prise) }) })]), problem: "featureViews.v.features.n|unknown-field" },
  { name: "candidates without baskets", make: () => defineApplication("shop", [defineCandidates("c", { user: customer, item, interactions: [interaction(sales, { user: (e) => e.customer, item: (e) => e.item })] })]), problem: "candidates.c.interactions|no-basket" },
  { name: "a key that no event has", make: () => defineApplication("shop", [defineStream("clicks", { schema: z.object({ customer: z.string() }), key: "item" as "customer", partitions: 4 })]), problem: "streams.clicks.key|unknown-field" },
  { name: "no partitions", make: () => defineApplication("shop", [defineStream("clicks", { schema: z.object({ customer: z.string() }), key: "customer", partitions: 0 })]), problem: "streams.clicks.partitions|out-of-range" },
  { name: "candidates with limit 0", make: () => defineApplication("shop", [defineCandidates("c", { ...similar, limit: 0, popularityWindow: "1d" })]), problem: "candidates.c.limit|out-of-range" },
  { name: "neighbours in an index whose points are no items", make: () => defineApplication("shop", [defineCandidates("c", { ...similar, popularityWindow: "1d", similar: { index: defineVectorIndex("free", { dimensions: 2 }) } })]), problem: "candidates.c.similar.index|no-items" },
  { name: "on-demand features without outputs", make: () => defineApplication("shop", [defineOnDemand("d", { from: [activity], outputs: [], compute: () => ({}) })]), problem: "onDemand.d.outputs|empty" },
  { name: "a model whose examples lack an entity", make: () => withModel({ examples: eachEvent(sales, { keys: (e) => ({ item: e.item }) }) }), problem: "models.price.examples|missing-key" },
  { name: "a learning rate of 2", make: () => withModel({ trainer: gradientBoosting({ objective: "regression", learningRate: 2 }) }), problem: "models.price.trainer.learningRate|out-of-range" },
  { name: "one leaf", make: () => withModel({ trainer: gradientBoosting({ objective: "regression", leaves: 1 }) }), problem: "models.price.trainer.leaves|out-of-range" },
  { name: "multiclass without classes", make: () => withModel({ trainer: gradientBoosting({ objective: "multiclass" }), gates: [] }), problem: "models.price.trainer.classes|out-of-range" },
  { name: "lambdarank without groups", make: () => withModel({ trainer: gradientBoosting({ objective: "lambdarank" }), gates: [] }), problem: "models.price.trainer.objective|no-groups" },
  { name: "a gate that does not fit", make: () => withModel({ gates: [gate("ndcg@10", { min: 1 })] }), problem: "models.price.gates|bad-metric" },
  { name: "a gate that compares rmse", make: () => withModel({ gates: [gate("rmse", { beatsBaseline: "mean" })] }), problem: "models.price.gates|not-comparable" },
  { name: "a value label with candidates", make: () => withModel({ examples: eachCandidate(similar) }), problem: "models.price.label|label-mismatch" },
  { name: "a label over a key the examples lack", make: () => withModel({ label: happensWithin(sales, "1d", (e) => ({ shop: e.item })) }), problem: "models.price.label.shop|unknown-entity" },
  { name: "an endpoint without a key its model needs", make: () => defineApplication("shop", [defineEndpoint("quote", { model: price, request: z.object({ customer: z.string() }), keys: {} })]), problem: "endpoints.quote.keys|missing-key" },
  { name: "an endpoint key from a field that does not exist", make: () => defineApplication("shop", [defineEndpoint("quote", { model: price, request: z.object({}), keys: { customer: "who" } })]), problem: "endpoints.quote.keys|unknown-field" },
  { name: "a fallback to a candidate feature without candidates", make: () => defineApplication("shop", [defineEndpoint("quote", { model: price, request: z.object({ customer: z.string() }), keys: { customer: "customer" }, fallback: "popularity" })]), problem: "endpoints.quote.fallback|no-candidates" },
  { name: "an endpoint without the candidates its model reads", make: () => defineApplication("shop", [defineEndpoint("quote", { model: defineModel("price", { features: [activity, similar], examples: eachCandidate(similar), label: happensWithin(sales, "1h", (e) => ({ item: e.item })), trainer: gradientBoosting({ objective: "lambdarank" }) }), request: z.object({ customer: z.string(), item: z.string() }), keys: { customer: "customer", item: "item" } })]), problem: "endpoints.quote.candidates|missing-candidates" },
  { name: "an outcome over a field that does not exist", make: () => defineApplication("shop", [defineEndpoint("quote", { model: price, request: z.object({ customer: z.string() }), keys: { customer: "customer" }, outcome: outcomeFrom(sales, { decision: (e) => (e as never as { d: typeof e.item }).d, within: "1h" }) })]), problem: "endpoints.quote.outcome.decision|unknown-field" },
  { name: "two feature sources of one name", make: () => defineApplication("shop", [activity, defineOnDemand("activity", { from: [activity], outputs: ["x"], compute: () => ({ x: 1 }) })]), problem: "activity|duplicate-name" },
];

function withModel(changes: Partial<Model>): unknown {
  const { features, examples, label, trainer, gates } = { ...price, ...changes };
  return defineApplication("shop", [defineModel("price", { features, examples, label, trainer, gates })]);
}

for (const { name, make, problem } of badDefinitions) {
  test(`refused: ${name}`, () => {
    assert.ok(problemsOf(make).includes(problem), `${problemsOf(make).join(", ")} lacks ${problem}`);
  });
}

test("all problems are reported together", () => {
  const problems = problemsOf(() => defineApplication("My Shop", [defineStream("Sales", { schema: z.object({}), time: "at" })]));
  assert.deepEqual(problems, ["application|bad-name", "streams.Sales|bad-name", "streams.Sales.time|unknown-field"]);
});
