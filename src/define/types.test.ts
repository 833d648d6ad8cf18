/**
 * Types carry the definition: each line marked as an expected error is a mistake the compiler must catch
 * (`npm run types` fails when it stops doing so).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { count, defineEndpoint, defineEntity, defineFeatureView, defineModel, defineOnDemand, defineStream, eachEvent, gradientBoosting, histogram, labelValue, last, lastN, quantile, sum, topK } from "./index.ts";
import type { RowOf } from "./index.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const expectType = <T extends true>(): T => true as T;

const clicks = defineStream("clicks", { schema: z.object({ user: z.string(), page: z.string(), seconds: z.number(), bot: z.boolean(), country: z.string().optional(), at: z.string() }), time: "at" });
const user = defineEntity("user");
const visits = defineFeatureView("visits", {
  entities: [user], from: clicks, by: (e) => ({ user: e.user }),
  features: (e) => ({ views_1h: count().where(e.bot.not()).over("1h"), seconds_1d: sum(e.seconds).over("1d"), country: last(e.country) }),
});

test("the row type follows from the schema", () => {
  assert.ok(expectType<Same<NonNullable<RowOf<typeof clicks>>["seconds"], number>>());
});

const lists = defineFeatureView("lists", {
  entities: [user], from: clicks, by: (e) => ({ user: e.user }),
  features: (e) => ({ recent: lastN(e.page, 3), top: topK(e.bot, 1), median: quantile(e.seconds, 0.5), tails: quantile(e.seconds, [0.1, 0.9]), spread: histogram(e.seconds, [1]).session("30m") }),
});

test("a list's type follows from what is aggregated", () => {
  type Values = NonNullable<(typeof lists)["__values"]>;
  assert.ok(expectType<Same<Values["recent"], readonly (string | null)[] | null>>());
  assert.ok(expectType<Same<Values["top"], readonly (boolean | null)[] | null>>());
  assert.ok(expectType<Same<Values["median"], number | null>>());
  assert.ok(expectType<Same<Values["tails"], readonly number[] | null>>());
  assert.ok(expectType<Same<Values["spread"], readonly number[]>>());
});

/** Never called: only its types are checked. */
const mistakes = (): void => {
  // @ts-expect-error a time field that is not in the schema
  defineStream("a", { schema: z.object({ at: z.string() }), time: "when" });
  // @ts-expect-error a misspelt field
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ user: e.usr }), features: () => ({ n: count() }) });
  // @ts-expect-error a sum over text
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ user: e.user }), features: (e) => ({ n: sum(e.page) }) });
  // @ts-expect-error arithmetic on text
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ user: e.user }), features: (e) => ({ n: sum(e.page.times(2)) }) });
  // @ts-expect-error a quantile of text
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ user: e.user }), features: (e) => ({ n: quantile(e.page, 0.5) }) });
  // @ts-expect-error a hopping window without its hop
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ user: e.user }), features: () => ({ n: count().hopping("7d") }) });
  // @ts-expect-error a condition that is not one
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ user: e.user }), features: (e) => ({ n: count().where(e.seconds) }) });
  // @ts-expect-error a duration without a unit
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ user: e.user }), features: () => ({ n: count().over("7") }) });
  // @ts-expect-error the key of another entity
  defineFeatureView("a", { entities: [user], from: clicks, by: (e) => ({ page: e.page }), features: () => ({ n: count() }) });
  // @ts-expect-error a feature the view does not have
  visits.pick("views_2h");
  // @ts-expect-error a typo in a feature name inside an on-demand feature
  defineOnDemand("a", { from: [visits], outputs: ["x"], compute: ({ visits: v }) => ({ x: v.view_1h }) });
  // @ts-expect-error an output that is not declared
  defineOnDemand("a", { from: [visits], outputs: ["x"], compute: () => ({ y: 1 }) });
  defineOnDemand("a", { from: [visits], outputs: ["x"], compute: ({ visits: v, nowMs }) => ({ x: v.views_1h === null ? null : v.views_1h / nowMs }) });
  const model = defineModel("m", { features: [visits], examples: eachEvent(clicks, { keys: (e) => ({ user: e.user }) }), label: labelValue(clicks, (e) => e.seconds), trainer: gradientBoosting({ objective: "regression" }) });
  // @ts-expect-error a request field that does not exist
  defineEndpoint("e", { model, request: z.object({ user: z.string() }), keys: { user: "usr" } });
  // @ts-expect-error an objective that does not exist
  gradientBoosting({ objective: "magic" });
};

test("mistakes are compile errors, and what is right compiles", () => {
  assert.equal(typeof mistakes, "function");
  assert.deepEqual(visits.pick("views_1h").selected, ["views_1h"]);
});
