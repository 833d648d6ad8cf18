/** Types carry the rules: each line marked as an expected error is a mistake the compiler must catch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { between, defineExpectations, defineStream, freshWithin, holds, matches, notNull, oneOf, refersTo, sameDistribution, sql, unique } from "./index.ts";

const items = defineStream("items", { schema: z.object({ code: z.string() }) });
const orders = defineStream("orders", { schema: z.object({ item: z.string(), price: z.number(), tags: z.array(z.string()).optional() }) });

export const mistakes = (): void => {
  // @ts-expect-error an order has no field "prise"
  defineExpectations("a", { of: orders, expect: (e) => ({ x: notNull(e.prise) }) });
  // @ts-expect-error text has no bounds
  defineExpectations("a", { of: orders, expect: (e) => ({ x: between(e.item, { min: 1 }) }) });
  // @ts-expect-error a number matches no pattern
  defineExpectations("a", { of: orders, expect: (e) => ({ x: matches(e.price, /1/) }) });
  // @ts-expect-error a number is none of these texts
  defineExpectations("a", { of: orders, expect: (e) => ({ x: oneOf(e.price, ["a"]) }) });
  // @ts-expect-error a condition is needed
  defineExpectations("a", { of: orders, expect: (e) => ({ x: holds(e.price) }) });
  // @ts-expect-error items have no field "title"
  defineExpectations("a", { of: orders, expect: (e) => ({ x: refersTo(e.item, items, (other) => other.title) }) });
  // @ts-expect-error uniqueness is judged after the event is stored
  defineExpectations("a", { of: orders, expect: (e) => ({ x: unique(e.item, { within: "1d" }).quarantine() }) });
  // @ts-expect-error closing a stream because nothing comes helps nobody
  defineExpectations("a", { of: orders, expect: () => ({ x: freshWithin("1h").stop() }) });
  // @ts-expect-error a distribution has thresholds, no share
  defineExpectations("a", { of: orders, expect: (e) => ({ x: sameDistribution(e.price).atLeast(0.5) }) });
  // @ts-expect-error a duration without a unit
  defineExpectations("a", { of: orders, window: "1", expect: (e) => ({ x: notNull(e.item) }) });
  // @ts-expect-error no rule of that name
  void defineExpectations("a", { of: orders, expect: (e) => ({ x: notNull(e.item) }) }).rules.y;
};

test("what is right compiles, and a rule says what it is", () => {
  const { rules, references } = defineExpectations("a", { of: orders, expect: (e) => ({
    tagged: notNull(e.tags).atLeast(0.5).because("search needs them"), cheap: between(e.price, { max: 9 }).over("1d").quarantine(), known: refersTo(e.item, items, (other) => other.code).stop(), seldom: sql("SELECT 1").severity("info").stop(),
  }) });
  assert.deepEqual(rules.tagged, { test: { kind: "not-null", value: { op: "field", name: "tags" } }, action: "warn", atLeast: 0.5, windowMs: undefined, minimumEvents: 100, severity: "warning", because: "search needs them" });
  const minimum = (build: (rule: ReturnType<typeof notNull>) => ReturnType<typeof notNull>): number => defineExpectations("a", { of: orders, expect: (e) => ({ x: build(notNull(e.item)) }) }).rules.x.minimumEvents;
  assert.deepEqual([minimum((rule) => rule.minimumEvents(1).atLeast(0.5)), minimum((rule) => rule.atLeast(0.5).minimumEvents(7)), minimum((rule) => rule.atLeast(0.5).atLeast(1))], [1, 7, 1]);
  assert.deepEqual([rules.cheap.action, rules.cheap.windowMs, rules.cheap.minimumEvents], ["quarantine", 86_400_000, 1]);
  assert.deepEqual([rules.known.severity, rules.seldom.severity, references.map(({ name }) => name)], ["critical", "info", ["items"]]);
});
