/** Embeddings of items: those bought with the same things are near, and the same baskets give the same bits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../kernel/random.ts";
import { trainItemEmbeddings } from "./item-embeddings.ts";
import type { BasketRows } from "./item-embeddings.ts";

const GROUPS = 12, PER_GROUP = 10;

/** Baskets of three to six items of one group, now and then with one of another. */
function baskets(seed: number): BasketRows {
  const random = createRandom(seed);
  const rows: [number, number][] = [];
  for (let basket = 0; basket < 4_000; basket++) {
    const group = random.integer(GROUPS);
    for (let i = 0; i < 3 + random.integer(4); i++) rows.push([basket, (random.next() < 0.1 ? random.integer(GROUPS) : group) * PER_GROUP + random.integer(PER_GROUP)]);
  }
  return { baskets: Int32Array.from(rows, ([basket]) => basket), items: Int32Array.from(rows, ([, item]) => item), itemCount: GROUPS * PER_GROUP };
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

test("the nearest items are those of the same group", () => {
  const { items, vectors } = trainItemEmbeddings(baskets(1), { dimensions: 16 });
  assert.equal(items.length, GROUPS * PER_GROUP);
  const vectorOf = (at: number): Float32Array => vectors.subarray(at * 16, at * 16 + 16);
  let right = 0;
  for (const at of items.keys()) {
    const nearest = [...items.keys()].filter((other) => other !== at).toSorted((a, b) => cosine(vectorOf(at), vectorOf(b)) - cosine(vectorOf(at), vectorOf(a))).slice(0, 5);
    right += nearest.filter((other) => Math.floor(items[other]! / PER_GROUP) === Math.floor(items[at]! / PER_GROUP)).length;
  }
  assert.ok(right / (items.length * 5) > 0.98, `${right / (items.length * 5)} of the neighbours are of the same group`);
});

test("the same baskets give the same bits, and another order the same vectors but for rounding", () => {
  const rows = baskets(2);
  const order = createRandom(3).shuffle([...rows.baskets.keys()]);
  const shuffled = { ...rows, baskets: Int32Array.from(order, (at) => rows.baskets[at]!), items: Int32Array.from(order, (at) => rows.items[at]!) };
  const first = trainItemEmbeddings(rows, { dimensions: 8 }), second = trainItemEmbeddings(rows, { dimensions: 8 });
  assert.deepEqual(first, second);
  const other = trainItemEmbeddings(shuffled, { dimensions: 8 });
  assert.deepEqual(other.items, first.items);
  assert.ok(other.vectors.every((value, i) => Math.abs(value - first.vectors[i]!) < 1e-3));
});

test("too few items for the dimensions are refused", () => {
  assert.throws(() => trainItemEmbeddings({ baskets: Int32Array.of(0, 0), items: Int32Array.of(0, 1), itemCount: 2 }, { dimensions: 8 }), { code: "TRAINING_DATA_INSUFFICIENT" });
});
