/** The index against plain definitions of its features, and the law: only the events of each stream and the time count. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { defineCandidates, defineEntity, defineStream, interaction } from "../../define/index.ts";
import type { Candidates } from "../../define/index.ts";
import { createRandom } from "../../kernel/random.ts";
import { decodeCandidateState, encodeCandidateState } from "./candidate-codec.ts";
import { createCandidateIndex } from "./candidate-index.ts";
import type { CandidateIndex, CandidateQuery } from "./candidate-index.ts";
import type { UserInteraction } from "./interaction-plan.ts";
import { createNames } from "./names.ts";
import { NeighbourTable } from "./neighbour-table.ts";

const DAY_MS = 86_400_000;

const schema = z.object({ user: z.string(), item: z.string(), order: z.string() });
const orders = defineStream("orders", { schema });
const views = defineStream("views", { schema });
const searches = defineStream("searches", { schema });

function candidatesOf(options: { readonly seeds?: number; readonly limit?: number } = {}): Candidates {
  return defineCandidates("similar", {
    user: defineEntity("user"), item: defineEntity("item"), popularityWindow: "2d", seeds: 3, limit: 5, ...options,
    interactions: [
      interaction(orders, { user: (e) => e.user, item: (e) => e.item, basket: (e) => e.order }),
      interaction(views, { user: (e) => e.user, item: (e) => e.item }),
      interaction(searches, { user: (e) => e.user, item: (e) => e.item }),
    ],
  });
}

const purchase = (user: string, item: string, basket: string, timeMs: number): UserInteraction => ({ kind: "purchase", user, item, basket, timeMs, knownAtMs: timeMs });
const look = (user: string, item: string, timeMs: number): UserInteraction => ({ kind: "look", user, item, basket: undefined, timeMs, knownAtMs: timeMs });

function indexOf(interactions: readonly UserInteraction[], candidates = candidatesOf()): CandidateIndex {
  const index = createCandidateIndex(candidates);
  for (const done of interactions) index.apply(done);
  return index;
}

const featuresOf = (index: CandidateIndex, query: CandidateQuery): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(index.query(query).map(({ item, features }) => [item, features]));

test("items found elsewhere come behind the offered ones, with the features the index gives them", () => {
  const index = indexOf([
    purchase("ann", "tea", "1", 0), purchase("ann", "cup", "1", 10), purchase("bob", "pot", "2", 20), purchase("bob", "jug", "2", 30), look("ann", "pan", 40),
  ]);
  const query = { user: "ann", seedItems: ["jug"], atMs: 100 };
  const plain = index.query({ ...query, limit: 2 });
  const told: (readonly string[])[] = [];
  const found = index.query({ ...query, limit: 2, also: (offered, seeds) => {
    told.push(offered, seeds);
    return ["tea", "cup", "pot", "pan", "pot", "jug", "never seen"];
  } });
  assert.deepEqual(told, [plain.map(({ item }) => item), ["jug", "pan", "cup"]]);
  assert.deepEqual(found.slice(0, 2), plain);
  const whole = new Map(index.query({ ...query, limit: 100 }).map((candidate) => [candidate.item, candidate]));
  const expected = ["tea", "cup", "pot", "pan"].filter((item) => !told[0]!.includes(item)).map((item) => whole.get(item));
  assert.deepEqual(found.slice(2), [...expected, { item: "never seen", features: [0, 0, 0, 0] }]);
  assert.deepEqual(index.query({ ...query, limit: 2 }), plain, "it was a pure read");
});

test("each feature is what its definition says", () => {
  const index = indexOf([
    purchase("ann", "tea", "1", 0), purchase("ann", "cup", "1", 10), purchase("ann", "pot", "1", 20),
    purchase("bob", "tea", "2", DAY_MS), purchase("bob", "cup", "2", DAY_MS), purchase("ann", "cup", "3", DAY_MS),
    look("ann", "pan", 2 * DAY_MS), look("ann", "pan", DAY_MS),
  ]);
  const found = featuresOf(index, { user: "ann", seedItems: [], atMs: 2 * DAY_MS });
  const pair = (weight: number, a: number, b: number): number => weight / Math.sqrt(a * b);
  // ann's seeds are pan (no baskets), cup and pot; tea shares a basket with cup twice (weight 1 each) and with pot once (half a weight)
  const near = (actual: number | undefined, expected: number): void => assert.ok(Math.abs((actual ?? NaN) - expected) < 1e-12, `${actual} is not ${expected}`);
  near(found["tea"]?.[0], pair(2, 3, 2) + pair(0.5, 1, 2));
  near(found["cup"]?.[0], pair(0.5, 1, 3));
  assert.deepEqual(found["tea"]?.slice(1), [1, 1, 0]); // the purchase at time 0 is no longer in the window
  assert.deepEqual(found["cup"]?.slice(1), [3, 2, 0]);
  assert.deepEqual(found["pan"], [0, 0, 0, 1.5]);
  assert.deepEqual(Object.keys(featuresOf(index, { user: "nobody", seedItems: ["tea"], atMs: 2 * DAY_MS })), ["cup", "pot"]);
  assert.deepEqual(featuresOf(index, { user: "nobody", seedItems: ["unheard of"], atMs: 2 * DAY_MS, limit: 1 }), { cup: [0, 3, 0, 0] });
});

test("a purchase leaves the window exactly when it is over", () => {
  const index = indexOf([purchase("ann", "tea", "1", 1_000)]);
  const sold = (atMs: number): number => featuresOf(index, { user: "bob", seedItems: [], atMs })["tea"]?.[1] ?? 0;
  assert.deepEqual([999, 1_000, 1_000 + 2 * DAY_MS - 1, 1_000 + 2 * DAY_MS, 1_000].map(sold), [0, 1, 1, 0, 1]);
});

test("a purchase that arrives after a question about its time is counted from then on", () => {
  const index = indexOf([purchase("ann", "tea", "1", 3 * DAY_MS), purchase("ann", "tea", "1", 4 * DAY_MS)]);
  const sold = (atMs: number): number => featuresOf(index, { user: "bob", seedItems: [], atMs })["tea"]?.[1] ?? 0;
  assert.equal(sold(5 * DAY_MS), 1);
  index.apply(purchase("ann", "tea", "2", 3 * DAY_MS)); // just outside the window that was asked for
  assert.deepEqual([5, 4, 5].map((day) => sold(day * DAY_MS)), [1, 3, 1]);
  index.apply(purchase("ann", "tea", "3", 5 * DAY_MS)); // its very end
  assert.deepEqual([5, 4, 5].map((day) => sold(day * DAY_MS)), [2, 3, 2]);
});

test("every source has its share of the places", () => {
  const interactions = [
    ...Array.from({ length: 40 }, (_, n) => purchase("crowd", `hit${n}`, `h${n}`, DAY_MS)), ...Array.from({ length: 40 }, (_, n) => purchase("crowd", `hit${n}`, `i${n}`, DAY_MS)),
    ...Array.from({ length: 30 }, (_, n) => purchase("ann", `own${n}`, `o${n}`, 0)),
    ...Array.from({ length: 30 }, (_, n) => purchase("other", n === 0 ? "own0" : `pair${n}`, "p", 0)),
  ];
  const names = indexOf(interactions, candidatesOf({ seeds: 50, limit: 20 })).query({ user: "ann", seedItems: [], atMs: DAY_MS }).map(({ item }) => item.replace(/\d+/, ""));
  assert.deepEqual(Object.fromEntries(Object.entries(Object.groupBy(names, (name) => name)).map(([name, list]) => [name, list!.length])), { pair: 8, own: 8, hit: 4 });
});

/** Events of three streams with few users, items and times, so that everything collides; a stream's events keep their order. */
const history = fc.record({
  events: fc.array(fc.record({
    stream: fc.constantFrom(0, 0, 1, 2), user: fc.constantFrom("ann", "ann", "bob", "", undefined), item: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
    basket: fc.constantFrom("1", "2", "3", undefined), day: fc.integer({ min: 0, max: 12 }), lateDays: fc.constantFrom(0, 0, 1, 5),
  }), { minLength: 10, maxLength: 60 }),
  turns: fc.infiniteStream(fc.integer({ min: 0, max: 2 })),
  questions: fc.array(fc.record({
    user: fc.constantFrom("ann", "bob", "cat"), seedItems: fc.array(fc.constantFrom("a", "b", "z"), { maxLength: 3 }), day: fc.integer({ min: 6, max: 22 }), limit: fc.integer({ min: 1, max: 8 }),
  }), { minLength: 1, maxLength: 6 }),
});

test("answers depend on the events of each stream and the time, not on turns, questions or restarts", () => {
  fc.assert(fc.property(history, ({ events, turns, questions }) => {
    const streams = [0, 1, 2].map((stream) => events.filter((event) => event.stream === stream).map((event) => interactionOf(event)));
    const replayed = createCandidateIndex(candidatesOf());
    for (const stream of streams) for (const done of stream) replayed.apply(done);
    let online = createCandidateIndex(candidatesOf());
    const waiting = streams.map((stream) => [...stream]);
    const ask = (index: CandidateIndex): unknown => questions.map((question) => index.query({ ...question, atMs: question.day * DAY_MS / 2 }));
    for (let turn = 0; waiting.some((stream) => stream.length > 0); turn++) {
      const next = waiting[turns.next().value as number]!.shift() ?? waiting.find((stream) => stream.length > 0)!.shift()!;
      online.apply(next);
      if (turn % 7 === 0) ask(online);
      if (turn % 11 === 0) online = createCandidateIndex(candidatesOf(), decodeCandidateState(encodeCandidateState(online.state()), "test"));
    }
    assert.deepEqual(ask(online), ask(replayed));
  }), { numRuns: 150 });
});

function interactionOf({ stream, user, item, basket, day, lateDays }: { stream: number; user: string | undefined; item: string; basket: string | undefined; day: number; lateDays: number }): UserInteraction {
  const timeMs = day * DAY_MS / 2;
  return { kind: stream === 0 ? "purchase" : "look", user, item, basket: stream === 0 ? basket : undefined, timeMs, knownAtMs: timeMs + lateDays * DAY_MS };
}

test("popularity, repeats and interest equal their plain definitions over all events", () => {
  fc.assert(fc.property(history, ({ events, questions }) => {
    const done = events.map(interactionOf);
    const index = indexOf(done, candidatesOf({ limit: 20 }));
    const newestKnownMs = Math.max(...done.filter(({ kind }) => kind === "purchase").map(({ knownAtMs }) => knownAtMs), -Infinity);
    for (const { user, day } of questions) {
      const atMs = Math.max(day * DAY_MS / 2, newestKnownMs - DAY_MS);
      for (const [item, [, popularity, repeats, interest]] of Object.entries(featuresOf(index, { user, seedItems: [], atMs, limit: 20 }))) {
        const purchases = done.filter((event) => event.kind === "purchase" && event.item === item);
        const looks = done.filter((event) => event.kind === "look" && event.item === item && event.user === user && event.timeMs <= atMs);
        assert.equal(popularity, purchases.filter(({ timeMs }) => timeMs > atMs - 2 * DAY_MS && timeMs <= atMs).length);
        assert.equal(repeats, purchases.filter((event) => event.user === user).length);
        assert.ok(Math.abs(interest! - looks.reduce((sum, { timeMs }) => sum + 2 ** ((timeMs - atMs) / DAY_MS), 0)) < 1e-9);
      }
    }
  }), { numRuns: 100 });
});

test("together equals its plain definition over baskets and seeds", () => {
  fc.assert(fc.property(history, ({ events, questions }) => {
    const done = events.map(interactionOf);
    const index = indexOf(done, candidatesOf({ limit: 20 }));
    const baskets = new Map<string, Set<string>>();
    const weights = new Map<string, number>();
    for (const { basket, item } of done) {
      if (basket === undefined) continue;
      const members = baskets.get(basket) ?? new Set();
      baskets.set(basket, members);
      if (!members.has(item)) for (const other of members) for (const pair of [`${item} ${other}`, `${other} ${item}`]) weights.set(pair, (weights.get(pair) ?? 0) + Math.round(4_096 / members.size));
      members.add(item);
    }
    const having = (item: string): number => [...baskets.values()].filter((members) => members.has(item)).length;
    for (const { user, seedItems, day } of questions) {
      const touched = Map.groupBy(done.filter((event) => event.user === user), ({ item }) => item);
      const latest = [...touched].map(([item, group]) => ({ item, timeMs: Math.max(...group.map(({ timeMs }) => timeMs)) })).toSorted((a, b) => b.timeMs - a.timeMs || (a.item < b.item ? -1 : 1));
      const known = seedItems.filter((item) => done.some((event) => event.item === item)).toReversed();
      const seeds = [...new Set([...known, ...latest.map(({ item }) => item)])].slice(0, 3);
      for (const [item, [together]] of Object.entries(featuresOf(index, { user, seedItems, atMs: day * DAY_MS / 2, limit: 20 }))) {
        const expected = seeds.reduce((sum, seed) => sum + (weights.get(`${seed} ${item}`) ?? 0) / 4_096 / Math.sqrt(Math.max(1, having(seed) * having(item))), 0);
        assert.ok(Math.abs(together! - expected) < 1e-9, `${item}: ${together} is not ${expected}`);
      }
    }
  }), { numRuns: 100 });
});

test("a full table keeps the strongest neighbours, and of equal ones the smaller names", () => {
  const names = createNames(Array.from({ length: 400 }, (_, n) => `n${String((n * 7) % 400).padStart(3, "0")}`));
  const table = new NeighbourTable();
  for (let item = 0; item < 400; item++) table.add(item, item < 100 ? 5 : 1, names);
  // The 384th neighbour leaves the 100 strong ones and 28 others; 16 more came after.
  const kept = table.entries();
  const weak = [...kept.items].filter((item) => item >= 100 && item < 384).map((item) => names.name(item));
  assert.deepEqual([kept.items.length, [...kept.weights].filter((weight) => weight === 5).length], [144, 100]);
  const others = Array.from({ length: 284 }, (_, n) => names.name(n + 100)).toSorted((a, b) => (a < b ? -1 : 1));
  assert.deepEqual(new Set(weak), new Set(others.slice(0, 28)));
  table.add(0, 2 ** 32 - 1, names);
  assert.equal(table.entries().weights[table.entries().items.indexOf(0)], 2 ** 32 - 1);
});

test("large histories stay bounded, and late purchases in bulk are counted", () => {
  const random = createRandom(7);
  const late = Array.from({ length: 6_000 }, (_, n) => purchase(`u${n % 50}`, `i${random.integer(900)}`, `b${n >> 6}`, random.integer(10) * DAY_MS));
  const index = indexOf(Array.from({ length: 6_000 }, (_, n) => purchase("first", `i${n % 900}`, `x${n}`, 10 * DAY_MS)), candidatesOf({ limit: 900 }));
  index.query({ user: "u1", seedItems: [], atMs: 10 * DAY_MS });
  for (const done of late) index.apply(done);
  const sold = (item: string): number => 6 + (Number(item.slice(1)) < 600 ? 1 : 0) + late.filter((done) => done.item === item && done.timeMs > 8 * DAY_MS).length;
  const found = Object.entries(featuresOf(index, { user: "u1", seedItems: [], atMs: 10 * DAY_MS, limit: 900 }));
  assert.deepEqual(Object.fromEntries(found.map(([item, features]) => [item, features[1]])), Object.fromEntries(found.map(([item]) => [item, sold(item)])));
  assert.equal(found.length, 900);
  const { neighbours } = index.state().coOccurrence;
  assert.ok(neighbours.every((table) => (table?.items.length ?? 0) < 384));
  assert.ok(neighbours.some((table) => (table?.items.length ?? 0) > 128));
});

test("bytes of another version are refused", () => {
  const bytes = encodeCandidateState(createCandidateIndex(candidatesOf()).state());
  assert.throws(() => decodeCandidateState(Uint8Array.of(9, ...bytes.slice(1)), "x"), /another version/);
  assert.throws(() => decodeCandidateState(bytes.slice(0, 12), "x"), /too short/);
});
