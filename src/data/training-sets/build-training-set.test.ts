/** Training sets: what is an example, its label and its time; nothing from the future; the same vectors as online. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import {
  count, defineApplication, defineCandidates, defineEntity, defineFeatureView, defineModel, defineOnDemand, defineStream, eachCandidate, eachEvent,
  gradientBoosting, happensWithin, histogram, interaction, labelValue, last, lastN, quantile, sum, topK,
} from "../../define/index.ts";
import type { Application, Model } from "../../define/index.ts";
import { isStrataError } from "../../kernel/errors.ts";
import { createCandidateIndex } from "../candidates/candidate-index.ts";
import { buildTrainingSet } from "./build-training-set.ts";
import { createMemoryLake } from "./memory-lake.test.ts";
import type { TestEvent } from "./memory-lake.test.ts";
import type { TrainingRows, TrainingSet } from "./training-set.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const orders = defineStream("orders", { schema: z.object({ user: z.string().optional(), item: z.string(), order: z.string(), price: z.number().optional(), city: z.string().optional() }) });
const views = defineStream("views", { schema: z.object({ user: z.string(), item: z.string() }) });
const hints = defineStream("hints", { schema: z.object({ user: z.string(), item: z.string(), answer: z.number() }) });

const user = defineEntity("user");
const item = defineEntity("item");

const spending = defineFeatureView("spending", {
  entities: [user], from: orders, by: (e) => ({ user: e.user }),
  features: (e) => ({ orders_1d: count().over("1d"), spent: sum(e.price).over("30d"), city: last(e.city) }),
});
const hinted = defineFeatureView("hinted", { entities: [user, item], from: hints, by: (e) => ({ user: e.user, item: e.item }), features: (e) => ({ answer: last(e.answer) }) });
const similar = defineCandidates("similar", {
  user, item, limit: 10, seeds: 5,
  interactions: [
    interaction(orders, { user: (e) => e.user, item: (e) => e.item, basket: (e) => e.order }),
    interaction(views, { user: (e) => e.user, item: (e) => e.item }),
  ],
});
const perOrder = defineOnDemand("per_order", {
  from: [spending], outputs: ["mean_price"],
  compute: ({ spending: spent }) => ({ mean_price: spent.spent === null || spent.orders_1d === null || spent.orders_1d === 0 ? null : spent.spent / spent.orders_1d }),
});

const regression = gradientBoosting({ objective: "regression" });
const ranking = gradientBoosting({ objective: "lambdarank" });

const modelOf = (options: Partial<Parameters<typeof defineModel>[1]>): { readonly application: Application; readonly model: Model } => {
  const model = defineModel("model", {
    features: [spending], trainer: regression, label: labelValue(orders, (e) => e.price),
    examples: eachEvent(orders, { keys: (e) => ({ user: e.user }) }), ...options,
  });
  return { model, application: defineApplication("shop", [model]) };
};

const build = (events: readonly TestEvent[], options: Partial<Parameters<typeof defineModel>[1]>, atMs = 1e15): Promise<TrainingSet> =>
  buildTrainingSet({ ...modelOf(options), ...createMemoryLake(events), atMs });

const order = (timeMs: number, row: Readonly<Record<string, unknown>>, knownAtMs = timeMs): TestEvent => ({ stream: orders, timeMs, knownAtMs, row: { order: "o", item: "i", ...row } });
const column = (rows: TrainingRows, name: string): readonly number[] => [...rows.columns.find((other) => other.name === name)!.values];
const keysOf = ({ keys }: TrainingRows, entity: string): readonly (string | undefined)[] => Array.from(keys[entity]!.codes, (code) => keys[entity]!.dictionary[code]);

test("each event is an example just before itself", async () => {
  const events = [order(100, { user: "ann", price: 5 }), order(200, { user: "ann", price: 7, city: "Rome" }), order(200, { price: 9 }), order(300, { user: "bob" }), order(350, { user: "ann", price: 1 }), order(400, { user: "ann", price: 2 })];
  const { training, validation, dropped, categories } = await build(events, { features: [spending, perOrder] });
  assert.deepEqual(dropped, { "missing-key": 1, "missing-label": 1 });
  assert.deepEqual([...training.timesMs, ...validation.timesMs], [99, 199, 349, 399]);
  assert.deepEqual([...training.label, ...validation.label], [5, 7, 1, 2]);
  assert.deepEqual(keysOf(training, "user"), ["ann", "ann", "ann"]);
  assert.deepEqual(column(training, "spending.orders_1d"), [0, 1, 2]);
  assert.deepEqual(column(training, "spending.spent"), [0, 5, 12]);
  assert.deepEqual(column(training, "spending.city"), [NaN, NaN, 0]);
  assert.deepEqual(column(training, "per_order.mean_price"), [NaN, 5, 6]);
  assert.deepEqual(categories, { "spending.city": ["Rome"] });
  assert.deepEqual(training.columns.map(({ name, kind }) => `${name} ${kind}`), ["spending.orders_1d numeric", "spending.spent numeric", "spending.city categorical", "per_order.mean_price numeric"]);
});

test("an event that became known later is not used, and the example's own event is not its outcome", async () => {
  const events = [order(1_000, { user: "ann" }, 9_000), order(1_500, { user: "ann" }), order(10_000, { user: "ann" }), order(20_000, { user: "ann" })];
  const again = happensWithin(orders, "1s", (e) => ({ user: e.user }));
  const { training, validation, dropped } = await build(events, { label: again, trainer: gradientBoosting({ objective: "binary" }), holdout: "1s" }, 20_000);
  assert.deepEqual([[...training.timesMs], [...validation.timesMs]], [[999, 1_499], [9_999]]);
  assert.deepEqual([[...training.label], [...validation.label]], [[1, 0], [0]]);
  assert.deepEqual([column(training, "spending.orders_1d"), column(validation, "spending.orders_1d")], [[0, 0], [2]]); // the first order was known at 9,000 only
  assert.deepEqual(dropped, { "label-window-open": 1 });
});

test("conditions choose examples", async () => {
  const events = Array.from({ length: 10 }, (_, n) => order(n * 10, { user: "ann", price: n }));
  const { training, validation } = await build(events, { examples: eachEvent(orders, { keys: (e) => ({ user: e.user }), where: (e) => e.price.atLeast(5) }) });
  assert.deepEqual([[...training.label], [...validation.label]], [[5, 6, 7, 8], [9]]);
});

const boughtSoon = happensWithin(orders, "1h", (e) => ({ user: e.user, item: e.item }));
const ranker = { features: [similar, spending], examples: eachCandidate(similar), label: boughtSoon, trainer: ranking } as const;

test("each basket is a group of the candidates that were offered just before it", async () => {
  const at = (hours: number, who: string, basket: string, items: readonly string[]): TestEvent[] => items.map((name, n) => order(hours * HOUR_MS + n, { user: who, item: name, order: basket }));
  const events = [
    ...at(1, "ann", "1", ["tea", "cup"]), ...at(5, "bob", "2", ["tea", "pot", "new"]), { stream: views, timeMs: 8 * HOUR_MS, row: { user: "ann", item: "pot" } },
    ...at(9, "ann", "3", ["pot", "cup", "novel"]), ...at(9.5, "cat", "4", ["tea"]),
  ];
  const { training, validation, dropped } = await build(events, ranker);
  assert.deepEqual(dropped, { "no-candidates": 1, "label-window-held-out": 1 }); // the first basket; cat's begins within an hour of ann's third
  assert.deepEqual(new Set(keysOf(training, "item")), new Set(["cup", "tea"]));
  assert.deepEqual([[...training.timesMs], [...training.groups!], [...training.totalRelevant!]], [[5 * HOUR_MS - 1, 5 * HOUR_MS - 1], [2], [3]]);
  assert.deepEqual(Object.fromEntries(keysOf(training, "item").map((name, row) => [name, training.label[row]])), { tea: 1, cup: 0 });
  assert.deepEqual([[...validation.groups!], keysOf(validation, "user")], [[5], ["cat", "cat", "cat", "cat", "cat"]]);
});

test("only the latest groups are kept, and unknown users make none", async () => {
  const events = Array.from({ length: 30 }, (_, n) => order(n * DAY_MS, { user: n === 20 ? undefined : `u${n % 3}`, item: `i${n % 5}`, order: `${n}` }));
  const { training, validation, dropped } = await build(events, { ...ranker, examples: eachCandidate(similar, { maxGroups: 10 }) });
  assert.deepEqual([training.groups!.length, validation.groups!.length], [8, 2]);
  assert.deepEqual(dropped, { "missing-key": 1, "over-limit": 19 });
});

/** Two users, three items, four baskets, times a millisecond apart: everything collides; some events arrive late, some carry times to come. */
const history = fc.array(fc.record({
  stream: fc.constantFrom(orders, views), minute: fc.integer({ min: 0, max: 30 }).map((n) => n * 10), edge: fc.constantFrom(0, 0, -1, 1), lateMs: fc.constantFrom(0, 0, 0, -1, 1, 300_000, 5_400_000, -1_200_000),
  row: fc.record({ user: fc.constantFrom("ann", "bob"), item: fc.constantFrom("tea", "cup", "pot"), order: fc.constantFrom("1", "2", "3", "4"), price: fc.integer({ min: 1, max: 9 }), city: fc.constantFrom("Rome", "Oslo", undefined) }),
}), { minLength: 5, maxLength: 40 });

const toEvents = (drawn: readonly { readonly stream: typeof orders | typeof views; readonly minute: number; readonly edge: number; readonly lateMs: number; readonly row: Readonly<Record<string, unknown>> }[]): readonly TestEvent[] =>
  drawn.map(({ stream, minute, edge, lateMs, row }) => ({ stream, row, timeMs: minute * 60_000 + edge, knownAtMs: minute * 60_000 + edge + lateMs }));

test("what a row says is unchanged when everything not known at its time is taken away", async () => {
  await fc.assert(fc.asyncProperty(history, async (drawn) => {
    const events = toEvents(drawn);
    const label = happensWithin(orders, "1ms", (e) => ({ user: e.user, item: e.item })); // so short that no example is left out for it
    const options = { ...ranker, features: [similar, spending, perOrder], label, holdout: "1ms" } as const;
    const set = await build(events, options);
    for (const timeMs of new Set([...set.training.timesMs, ...set.validation.timesMs])) {
      // Later purchases stay, for they make the groups, but nobody knows of them.
      const cut = await build(events.flatMap((event) => (event.knownAtMs! <= timeMs ? event : event.stream === orders ? { ...event, knownAtMs: 1e12 } : [])), options);
      assert.deepEqual(vectorsAt(cut, timeMs), vectorsAt(set, timeMs));
    }
  }), { numRuns: 25 });
});

/** Rows of a time as text, but for categories: which of them are known depends on the other rows. */
function vectorsAt({ training, validation }: TrainingSet, timeMs: number): readonly string[] {
  return [training, validation].flatMap((rows) => Array.from(rows.timesMs, (_, row) => row).filter((row) => rows.timesMs[row] === timeMs).map((row) => {
    const numbers = rows.columns.filter(({ kind }) => kind === "numeric").map(({ name, values }) => `${name}=${values[row]}`);
    return [...Object.keys(rows.keys).map((entity) => keysOf(rows, entity)[row]), ...numbers].join(" ");
  })).toSorted((a, b) => (a < b ? -1 : 1));
}

test("labels and relevant items equal their plain definitions", async () => {
  await fc.assert(fc.asyncProperty(history, async (drawn) => {
    const events = toEvents(drawn);
    const { training, validation } = await build(events, ranker);
    const bought = (who: string | undefined, timeMs: number): readonly unknown[] =>
      events.filter((event) => event.stream === orders && event.row["user"] === who && event.timeMs > timeMs && event.timeMs <= timeMs + HOUR_MS).map((event) => event.row["item"]);
    for (const rows of [training, validation]) {
      const [users, items] = [keysOf(rows, "user"), keysOf(rows, "item")];
      rows.label.forEach((label, row) => assert.equal(label, bought(users[row], rows.timesMs[row]!).includes(items[row]) ? 1 : 0));
      let start = 0;
      rows.groups!.forEach((size, group) => {
        assert.equal(rows.totalRelevant![group], new Set(bought(users[start], rows.timesMs[start]!)).size);
        start += size;
      });
    }
  }), { numRuns: 40 });
});

test("candidate features are those of an index that stopped just before", async () => {
  await fc.assert(fc.asyncProperty(history, async (drawn) => {
    const events = toEvents(drawn);
    const { training } = await build(events, { ...ranker, holdout: "1ms" });
    const inOrder = events.map((event, n) => ({ event, n })).toSorted((a, b) => a.event.knownAtMs! - b.event.knownAtMs! || (a.event.stream.name < b.event.stream.name ? -1 : a.event.stream.name > b.event.stream.name ? 1 : a.n - b.n));
    let start = 0;
    for (const size of training.groups!) {
      const atMs = training.timesMs[start]!;
      const index = createCandidateIndex(similar);
      for (const { event } of inOrder) {
        if (event.knownAtMs! > atMs) break;
        const { user: who, item: name, order: basket } = event.row as Readonly<Record<string, string>>;
        const isOrder = event.stream === orders;
        index.apply({ kind: isOrder ? "purchase" : "look", user: who, item: name!, basket: isOrder ? basket : undefined, timeMs: event.timeMs, knownAtMs: event.knownAtMs! });
      }
      const expected = index.query({ user: keysOf(training, "user")[start]!, seedItems: [], atMs });
      assert.deepEqual(keysOf(training, "item").slice(start, start + size), expected.map((candidate) => candidate.item));
      const features = ["together", "popularity", "repeats", "interest"].map((feature) => column(training, `similar.${feature}`).slice(start, start + size));
      assert.deepEqual(expected.map((_, row) => features.map((values) => values[row])), expected.map((candidate) => candidate.features));
      start += size;
    }
  }), { numRuns: 40 });
});

test("a feature that only the future knows gets no signal", async () => {
  const baskets = Array.from({ length: 40 }, (_, n) => order(n * DAY_MS, { user: "ann", item: `i${n % 4}`, order: `${n}` }));
  // Right after each purchase, and once before it became known, the answer is published: a perfect predictor, too late.
  const answers = baskets.flatMap(({ timeMs, row }): TestEvent[] => [
    { stream: hints, timeMs: timeMs + 1, row: { ...row, answer: timeMs } },
    { stream: hints, timeMs: timeMs - HOUR_MS, knownAtMs: timeMs + 1, row: { ...row, answer: timeMs } },
  ]);
  const { training, validation } = await build([...baskets, ...answers], { ...ranker, features: [similar, hinted] });
  for (const rows of [training, validation]) {
    const answer = column(rows, "hinted.answer");
    const items = keysOf(rows, "item");
    assert.ok(rows.rows > 0);
    answer.forEach((value, row) => {
      // All that may be seen is the answer of the item's purchase four or more days ago.
      const earlier = baskets.filter((basket) => basket.row["item"] === items[row] && basket.timeMs + 1 <= rows.timesMs[row]!).at(-1);
      assert.equal(value, earlier?.timeMs ?? NaN);
    });
  }
});

test("a set without examples is empty, and a signal ends the build", async () => {
  const empty = await build([], ranker);
  assert.deepEqual([empty.training.rows, empty.validation.rows, empty.training.columns.length], [0, 0, 7]);
  const events = Array.from({ length: 5_000 }, (_, n) => order(n, { user: "ann", price: 1 }));
  await assert.rejects(buildTrainingSet({ ...modelOf({}), ...createMemoryLake(events), atMs: 1e9, signal: AbortSignal.abort() }), (thrown) => isStrataError(thrown) && thrown.code === "ABORTED");
});

test("progress grows to one", async () => {
  const shares: number[] = [];
  const events = Array.from({ length: 50 }, (_, n) => order(n * DAY_MS, { user: "ann", item: `i${n % 3}`, order: `${n}` }));
  await buildTrainingSet({ ...modelOf(ranker), ...createMemoryLake(events), atMs: 1e15, onProgress: ({ share }) => void shares.push(share) });
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
  assert.equal(shares.at(-1), 1);
});

test("a feature whose value is a list becomes one column per place, and an on-demand feature sees the list", async () => {
  const tastes = defineFeatureView("tastes", {
    entities: [user], from: orders, by: (e) => ({ user: e.user }),
    features: (e) => ({ recent: lastN(e.price, 2), cities: topK(e.city, 2), tails: quantile(e.price, [0, 1]), sizes: histogram(e.price, [6]), orders: count() }),
  });
  const trend = defineOnDemand("trend", {
    from: [tastes], outputs: ["change"],
    compute: ({ tastes: { recent } }) => ({ change: recent === null || recent[0] === null || recent[1] === null ? null : recent[0]! - recent[1]! }),
  });
  const events = [[100, 5, "Rome"], [200, 7, "Rome"], [300, 9, "Oslo"], [400, 1, "Oslo"], [500, 2, "Oslo"], [600, 4, "Oslo"]].map(([timeMs, price, city]) => order(Number(timeMs), { user: "ann", price, city }));
  const { training, categories } = await build(events, { features: [tastes.pick("recent", "cities", "tails", "sizes"), trend] });
  assert.deepEqual(training.columns.map(({ name, kind }) => [name, kind]), [
    ["tastes.recent_1", "numeric"], ["tastes.recent_2", "numeric"], ["tastes.cities_1", "categorical"], ["tastes.cities_2", "categorical"],
    ["tastes.tails_1", "numeric"], ["tastes.tails_2", "numeric"], ["tastes.sizes_1", "numeric"], ["tastes.sizes_2", "numeric"], ["trend.change", "numeric"],
  ]);
  assert.deepEqual(categories["tastes.cities_1"], ["Rome"]);
  assert.deepEqual(training.columns.map(({ values }) => values[3]), [9, 7, 0, 0, 5, 9, 1, 2, 2]);
  assert.deepEqual(training.columns.map(({ values }) => values[0]), [Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, 0, 0, Number.NaN]);
});
