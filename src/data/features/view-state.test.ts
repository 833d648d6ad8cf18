import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KEY_SEPARATOR, count, defineEntity, defineFeatureView, distinct, last } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import { createRandom } from "../../kernel/random.ts";
import type { SpillStore } from "../../ports/spill-store.ts";
import { openSpillPlace } from "./spill-place.test.ts";
import { compactDictionaries } from "./dictionary-compaction.ts";
import { activity, bruteForce, inPieces, kinds, orders, pairs, sampleEvent, sampleEvents, toBatch, toColumns } from "./event-samples.test.ts";
import type { SampleEvent } from "./event-samples.test.ts";
import { createPointInTimeIndex, createRowReader } from "./point-in-time.ts";
import { decodeViewState, encodeViewState } from "./view-snapshot.ts";
import { createViewState } from "./view-state.ts";
import type { FeatureValue, ViewState } from "./view-state.ts";

function read(state: ViewState, key: readonly string[], atMs: number): readonly FeatureValue[] {
  return state.read(key, atMs);
}

const KEYS = ["c0", "c1", "c2", "stranger"].flatMap((customer) => ["0", "1", "2"].map((item) => [customer, item]));

/** What the point-in-time index says of the same keys when the first `applied` events are known. */
function offline(view: FeatureView, events: readonly SampleEvent[], applied: number, atMs: number): readonly (readonly FeatureValue[])[] {
  const index = createPointInTimeIndex(view, toColumns(events), { known: "offset" });
  const keys = KEYS.map((key) => key.slice(0, view.entities.length));
  const columns = index.query({
    entities: index.resolve(view.entities.map((_, part) => keys.map((key) => key[part]))),
    timesMs: new Float64Array(keys.length).fill(atMs), knownLimits: applied - 1,
  });
  return keys.map((_, row) => inPieces(view, createRowReader(columns)(row)));
}

/** Each event's time lies at most `lateness` behind the newest one before it, as ingestion guarantees. */
function withinLateness(events: readonly SampleEvent[], latenessMs: number): readonly SampleEvent[] {
  let latestMs = Number.NEGATIVE_INFINITY;
  return events.map((event, index) => {
    const timeMs = Math.max(event.timeMs + index * 2, latestMs - latenessMs);
    latestMs = Math.max(latestMs, timeMs);
    return { ...event, timeMs };
  });
}

type Step = { readonly kind: "apply"; readonly events: number } | { readonly kind: "read" | "evict" | "restart"; readonly aheadMs: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(fc.oneof(
  fc.record({ kind: fc.constant("apply" as const), events: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constantFrom("read" as const, "evict" as const, "restart" as const), aheadMs: fc.integer({ min: -100, max: 60 }) }),
), { minLength: 3, maxLength: 14 });

for (const view of [activity, pairs, kinds]) {
  test(`${view.name}: what is read online at any moment is what the point-in-time index says, bit for bit, spilled or not`, async () => {
    await using spilling = await openSpillPlace();
    let spilledEver = 0;
    fc.assert(fc.property(sampleEvents({ maxLength: 250 }), steps, fc.boolean(), fc.boolean(), (drawn, script, isBackfill, isSpilling) => {
      const events = isBackfill ? drawn : withinLateness(drawn, orders.latenessMs); // backfills may be as late as they like
      const options = isSpilling ? { spill: { open: spilling.open, residentBytes: 1 } } : {}; // as little as there can be: two rows
      let state = createViewState(view, options);
      for (const step of script) {
        const { progress } = state;
        const latestMs = Math.max(0, progress.latestMs);
        if (step.kind === "apply") state.apply(toBatch(events, Math.max(0, progress.nextOffset - 3), Math.min(events.length, progress.nextOffset + step.events)));
        else if (step.kind === "evict") state.evict({ nowMs: latestMs + step.aheadMs, latenessMs: orders.latenessMs, visits: 10 });
        else if (step.kind === "restart") {
          const bytes = encodeViewState(state, "hash");
          spilledEver += state.store.spillStatistics()?.entities ?? 0;
          state.store.close();
          state = decodeViewState(view, "hash", bytes, options);
        }
        else {
          const atMs = latestMs + step.aheadMs;
          const online = KEYS.map((key) => read(state, key.slice(0, view.entities.length), atMs));
          assert.deepStrictEqual(online, offline(view, events, progress.nextOffset, atMs));
          const key = KEYS[step.aheadMs < 0 ? 0 : 4]!.slice(0, view.entities.length);
          assert.deepStrictEqual(read(state, key, atMs), bruteForce(view, events, { key: key.join(KEY_SEPARATOR), timeMs: atMs, isKnown: (event) => event.offset < progress.nextOffset }));
        }
      }
      spilledEver += state.store.spillStatistics()?.entities ?? 0;
      state.store.close();
    }), { numRuns: view === kinds ? 70 : 150 });
    assert.ok(spilledEver > 0, "entities were spilled");
  });
}

test("an entity with thousands of events, read, evicted and refilled out of order, stays exact", () => {
  const random = createRandom(5);
  const events = withinLateness(Array.from({ length: 6_000 }, (_, offset) => {
    const event = sampleEvent(offset, (bound) => random.integer(bound), 100);
    return { ...event, row: { ...event.row, customer: random.integer(20) === 0 ? "c1" : "c0", price: random.integer(4_000) } };
  }), orders.latenessMs);
  const view = defineFeatureView("long", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }),
    features: () => Object.fromEntries(Object.entries(activity.features).map(([name, node]) =>
      [name, { node: { ...node, windowMs: node.windowMs === undefined ? undefined : node.windowMs * 60 } }])) as never, // the same features over longer windows
  });
  const state = createViewState(view);
  for (let from = 0; from < events.length; from += 500) {
    state.apply(toBatch(events, from, from + 500));
    state.evict({ nowMs: state.progress.latestMs, latenessMs: orders.latenessMs, visits: 2 });
    const atMs = state.progress.latestMs - random.integer(100);
    for (const key of ["c0", "c1"]) assert.deepStrictEqual(read(state, [key], atMs), bruteForce(view, events, { key, timeMs: atMs, isKnown: (event) => event.offset < from + 500 }));
  }
  assert.ok(state.progress.evictedEvents > 1_000, `${state.progress.evictedEvents} events left memory`);
  assert.equal(state.store.eventCount + state.progress.evictedEvents, events.length);
});

test("an entity whose events have all left memory costs nothing, unless a lifetime feature remembers it", () => {
  const windowed = createViewState(defineFeatureView("windowed", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }), features: () => ({ recent: count().over("50ms") }),
  }));
  const lifetime = createViewState(activity);
  const events: SampleEvent[] = [0, 10_000].map((timeMs, offset) => ({ offset, timeMs, knownAtMs: timeMs, row: { customer: `c${offset}`, item: 1, price: 3, quantity: 2 } }));
  for (const state of [windowed, lifetime]) {
    state.apply(toBatch(events, 0, 2));
    state.evict({ nowMs: 10_000, latenessMs: orders.latenessMs, visits: 5 });
    assert.equal(state.store.eventCount, 1);
  }
  assert.equal(windowed.store.entityCount, 1);
  assert.equal(lifetime.store.entityCount, 2);
  assert.equal(read(lifetime, ["c0"], 10_000)[Object.keys(activity.features).indexOf("spend")], 6);
});

test("of evicted events with the same time the later one is remembered as the last", () => {
  const state = createViewState(activity);
  const events = [[0, 1], [0, 2], [10_000, undefined]].map(([timeMs, price], offset) => ({ offset, timeMs: timeMs!, knownAtMs: 0, row: { customer: "c0", price } }));
  state.apply(toBatch(events, 0, 3));
  state.evict({ nowMs: 10_000, latenessMs: orders.latenessMs, visits: 5 });
  assert.equal(state.progress.evictedEvents, 2);
  assert.equal(read(state, ["c0"], 10_000)[Object.keys(activity.features).indexOf("last_price")], 2);
});

test("a clock that runs ahead evicts nothing before the events themselves move on, and a rogue future event neither", () => {
  const state = createViewState(pairs);
  const at = (offset: number, timeMs: number): SampleEvent => ({ offset, timeMs, knownAtMs: timeMs, row: { customer: "c0", item: 1, price: 3, quantity: 1 } });
  const events = [at(0, 1_000), at(1, 9e12)];
  state.apply(toBatch(events, 0, 1));
  state.evict({ nowMs: 8e12, latenessMs: orders.latenessMs, visits: 5 });
  assert.equal(state.store.eventCount, 1);
  state.apply(toBatch(events, 1, 2));
  state.evict({ nowMs: 1_001, latenessMs: orders.latenessMs, visits: 5 });
  assert.equal(state.store.eventCount, 2);
  assert.deepEqual(read(state, ["c0", "1"], 1_001)[0], 1);
});

test("a read that needs events which have left memory is refused, never wrong", () => {
  const state = createViewState(pairs);
  const events = [0, 10_000].map((timeMs, offset) => ({ offset, timeMs, knownAtMs: timeMs, row: { customer: "c0", item: 1, price: 3, quantity: 2 } }));
  state.apply(toBatch(events, 0, 2));
  assert.equal(read(state, ["c0", "1"], 5)[0], 1);
  state.evict({ nowMs: 10_000, latenessMs: orders.latenessMs, visits: 5 });
  assert.throws(() => read(state, ["c0", "1"], 5), { code: "FEATURE_TIME_TOO_OLD" });
  assert.throws(() => read(state, ["c0", "1"], 10_000 - orders.latenessMs - 1), { code: "FEATURE_TIME_TOO_OLD" });
  assert.equal(read(state, ["c0", "1"], 10_000 - orders.latenessMs)[0], null);
});

test("keys must be complete, text, and free of the separator", () => {
  const state = createViewState(pairs);
  for (const key of [["c0"], ["c0", `1${KEY_SEPARATOR}2`], ["c0", 1 as never]]) assert.throws(() => read(state, key, 0), { code: "ENTITY_KEY_INVALID" });
});

test("events that an earlier schema accepted are read as the lake gives them back", () => {
  const view = defineFeatureView("odd", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }),
    features: (e) => ({ present: count().where(e.price.present()), country: last(e.country), known: count().where(e.country.present()) }),
  });
  const state = createViewState(view);
  const rows = [{ customer: 7, price: "free", country: 33 }, { customer: "7", price: null, country: ["FR"] }, { customer: "\ud800", price: 1 }, { customer: null }];
  state.apply({ stream: "orders", baseOffset: 0, rows, timesMs: Float64Array.of(1, 2, 3, 4), knownAtMs: new Float64Array(4) });
  assert.deepEqual(read(state, ["7"], 9), [0, "[\"FR\"]", 2]);
  assert.deepEqual(read(state, ["\ufffd"], 9), [1, null, 0]);
  assert.equal(state.progress.keylessEvents, 1);
});

test("values whose events have left memory leave the dictionary, and what remains keeps its meaning", () => {
  const view = defineFeatureView("ids", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }),
    features: (e) => ({ prices: distinct(e.price).over("50ms"), last: last(e.country) }),
  });
  const state = createViewState(view);
  const events = Array.from({ length: 4_000 }, (_, offset) => ({ offset, timeMs: offset, knownAtMs: offset, row: { customer: "c", price: offset, country: "DE" } }));
  state.apply(toBatch(events, 0, 4_000));
  state.evict({ nowMs: 4_000, latenessMs: orders.latenessMs, visits: 1 });
  const before = read(state, ["c"], 4_000);
  compactDictionaries(state.store, state.plan);
  assert.ok(state.store.columns.dictionaries[0]!.values.length < 200);
  assert.deepEqual(read(state, ["c"], 4_000), before);
  assert.deepEqual(before, [49, "DE"]);
});

test("what an evicted event left behind keeps its meaning when dictionaries are swept", () => {
  const view = defineFeatureView("buyers", {
    entities: [defineEntity("item")], from: orders, by: (e) => ({ item: e.item }),
    features: (e) => ({ last: last(e.customer), recent: distinct(e.customer).over("50ms") }),
  });
  const state = createViewState(view);
  const events = Array.from({ length: 4_000 }, (_, offset) => ({ offset, timeMs: offset, knownAtMs: offset, row: { customer: `u${offset}`, item: offset < 10 ? 1 : 2 } }));
  state.apply(toBatch(events, 0, 4_000));
  state.evict({ nowMs: 4_000, latenessMs: 0, visits: 9 });
  compactDictionaries(state.store, state.plan);
  assert.equal(state.store.columns.dictionaries[0]!.values.length, 53, "51 in memory and the last of each item's history");
  assert.deepEqual(["1", "2"].map((item) => read(state, [item], 4_000)), [["u9", 0], ["u3999", 49]]);
});

test("a window that slides over many events reuses its rows", () => {
  const state = createViewState(pairs);
  for (let from = 0; from < 50_000; from += 500) {
    const events = Array.from({ length: 500 }, (_, index) => ({ offset: from + index, timeMs: from + index, knownAtMs: 0, row: { customer: "c0", item: 1, quantity: 1, price: 1 } }));
    state.apply({ ...toBatch(events, 0, 500), baseOffset: from });
    state.evict({ nowMs: from + 500, latenessMs: orders.latenessMs, visits: 1 });
  }
  assert.equal(read(state, ["c0", "1"], 49_999)[0], 20);
  assert.ok(state.store.columns.capacity <= 4_096, `${state.store.columns.capacity} rows`);
});

test("a snapshot of another definition, another format or damaged bytes is refused", () => {
  const state = createViewState(pairs);
  state.apply(toBatch([{ offset: 0, timeMs: 1, knownAtMs: 1, row: { customer: "c0", item: 1, quantity: 2 } }], 0, 1));
  const bytes = encodeViewState(state, "hash");
  assert.throws(() => decodeViewState(pairs, "other", bytes), /another definition/);
  assert.throws(() => decodeViewState(pairs, "hash", bytes.subarray(0, bytes.length - 1)), /bytes where/);
  assert.throws(() => decodeViewState(pairs, "hash", bytes.subarray(1)), /does not begin/);
  assert.deepEqual(read(decodeViewState(pairs, "hash", bytes), ["c0", "1"], 5), read(state, ["c0", "1"], 5));
});

test("a spill store that refuses costs memory, never an answer, and is told once per stretch", async () => {
  await using spilling = await openSpillPlace();
  const random = createRandom(9);
  const reasons: string[] = [];
  let isRefusing = false;
  const open = (): SpillStore => {
    const store = spilling.open();
    return { ...store, put: (bytes) => {
      if (isRefusing) throw new Error("no space left");
      return store.put(bytes);
    } };
  };
  const [spilled, plain] = [createViewState(activity, { spill: { open, residentBytes: 1, onFailure: (reason) => void reasons.push(reason) } }), createViewState(activity)];
  for (let from = 0; from < 12_000; from += 500) {
    isRefusing = from >= 3_000 && from < 9_000;
    const events = Array.from({ length: 500 }, (_, index) => sampleEvent(from + index, (bound) => random.integer(bound), 200)).map((event) => ({ ...event, row: { ...event.row, customer: `c${random.integer(300)}` } }));
    for (const state of [spilled, plain]) state.apply({ ...toBatch(events, 0, 500), baseOffset: from });
    for (const key of ["c0", "c1", "c2", "stranger"]) assert.deepStrictEqual(spilled.read([key], 210), plain.read([key], 210));
  }
  assert.deepEqual(reasons, ["no space left"]);
  assert.ok(spilled.store.spillStatistics()!.entities > 0, "entities leave again once there is room");
  assert.equal(spilled.store.eventCount, plain.store.eventCount);
  spilled.store.close();
});
