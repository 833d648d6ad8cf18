import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { count, defineEntity, defineFeatureView, first, histogram, last, lastN, max, sum, topK } from "../../define/index.ts";
import type { Aggregation, FeatureView } from "../../define/index.ts";
import { createCalendarDays } from "./calendar-days.ts";
import { bruteForce, inPieces, orders, toBatch, toColumns } from "./event-samples.test.ts";
import type { SampleEvent, SampleValue } from "./event-samples.test.ts";
import { createPointInTimeIndex, createRowReader } from "./point-in-time.ts";
import { createViewState } from "./view-state.ts";

const HOUR_MS = 3_600_000;

const viewOf = (features: Readonly<Record<string, Aggregation<unknown>>>): FeatureView =>
  defineFeatureView("shopping", { entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }), features: () => features });

const price = { node: { op: "field", name: "price" } } as const;
const at = (offset: number, timeMs: number, value: number): SampleEvent => ({ offset, timeMs, knownAtMs: timeMs, row: { customer: "c", price: value } });

/** What the online state says, once it is certain that the point-in-time index and the brute-force oracle say the same. */
function ask(view: FeatureView, events: readonly SampleEvent[], timeMs: number): readonly (SampleValue | readonly SampleValue[])[] {
  const state = createViewState(view);
  state.apply(toBatch(events, 0, events.length));
  const online = state.read(["c"], timeMs);
  const index = createPointInTimeIndex(view, toColumns(events), { known: "time" });
  const columns = index.query({ entities: index.resolve([["c"]]), timesMs: Float64Array.of(timeMs) });
  assert.deepStrictEqual(inPieces(view, createRowReader(columns)(0)), online);
  assert.deepStrictEqual(bruteForce(view, events, { key: "c", timeMs, isKnown: () => true }), online);
  return online;
}

test("a tumbling window holds its start and not its end, and is the last that has ended", () => {
  const view = viewOf({ sum: sum(price).tumbling("1h") });
  const events = [at(0, 0, 1), at(1, HOUR_MS - 1, 2), at(2, HOUR_MS, 4), at(3, 2 * HOUR_MS, 8)];
  assert.deepEqual([HOUR_MS - 1, HOUR_MS, 2 * HOUR_MS - 1, 2 * HOUR_MS, 3 * HOUR_MS, 9 * HOUR_MS].map((timeMs) => ask(view, events, timeMs)[0]), [0, 3, 3, 4, 8, 0]);
});

test("hopping windows start at multiples of their hop, also when their length is none", () => {
  const view = viewOf({ sum: sum(price).hopping("3h", { every: "2h" }) });
  const events = [at(0, 0, 1), at(1, 2 * HOUR_MS, 2), at(2, 3 * HOUR_MS, 4), at(3, 5 * HOUR_MS, 8)];
  assert.deepEqual([3 * HOUR_MS - 1, 3 * HOUR_MS, 5 * HOUR_MS - 1, 5 * HOUR_MS, 7 * HOUR_MS].map((timeMs) => ask(view, events, timeMs)[0]), [1, 3, 3, 6, 8]);
});

test("a session ends once its gap is exceeded, and reaches back to the first wider gap or its bound", () => {
  const view = viewOf({ events: count().session("10ms"), bounded: count().session("10ms", { atMost: "25ms" }), opened: first(price).session("10ms") });
  const events = [at(0, 0, 1), at(1, 11, 2), at(2, 21, 3), at(3, 31, 4)];
  assert.deepEqual(ask(view, events, 10), [1, 1, 1]);
  assert.deepEqual(ask(view, events, 20), [1, 1, 2]);
  assert.deepEqual(ask(view, events, 31), [3, 3, 2]);
  assert.deepEqual(ask(view, events, 37), [3, 2, 2]);
  assert.deepEqual(ask(view, events, 41), [3, 2, 2]);
  assert.deepEqual(ask(view, events, 42), [0, 0, null]);
});

test("a session is made of the view's events, whatever a feature's own condition", () => {
  const view = viewOf({ dear: count().where({ node: { op: "greater", left: price.node, right: { op: "constant", value: 5 } } }).session("10ms") });
  assert.deepEqual(ask(view, [at(0, 0, 9), at(1, 8, 1), at(2, 16, 9)], 20), [2]);
});

test("an event that becomes known later joins two sessions only for those who know it", () => {
  const view = viewOf({ events: count().session("10ms") });
  const events = [at(0, 0, 1), at(1, 16, 2), { ...at(2, 8, 3), knownAtMs: 50 }];
  const index = createPointInTimeIndex(view, toColumns(events), { known: "time" });
  const { events: found } = index.query({ entities: Int32Array.of(0, 0), timesMs: Float64Array.of(20, 20), knownLimits: Float64Array.of(49, 50) });
  assert.deepEqual(found?.kind === "number" ? [...found.values] : [], [1, 3]);
});

test("a local day has 23 hours when clocks go forward and 25 when they go back", () => {
  const view = viewOf({ day: count().tumbling("1d", { timeZone: "Europe/Paris" }), week: count().hopping("7d", { every: "1d", timeZone: "Europe/Paris" }) });
  for (const [date, next, hours] of [["2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 23], ["2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 25]] as const) {
    const [start, end] = [Date.parse(date), Date.parse(next)];
    assert.equal((end - start) / HOUR_MS, hours);
    const events = Array.from({ length: hours + 2 }, (_, hour) => at(hour, start + (hour - 1) * HOUR_MS, hour)); // one before, one after
    assert.deepEqual(ask(view, events, end), [hours, hours + 1]);
    assert.deepEqual(ask(view, events, end - 1), [1, 1]);
  }
});

test("days of a calendar are those of another way to count them, in zones with odd rules", () => {
  const zones = ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Pacific/Apia", "America/Sao_Paulo", "UTC"];
  const formats = new Map(zones.map((timeZone) => [timeZone, new Intl.DateTimeFormat("sv-SE", { timeZone })]));
  fc.assert(fc.property(fc.constantFrom(...zones), fc.integer({ min: Date.parse("1995-01-01"), max: Date.parse("2035-01-01") }), (timeZone, timeMs) => {
    const days = createCalendarDays(timeZone);
    const dateOf = (each: number): string => formats.get(timeZone)!.format(each);
    const day = days.dayAt(timeMs);
    const start = days.startOf(day);
    assert.ok(start <= timeMs && timeMs < days.startOf(day + 1));
    assert.notEqual(dateOf(start - 1), dateOf(start));
    assert.equal(days.dayAt(start), day);
    assert.equal(days.dayAt(start - 1), day - 1);
    if (dateOf(timeMs) === dateOf(start)) assert.equal(new Date(day * 86_400_000).toISOString().slice(0, 10), dateOf(start));
  }), { numRuns: 150 });
});

test("calendar windows are the oracle's around every change of clocks", () => {
  const view = viewOf({
    day: sum(price).tumbling("1d", { timeZone: "America/Havana" }), days: lastN(price, 2).hopping("3d", { every: "2d", timeZone: "Europe/Paris" }), lord: max(price).tumbling("1d", { timeZone: "Australia/Lord_Howe" }),
  });
  const changes = ["2026-03-08T05:00Z", "2026-11-01T05:00Z", "2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-04-04T15:00Z", "2026-10-03T15:30Z"].map((time) => Date.parse(time));
  fc.assert(fc.property(fc.constantFrom(...changes), fc.array(fc.tuple(fc.integer({ min: -90, max: 60 }), fc.integer({ min: -9, max: 9 })), { maxLength: 30 }), fc.integer({ min: -20, max: 80 }), (change, drawn, ahead) => {
    const events = drawn.map(([halfHours, value], offset) => at(offset, change + halfHours * 1_800_000, value));
    ask(view, events, change + ahead * 1_800_000);
    ask(view, events, change + ahead * 1_800_000 - 1);
  }), { numRuns: 40 });
});

test("a ttl makes every value missing, lists and counts included; without one an empty window counts zero", () => {
  const features = { count: count().over("10ms"), spread: histogram(price, [0]).over("10ms"), recent: lastN(price, 2).over("10ms"), top: topK(price, 1).over("10ms"), last: last(price).over("10ms") };
  const expiring = { ...viewOf(features), ttlMs: 50 };
  const events = [at(0, 0, 1)];
  assert.deepEqual(ask(expiring, events, 50), [0, [0, 0], null, null, null]);
  assert.deepEqual(ask(expiring, events, 51), [null, null, null, null, null]);
  assert.deepEqual(ask(viewOf(features), events, 5_000), [0, [0, 0], null, null, null]);
});

test("a copy of an event counts as an event", () => {
  const view = viewOf({ count: count().over("1h"), top: topK(price, 2).over("1h"), recent: lastN(price, 3).over("1h") });
  assert.deepEqual(ask(view, [at(0, 5, 2), at(1, 5, 2), at(2, 5, 1)], 5), [3, [2, 1], [1, 2, 2]]);
});

test("what cannot be computed is refused where it is defined", () => {
  const refused = { code: "AGGREGATION_INVALID" };
  assert.throws(() => lastN(price, 0), refused);
  assert.throws(() => topK(price, 1.5), refused);
  assert.throws(() => histogram(price, [2, 1]), refused);
  assert.throws(() => histogram(price, []), refused);
  assert.throws(() => count().tumbling("1h", { timeZone: "Europe/Paris" }), refused);
  assert.throws(() => count().tumbling("1d", { timeZone: "Europe/Atlantis" }), refused);
  assert.throws(() => count().session("1h", { atMost: "30m" }), refused);
});
