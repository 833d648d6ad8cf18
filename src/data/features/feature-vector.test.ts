import assert from "node:assert/strict";
import { test } from "node:test";
import { count, defineCandidates, defineEntity, defineFeatureView, defineOnDemand, interaction, last, sum } from "../../define/index.ts";
import type { FeatureProvider } from "../../define/index.ts";
import { orders } from "./event-samples.test.ts";
import { createVectorAssembler, learnCategories } from "./feature-vector.ts";

const customer = defineEntity("customer");
const item = defineEntity("item");
const spending = defineFeatureView("spending", {
  entities: [customer], from: orders, by: (e) => ({ customer: e.customer }),
  features: (e) => ({ orders: count(), spend: sum(e.price), country: last(e.country), gift: last(e.gift) }),
});
const popularity = defineFeatureView("popularity", {
  entities: [item], from: orders, by: (e) => ({ item: e.item }), features: (e) => ({ sold: count(), last_sold: last(e.$time) }),
});
const similar = defineCandidates("similar", {
  user: customer, item, interactions: [interaction(orders, { user: (e) => e.customer as never, item: (e) => e.country as never, basket: (e) => e.customer as never })],
});
const recency = defineOnDemand("recency", {
  from: [spending, popularity, similar], outputs: ["age", "share"],
  compute: ({ spending: { spend, orders: bought }, popularity: { last_sold: soldMs }, similar: { together }, nowMs }) => ({
    age: soldMs === null ? null : nowMs - soldMs,
    share: spend === null || bought === null ? null : spend / bought + (together ?? 0),
  }),
});

function vector(features: readonly FeatureProvider[], sources: Readonly<Record<string, readonly unknown[]>>, categories = {}): readonly number[] {
  const assembler = createVectorAssembler({ features }, categories);
  const out = new Float64Array(assembler.columns.length + 2).fill(-1);
  assembler.assemble(new Map(Object.entries(sources)), 1_000, out, 1);
  assert.equal(out[0], -1);
  assert.equal(out.at(-1), -1);
  return [...out.subarray(1, -1)];
}

test("columns are placed by the features a model picked, whatever their order in the view", () => {
  assert.deepEqual(vector([popularity, spending.pick("spend", "orders")], { popularity: [3, 5], spending: [7, 1.5, "FR", true] }), [3, 5, 1.5, 7]);
});

test("missing values, unknown categories and absent sources are NaN; truths are 1 and 0", () => {
  const categories = { "spending.country": ["FR", "DE"] };
  assert.deepEqual(vector([spending], { spending: [null, Number.NaN, "DE", true] }, categories), [Number.NaN, Number.NaN, 1, 1]);
  assert.deepEqual(vector([spending], { spending: [0, 0, "IT", false] }, categories), [0, 0, Number.NaN, 0]);
  assert.deepEqual(vector([spending], {}), [Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
});

test("on-demand features see their sources by name, and candidates by feature", () => {
  const sources = { spending: [2, 9, "FR", null], popularity: [1, 400], similar: [0.5, 1, 2, 3] };
  assert.deepEqual(vector([recency, similar], sources), [600, 5, 0.5, 1, 2, 3]);
  assert.deepEqual(vector([recency], { spending: [0, 0, null, null], similar: [Number.NaN, 0, 0, 0] }), [Number.NaN, Number.NaN], "0 / 0 is not finite");
});

test("a function that throws, returns nonsense or changes its input costs only its own columns, and is counted", () => {
  const told: string[] = [];
  const faulty = (name: string, compute: (input: never) => unknown) => defineOnDemand(name, { from: [spending], outputs: ["a", "b"], compute: compute as never });
  const providers = [
    faulty("throws", () => { throw new Error("no such luck"); }), faulty("infinite", () => ({ a: Infinity, b: 2 })), faulty("nothing", () => undefined),
    faulty("text", () => ({ a: "1", b: null })), faulty("greedy", ({ spending: own }: { spending: { orders: number } }) => { own.orders = 99; return { a: own.orders, b: 1 }; }),
    spending.pick("orders"),
  ];
  const assembler = createVectorAssembler({ features: providers }, {}, { onFailure: (source, reason) => { told.push(`${source}: ${reason}`); } });
  const out = new Float64Array(assembler.columns.length);
  for (let round = 0; round < 2; round++) assembler.assemble(new Map([["spending", [4, 1, null, null]]]), 0, out, 0);
  assert.deepEqual([...out], [Number.NaN, Number.NaN, Number.NaN, 2, Number.NaN, Number.NaN, Number.NaN, Number.NaN, 99, 1, 4]);
  assert.deepEqual([...assembler.failures], [["throws", 2], ["infinite", 2], ["nothing", 2], ["text", 2]]);
  assert.equal(told.length, 4);
  assert.equal(told[0], "throws: no such luck");
  assert.match(told[1]!, /output "a" is Infinity/);
});

test("the views and candidates to read are named once, also those only on-demand features need", () => {
  const assembler = createVectorAssembler({ features: [recency, spending.pick("orders")] });
  assert.deepEqual(assembler.views.map(({ name }) => name), ["spending", "popularity"]);
  assert.deepEqual(assembler.candidates.map(({ name }) => name), ["similar"]);
  assert.deepEqual(assembler.columns.map(({ name }) => name), ["recency.age", "recency.share", "spending.orders"]);
});

test("categories are learned by falling frequency, ties by text, the rarest dropped", () => {
  assert.deepEqual(learnCategories(["b", "a", null, "c", "c", "b", "d"], 3), ["b", "c", "a"]);
  assert.deepEqual(learnCategories([null]), []);
});
