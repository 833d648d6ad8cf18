import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KEY_SEPARATOR, count, defineEntity, defineFeatureView, distinct, last } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import { createRandom } from "../../kernel/random.ts";
import { activity, bruteForce, inPieces, kinds, orders, pairs, sampleEvent, sampleEvents, toColumns } from "./event-samples.test.ts";
import type { SampleEvent, SampleValue } from "./event-samples.test.ts";
import { createPointInTimeIndex, createRowReader } from "./point-in-time.ts";

interface Asked {
  readonly key: readonly string[];
  readonly timeMs: number;
  readonly limit: number;
}

function answers(view: FeatureView, events: readonly SampleEvent[], known: "time" | "offset", questions: readonly Asked[]): readonly (readonly (SampleValue | readonly SampleValue[])[])[] {
  const index = createPointInTimeIndex(view, toColumns(events), { known });
  const columns = index.query({
    entities: index.resolve(view.entities.map((_, part) => questions.map(({ key }) => key[part]!))),
    timesMs: Float64Array.from(questions, ({ timeMs }) => timeMs), knownLimits: Float64Array.from(questions, ({ limit }) => limit),
  });
  const reader = createRowReader(columns);
  return questions.map((_, row) => inPieces(view, reader(row)));
}

function expected(view: FeatureView, events: readonly SampleEvent[], known: "time" | "offset", { key, timeMs, limit }: Asked): readonly (SampleValue | readonly SampleValue[])[] {
  return bruteForce(view, events, { key: key.join(KEY_SEPARATOR), timeMs, isKnown: (event) => (known === "time" ? event.knownAtMs : event.offset) <= limit });
}

const question = fc.record({
  key: fc.tuple(fc.constantFrom("c0", "c1", "c2", "stranger"), fc.constantFrom("0", "1", "2")),
  timeMs: fc.integer({ min: -10, max: 320 }), limit: fc.oneof(fc.integer({ min: -1, max: 320 }), fc.constant(Number.POSITIVE_INFINITY)),
});

for (const view of [activity, pairs, kinds]) {
  for (const known of ["time", "offset"] as const) {
    test(`${view.name} by ${known} gives the brute-force answer in every cell`, () => {
      fc.assert(fc.property(sampleEvents({ maxLength: 150 }), fc.array(question, { minLength: 1, maxLength: 12 }), (events, questions) => {
        const asked = questions.map((each) => ({ ...each, key: each.key.slice(0, view.entities.length) }));
        assert.deepStrictEqual(answers(view, events, known, asked), asked.map((each) => expected(view, events, known, each)));
      }), { numRuns: 120 });
    });
  }
}

test("tiles of every size give the brute-force answer, also when part of their events is not known yet", () => {
  const random = createRandom(11);
  const events = Array.from({ length: 20_000 }, (_, offset) => sampleEvent(offset, (bound) => random.integer(bound), 40_000));
  const hot = events.map((event, offset) => ({
    ...event, row: { ...event.row, customer: "c0", price: offset % 7 === 0 ? random.integer(90) : event.row["price"] },
    knownAtMs: offset > 5_000 && offset < 15_000 ? 50_000 : event.knownAtMs,
  }));
  const wide = defineFeatureView("wide", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }),
    features: () => Object.fromEntries(Object.entries(activity.features).map(([name, node]) =>
      [name, { node: { ...node, windowMs: node.windowMs === undefined ? undefined : node.windowMs * 400 } }])) as never, // the same features over longer windows
  });
  const asked = Array.from({ length: 12 }, (_, index) => ({ key: ["c0"], timeMs: random.integer(41_000), limit: index % 2 === 0 ? random.integer(60_000) : Number.POSITIVE_INFINITY }));
  for (const known of ["time", "offset"] as const) {
    const found = answers(wide, hot, known, asked);
    asked.forEach((each, row) => assert.deepStrictEqual(found[row], expected(wide, hot, known, each), `row ${row} by ${known}`));
  }
});

test("limits and windows that fall exactly on the edge of a tile are cut there", () => {
  const view = defineFeatureView("edges", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }),
    features: (e) => ({ all: count(), last: last(e.price), prices: distinct(e.price).over("300ms") }),
  });
  const events = Array.from({ length: 400 }, (_, offset) => ({ offset, timeMs: offset, knownAtMs: offset, row: { customer: "c", price: offset === 250 ? 10 : offset } }));
  const asked = [64, 128, 127, 192, 399].flatMap((limit) => [309, 310, 311, 399].map((timeMs) => ({ key: ["c"], timeMs, limit })));
  const found = answers(view, events, "offset", asked);
  asked.forEach((each, row) => assert.deepStrictEqual(found[row], expected(view, events, "offset", each), JSON.stringify(each)));
});

const visits = defineFeatureView("visits", {
  entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }), ttl: "2d",
  features: (e) => ({ day: count().over("1d"), last: last(e.price).over("1d") }),
});

const visit = (offset: number, timeMs: number, price: number): SampleEvent => ({ offset, timeMs, knownAtMs: timeMs, row: { customer: "c", price } });
const ask = (events: readonly SampleEvent[], timeMs: number): readonly (SampleValue | readonly SampleValue[])[] => answers(visits, events, "time", [{ key: ["c"], timeMs, limit: timeMs }])[0]!;

test("a window excludes its lower edge and includes its upper one", () => {
  const day = 86_400_000;
  const events = [visit(0, 0, 1), visit(1, day, 2)];
  assert.deepEqual(ask(events, day - 1), [1, 1]);
  assert.deepEqual(ask(events, day), [1, 2]);
  assert.deepEqual(ask(events, 2 * day), [0, null]);
});

test("a day is 24 hours of elapsed time, also where clocks change", () => {
  const beforeChange = Date.parse("2026-03-28T12:00:00+01:00"); // Paris moves its clocks on the 29th
  assert.deepEqual(ask([visit(0, beforeChange, 3)], Date.parse("2026-03-29T12:59:59.999+02:00")), [1, 3]);
  assert.deepEqual(ask([visit(0, beforeChange, 3)], Date.parse("2026-03-29T13:00:00+02:00")), [0, null]);
});

test("an entity is missing once its latest event is older than the ttl, and not a moment before", () => {
  const day = 86_400_000;
  assert.deepEqual(ask([visit(0, 0, 1)], 2 * day), [0, null]);
  assert.deepEqual(ask([visit(0, 0, 1)], 2 * day + 1), [null, null]);
  assert.deepEqual(ask([], 0), [null, null]);
});

test("equal times are ordered by offset", () => {
  assert.deepEqual(ask([visit(0, 5, 1), visit(1, 5, 2), visit(2, 3, 9)], 5), [3, 2]);
});

test("a key that contains the separator belongs to no entity", () => {
  const events = [{ offset: 0, timeMs: 1, knownAtMs: 1, row: { customer: `a${KEY_SEPARATOR}b`, price: 1 } }];
  const index = createPointInTimeIndex(visits, toColumns(events), { known: "time" });
  assert.equal(index.entities, 0);
  assert.equal(index.events, 0);
});

test("events out of order of offset are refused", () => {
  const columns = toColumns([visit(0, 5, 1), visit(1, 6, 2)]);
  assert.throws(() => createPointInTimeIndex(visits, { ...columns, offsets: Float64Array.of(4, 3) }, { known: "time" }), RangeError);
});

test("keys resolve from dictionary columns as from text, and some features can be asked alone", () => {
  const index = createPointInTimeIndex(activity, toColumns([visit(0, 5, 1), visit(1, 6, 2)]), { known: "time", features: ["last_price", "orders"] });
  const entities = index.resolve([{ kind: "text", codes: Int32Array.of(1, 0, -1), dictionary: ["other", "c"] }]);
  assert.deepEqual([...entities], [0, -1, -1]);
  const result = index.query({ entities, timesMs: new Float64Array(3).fill(10) });
  assert.deepEqual(Object.keys(result), ["last_price", "orders"]);
  assert.deepEqual([0, 1].map(createRowReader(result)), [[2, 2], [null, 0]]);
  assert.deepEqual(createRowReader(result, ["orders"])(0), [2]);
});
