import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { count, defineCandidates, defineEntity, defineFeatureView, defineModel, defineStream, eachCandidate, eachEvent, gradientBoosting, happensWithin, interaction, labelValue } from "../../define/index.ts";
import type { Model } from "../../define/index.ts";
import type { TrainingColumn } from "../training/training-data.ts";
import { baselinesOf } from "./baselines.ts";

const sales = defineStream("sales", { schema: z.object({ customer: z.string(), item: z.string(), basket: z.string(), price: z.number() }) });
const [customer, item] = [defineEntity("customer"), defineEntity("item")];
const activity = defineFeatureView("activity", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: () => ({ sales: count() }) });
const similar = defineCandidates("similar", { user: customer, item, interactions: [interaction(sales, { user: (e) => e.customer, item: (e) => e.item, basket: (e) => e.basket })] });

const eachSale = (objective: "regression" | "binary" | "multiclass"): Model => defineModel("m", {
  features: [activity], examples: eachEvent(sales, { keys: (e) => ({ customer: e.customer }) }), label: labelValue(sales, (e) => e.price),
  trainer: gradientBoosting({ objective, ...(objective === "multiclass" ? { classes: 3 } : {}) }),
});
const ranker: Model = defineModel("ranker", {
  features: [activity, similar], examples: eachCandidate(similar), label: happensWithin(sales, "1h", (e) => ({ customer: e.customer, item: e.item })), trainer: gradientBoosting({ objective: "lambdarank" }),
});

const column = (name: string, ...values: number[]): TrainingColumn => ({ name, kind: "numeric", values: Float64Array.from(values) });

test("a number is compared with the training rows' mean", () => {
  const [mean] = baselinesOf(eachSale("regression"), [column("activity.sales", 1, 2, 3)], Float64Array.of(2, 4));
  assert.deepEqual([mean?.name, [...mean!.scores]], ["mean", [3, 3, 3]]);
  assert.deepEqual([...baselinesOf(eachSale("binary"), [column("activity.sales", 1, 2)], new Float64Array(0))[0]!.scores], [0, 0], "without rows it is zero, and a number");
});

test("classes are compared with their shares, row by row", () => {
  const [prior] = baselinesOf(eachSale("multiclass"), [column("activity.sales", 1, 2)], Float64Array.of(0, 2, 2, 1));
  assert.deepEqual([prior?.name, [...prior!.scores]], ["prior", [0.25, 0.25, 0.5, 0.25, 0.25, 0.5]]);
});

test("a ranking is compared with the order of each candidate source that the set has", () => {
  const columns = [column("activity.sales", 1, 2), column("similar.popularity", 5, 6), column("similar.together", 7, 8), column("similar.interest", 9, 9)];
  assert.deepEqual(baselinesOf(ranker, columns, new Float64Array(2)).map(({ name, scores }) => [name, [...scores]]), [["together", [7, 8]], ["popularity", [5, 6]]]);
});
