import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileExpression, eventExpressions, fieldsOf } from "./expression.ts";

interface Sale { readonly quantity: number; readonly price: number; readonly country?: string | undefined; readonly gift: boolean; readonly tags: string[] }
const e = eventExpressions<Sale>();
const evaluate = (expression: { node: Parameters<typeof compileExpression>[0] }, row: Record<string, unknown>, timeMs = 0) => compileExpression(expression.node)(row, timeMs);

test("arithmetic follows numbers and treats a missing or non-numeric field as missing", () => {
  const spend = e.quantity.times(e.price).plus(1);
  assert.equal(evaluate(spend, { quantity: 3, price: 2 }), 7);
  assert.equal(evaluate(spend, { quantity: 3 }), undefined);
  assert.equal(evaluate(spend, { quantity: "3", price: 2 }), undefined);
  assert.equal(evaluate(e.quantity.dividedBy(e.price), { quantity: 1, price: 0 }), undefined);
  assert.equal(evaluate(e.price.logarithm(), { price: -1 }), undefined);
  assert.equal(evaluate(e.price.minus(5).absolute(), { price: 2 }), 3);
});

test("comparisons with a missing field are false, and logic needs true", () => {
  const condition = e.country.equals("France").and(e.quantity.atLeast(2)).or(e.gift);
  assert.equal(evaluate(condition, { country: "France", quantity: 2, gift: false }), true);
  assert.equal(evaluate(condition, { quantity: 2, gift: false }), false);
  assert.equal(evaluate(condition, { gift: true }), true);
  assert.equal(evaluate(e.country.equals("France").not(), {}), true);
  assert.equal(evaluate(e.country.oneOf(["Spain", "France"]), { country: "Spain" }), true);
  assert.equal(evaluate(e.tags.present(), { tags: ["a"] }), false, "only scalars count as values");
});

test("$time is the event time", () => {
  assert.equal(evaluate(e.$time.minus(1_000), {}, 5_000), 4_000);
});

test("fieldsOf names every field an expression reads", () => {
  assert.deepEqual([...fieldsOf(e.quantity.times(e.price).greater(2).and(e.country.present()).node)].toSorted(), ["country", "price", "quantity"]);
});

test("law: comparison operators agree with JavaScript on numbers", () => {
  fc.assert(fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (quantity, price) => {
    const row = { quantity, price };
    assert.equal(evaluate(e.quantity.less(e.price), row), quantity < price);
    assert.equal(evaluate(e.quantity.atMost(e.price), row), quantity <= price);
    assert.equal(evaluate(e.quantity.greater(e.price), row), quantity > price);
    assert.equal(evaluate(e.quantity.atLeast(e.price), row), quantity >= price);
    assert.equal(evaluate(e.quantity.equals(e.price), row), quantity === price);
  }));
});
