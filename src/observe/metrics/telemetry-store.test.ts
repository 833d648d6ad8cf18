import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../kernel/clock.ts";
import { isStrataError } from "../../kernel/errors.ts";
import type { InstrumentSnapshot } from "./snapshot.ts";
import { createTelemetryStore } from "./telemetry-store.ts";
import type { TelemetryStore } from "./telemetry-store.ts";

function instrument<Kind extends InstrumentSnapshot["kind"]>(store: TelemetryStore, name: string, kind: Kind): Extract<InstrumentSnapshot, { kind: Kind }> {
  const found = store.snapshot({ history: true }).instruments.find((candidate) => candidate.name === name);
  assert.equal(found?.kind, kind);
  return found as Extract<InstrumentSnapshot, { kind: Kind }>;
}

test("a counter adds up per label set, whatever the order of the labels", () => {
  const store = createTelemetryStore({ clock: createManualClock() });
  const requests = store.counter("requests", "Requests");
  requests.add(2, { route: "/a", code: "200" });
  requests.add(3, { code: "200", route: "/a" });
  requests.add(1, Object.freeze({ route: "/b", code: "" }));
  requests.add(4);
  assert.deepEqual(instrument(store, "requests", "counter").series.map(({ labels, value }) => ({ labels: { ...labels }, value })), [
    { labels: { code: "200", route: "/a" }, value: 5 }, { labels: { route: "/b" }, value: 1 }, { labels: {}, value: 4 },
  ]);
});

test("a frozen label set is recognised by identity, a reused mutable one is not mistaken", () => {
  const store = createTelemetryStore({ clock: createManualClock() });
  const requests = store.counter("requests", "Requests");
  const frozen = Object.freeze({ route: "/a" });
  const reused = { route: "/a" };
  for (let i = 0; i < 3; i++) requests.add(1, frozen);
  for (const route of ["/b", "/c"]) { // two new series in a row, from one object
    reused.route = route;
    requests.add(1, reused);
  }
  assert.deepEqual(instrument(store, "requests", "counter").series.map(({ labels, value }) => [labels["route"], value]), [["/a", 3], ["/b", 1], ["/c", 1]]);
});

test("rates cover the last finished seconds and shrink to the store's age", () => {
  const clock = createManualClock(1_000_000);
  const store = createTelemetryStore({ clock });
  const requests = store.counter("requests", "Requests");
  requests.add(30);
  clock.advance(1000);
  assert.deepEqual(instrument(store, "requests", "counter").series[0]!.perSecond, { last1s: 30, last10s: 30, last60s: 30 });
  requests.add(7); // in a second that has not finished
  clock.advance(2000);
  assert.deepEqual(instrument(store, "requests", "counter").series[0]!.perSecond, { last1s: 0, last10s: 37 / 3, last60s: 37 / 3 });
  clock.advance(27_000);
  assert.deepEqual(instrument(store, "requests", "counter").series[0]!.perSecond, { last1s: 0, last10s: 0, last60s: 37 / 30 });
  const { history } = instrument(store, "requests", "counter").series[0]!;
  assert.deepEqual([history!.length, history![30], history![31]], [60, 30, 7]);
  clock.advance(3_600_000);
  assert.deepEqual(instrument(store, "requests", "counter").series[0]!.perSecond, { last1s: 0, last10s: 0, last60s: 0 });
});

test("a histogram shows the last minute beside the whole, and what leaves the window stays in the total", () => {
  const clock = createManualClock(1_000_000);
  const store = createTelemetryStore({ clock });
  const latency = store.histogram("latency_ms", "Latency");
  for (let i = 0; i < 99; i++) latency.record(10);
  clock.advance(65_000);
  for (let i = 0; i < 10; i++) latency.record(1000);
  const [series] = instrument(store, "latency_ms", "histogram").series;
  assert.deepEqual([series!.count, series!.sum, series!.minimum, series!.maximum], [109, 10_990, 10, 1000]);
  assert.equal(series!.rolling.count, 10);
  assert.ok(Math.abs(series!.rolling.p50! - 1000) <= 10 && Math.abs(series!.total.p50! - 10) <= 0.1 && Math.abs(series!.total.p99! - 1000) <= 10);
  clock.advance(60_000);
  const later = instrument(store, "latency_ms", "histogram").series[0]!;
  assert.deepEqual([later.count, later.rolling.count, later.rolling.p99], [109, 0, null]);
});

test("the number of series is bounded and nothing is lost", () => {
  const store = createTelemetryStore({ clock: createManualClock(), maximumSeries: 10 });
  const requests = store.counter("requests", "Requests");
  for (let user = 0; user < 1000; user++) requests.add(1, { user: String(user) });
  requests.add(1, { user: "x".repeat(10_000) });
  requests.add(1, { "not a label": "x" });
  const snapshot = instrument(store, "requests", "counter");
  assert.equal(snapshot.series.length, 11);
  assert.deepEqual([snapshot.series.at(-1)!.labels, snapshot.series.at(-1)!.value, snapshot.overflowedRecords], [{ overflow: "true" }, 992, 992]);
  assert.equal(snapshot.series.reduce((sum, { value }) => sum + value, 0), 1002);
});

test("values that are not finite are refused and counted", () => {
  const store = createTelemetryStore({ clock: createManualClock() });
  for (const value of [Number.NaN, Infinity, -1]) store.counter("c", "").add(value);
  for (const value of [Number.NaN, Infinity, -1]) store.gauge("g", "").set(value);
  for (const value of [Number.NaN, -Infinity, 1]) store.histogram("h", "").record(value);
  assert.deepEqual(store.snapshot().instruments.map(({ name, refusedRecords, series }) => [name, refusedRecords, series.length]), [["c", 3, 0], ["g", 2, 1], ["h", 2, 1]]);
});

test("names are checked: one name has one kind, also in the exposition format", () => {
  const store = createTelemetryStore({ clock: createManualClock(), maximumInstruments: 3 });
  const refused = (create: () => unknown): void => assert.throws(create, (thrown) => isStrataError(thrown) && thrown.code === "METRIC_INVALID");
  store.histogram("latency", "");
  assert.equal(store.histogram("latency", ""), store.histogram("latency", ""));
  refused(() => store.counter("latency", ""));
  refused(() => store.gauge("latency_count", ""));
  refused(() => store.gauge("has space", ""));
  store.counter("a", "");
  refused(() => store.gauge("a_total", ""));
  store.gauge("b", "");
  refused(() => store.gauge("c", ""));
});

test("while it runs, the clock is read every tick instead of at every record", async () => {
  let reads = 0;
  const manual = createManualClock(5000);
  const clock = { ...manual, now: () => (reads++, manual.now()) };
  const store = createTelemetryStore({ clock });
  const requests = store.counter("requests", "Requests");
  const stopping = new AbortController();
  const running = store.run(stopping.signal);
  reads = 0;
  for (let i = 0; i < 1000; i++) requests.add(1);
  assert.equal(reads, 0);
  manual.advance(1000);
  await Promise.resolve(); // lets the ticker see the new second
  requests.add(500);
  manual.advance(1000);
  assert.equal(instrument(store, "requests", "counter").series[0]!.perSecond.last1s, 500);
  stopping.abort();
  await running;
  reads = 0;
  requests.add(1);
  assert.equal(reads, 1);
});
