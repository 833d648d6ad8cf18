import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, sum } from "../../define/index.ts";
import type { Application, FeatureView } from "../../define/index.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../engines/embedded/state-store.ts";
import { createRandom } from "../../kernel/random.ts";
import { silentLogger, silentMeter } from "../../ports/telemetry.ts";
import { createEventDecoder } from "../streams/event-decoder.ts";
import { createCheckpointer } from "./checkpointer.ts";
import { createFeatureEngine } from "./engine.ts";
import type { FeatureEngine } from "./engine.ts";
import { activity, orders, pairs, sampleEvent, toColumns } from "./event-samples.test.ts";
import type { SampleEvent } from "./event-samples.test.ts";
import { createMemoryLog, createMemoryStates } from "./memory-log.test.ts";
import { createPointInTimeIndex, createRowReader } from "./point-in-time.ts";
import { openSpillPlace } from "./spill-place.test.ts";
import { createViewSeats } from "./view-seats.ts";
import type { FeatureSpill } from "./view-seats.ts";
import { createViewState } from "./view-state.ts";

const NOW_MS = 100_000;

function createWorld(resources: readonly FeatureView[] = [activity, pairs]) {
  const memory = createMemoryLog();
  const states = createMemoryStates();
  const clock = createManualClock(NOW_MS);
  const lines: string[] = [];
  const freshness: number[] = [];
  let application = defineApplication("shop", resources);
  const decoder = createEventDecoder({ streams: () => application.streams });
  return {
    ...memory, states, clock, lines, freshness,
    define: (next: Application): Application => (application = next),
    open: async (checkpointEvents = 1e9, spill?: FeatureSpill): Promise<FeatureEngine> => {
      const engine = createFeatureEngine({
        application: () => application, log: memory.log, decoder, states, clock, checkpointEvents, spill,
        meter: { ...silentMeter, histogram: () => ({ record: (seconds) => { freshness.push(seconds); } }) },
        logger: { log: (level, message) => { lines.push(`${level}: ${message}`); } },
      });
      await engine.start();
      return engine;
    },
  };
}

/** Events in order of arrival, with times a little out of order and within the stream's lateness. */
function drawEvents(seed: number, length: number): readonly SampleEvent[] {
  const random = createRandom(seed);
  return Array.from({ length }, (_, offset) => {
    const event = sampleEvent(offset, (bound) => random.integer(bound), 60);
    return { ...event, timeMs: event.timeMs + offset * 3, knownAtMs: 0 };
  });
}

const KEYS = ["c0", "c1", "c2", "stranger"].flatMap((customer) => ["0", "1", "2"].map((item) => [customer, item]));
const keysOf = (view: FeatureView): readonly (readonly string[])[] => KEYS.map((key) => key.slice(0, view.entities.length));
const readAll = (engine: FeatureEngine, atMs: number): unknown => engine.readMany([activity, pairs].map((view) => ({ view: view.name, keys: keysOf(view), atMs })));

function offline(events: readonly SampleEvent[], applied: number, atMs: number): unknown {
  return [activity, pairs].map((view) => {
    const index = createPointInTimeIndex(view, toColumns(events), { known: "offset" });
    const keys = keysOf(view);
    const columns = index.query({ entities: index.resolve(view.entities.map((_, part) => keys.map((key) => key[part]))), timesMs: new Float64Array(keys.length).fill(atMs), knownLimits: applied - 1 });
    return keys.map((_, row) => createRowReader(columns)(row));
  });
}

const latest = (events: readonly SampleEvent[]): number => Math.max(0, ...events.map((event) => event.timeMs));

test("an engine killed at any moment and one that never stopped answer the same as the point-in-time index, bit for bit", async () => {
  await fc.assert(fc.asyncProperty(fc.integer(), fc.array(fc.record({ events: fc.integer({ min: 0, max: 90 }), next: fc.constantFrom("go on", "checkpoint", "kill", "stop") }), { minLength: 2, maxLength: 6 }), async (seed, steps) => {
    const world = createWorld();
    const events = drawEvents(seed, 600);
    const steady = await world.open();
    let engine = await world.open(100);
    let appended = 0;
    for (const step of steps) {
      world.append("orders", events.slice(appended, appended += step.events));
      if (step.next === "checkpoint") await engine.checkpoint();
      if (step.next === "stop") await engine.stop();
      if (step.next === "kill" || step.next === "stop") engine = await world.open(100);
      await engine.fresh(["orders"]);
      await steady.fresh(["orders"]);
      assert.equal(engine.appliedOffset("orders"), appended);
      const atMs = latest(events.slice(0, appended)) - (seed % 3 === 0 ? 90 : 0);
      const expected = offline(events, appended, atMs);
      assert.deepStrictEqual(readAll(steady, atMs), expected);
      assert.deepStrictEqual(readAll(engine, atMs), expected);
    }
    await engine.stop();
    await steady.stop();
  }), { numRuns: 25 });
});

test("an engine whose rows are mostly on disk answers the same, says so, and comes back from its checkpoint", async () => {
  await using place = await openSpillPlace();
  const world = createWorld();
  const spill = { residentBytes: 1, open: place.open };
  const events = drawEvents(6, 400);
  world.append("orders", events.slice(0, 300));
  const first = await world.open(1e9, spill);
  assert.deepStrictEqual(readAll(first, latest(events.slice(0, 300))), offline(events, 300, latest(events.slice(0, 300))));
  const told = first.statistics().find(({ view }) => view === "pairs")!;
  assert.ok(told.spilledEntities > 0 && told.spilledBytes > 0, JSON.stringify(told));
  await first.stop();
  assert.deepEqual(await readdir(place.folder), [], "a stopped engine leaves nothing behind");
  world.lines.length = 0;
  world.append("orders", events.slice(300));
  await using again = await world.open(1e9, spill);
  assert.deepStrictEqual(readAll(again, latest(events)), offline(events, 400, latest(events)));
  assert.deepEqual(world.lines.filter((line) => line.includes("from the log")), []);
});

test("what was appended before fresh is read after it", async () => {
  const world = createWorld();
  await using engine = await world.open();
  for (let orders = 1; orders <= 20; orders++) {
    world.append("orders", [{ timeMs: NOW_MS, knownAtMs: NOW_MS, row: { customer: "c" } }]);
    await engine.fresh(["orders", "not a stream of ours"]);
    assert.equal(engine.read({ view: "activity", keys: [["c"]], atMs: NOW_MS })[0]![0], orders);
  }
});

test("a checkpoint that cannot be used is told, and the view is built from the log", async () => {
  const world = createWorld();
  const events = drawEvents(3, 200);
  world.append("orders", events);
  await (await world.open()).stop();
  const saved = world.states.saved.get("feature-view/activity")!;
  const expected = offline(events, 200, latest(events));
  const reopen = async (checkpoint: typeof saved, reason: RegExp): Promise<void> => {
    world.lines.length = 0;
    world.states.saved.set("feature-view/activity", checkpoint);
    await using engine = await world.open();
    assert.deepStrictEqual(readAll(engine, latest(events)), expected);
    assert.match(world.lines.join("\n"), reason);
  };
  await reopen({ ...saved, bytes: saved.bytes.slice(0, 100) }, /activity.*from the log/);
  await reopen(world.states.saved.get("feature-view/pairs")!, /another definition/);
  await reopen({ ...saved, offsets: { orders: 7 } }, /names another offset/);
  world.states.load = async (name) => {
    if (name === "feature-view/pairs") throw new StrataError("STATE_CORRUPT", { file: name, reason: "a bit flipped" });
    return world.states.saved.get(name);
  };
  await reopen(saved, /"pairs" is built from the log.*a bit flipped/);
});

test("a checkpoint beyond the log's end is not believed", async () => {
  const world = createWorld();
  world.append("orders", drawEvents(3, 50));
  await (await world.open()).stop();
  const shorter = createWorld();
  for (const [name, checkpoint] of world.states.saved) shorter.states.saved.set(name, checkpoint);
  await using engine = await shorter.open();
  assert.match(shorter.lines.join("\n"), /beyond the log's end 0/);
  assert.equal(engine.read({ view: "activity", keys: [["c0"]], atMs: 1_000 })[0]![0], 0);
});

test("events that retention removed are told as missed", async () => {
  const world = createWorld();
  world.append("orders", drawEvents(3, 100));
  world.dropBelow("orders", 40);
  await using engine = await world.open();
  assert.equal(engine.appliedOffset("orders"), 100);
  assert.match(world.lines.join("\n"), /warn: Feature view "activity" misses the events 0 to 39/);
});

test("a view is not built again from a log that knows less than it", async () => {
  const world = createWorld();
  world.append("orders", drawEvents(3, 100));
  await using engine = await world.open();
  await engine.rebuild(["activity"]).ready;
  world.dropBelow("orders", 40);
  assert.throws(() => engine.rebuild(["activity"]), { code: "FEATURE_HISTORY_GONE" });
});

test("views are checkpointed by themselves after so many events", async () => {
  const world = createWorld();
  await using engine = await world.open(50);
  world.append("orders", drawEvents(1, 64));
  await engine.fresh(["orders"]);
  await engine.checkpoint(); // waits its turn behind the automatic one
  assert.equal(world.states.saved.get("feature-view/activity")!.offsets["orders"], 64);
});

const spend = (window: "20ms" | "50ms"): FeatureView => defineFeatureView("spend", {
  entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }), features: (e) => ({ spend: sum(e.price).over(window) }),
});
const steady = defineFeatureView("steady", { entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }), features: () => ({ orders: count() }) });

const charge = (timeMs: number, price: number) => ({ timeMs, knownAtMs: timeMs, row: { customer: "c", price } });

test("a changed view serves its old features until the new ones are built; an unchanged one keeps its state", async () => {
  const world = createWorld([spend("20ms"), steady]);
  await using engine = await world.open();
  world.append("orders", Array.from({ length: 200 }, (_, index) => charge(1_000 + index, 1)));
  await engine.fresh(["orders"]);
  const read = (view: string): unknown => engine.read({ view, keys: [["c"]], atMs: 1_199 })[0]![0];
  assert.equal(read("spend"), 20);
  const change = engine.applyDefinition(world.define(defineApplication("shop", [spend("50ms"), steady])));
  assert.equal(read("spend"), 20);
  assert.deepEqual(change.progress(), [{ view: "spend", done: 0, total: 200 }]);
  world.append("orders", [charge(1_199, 5)]);
  await change.ready;
  await engine.fresh(["orders"]);
  assert.equal(read("spend"), 55);
  assert.equal(read("steady"), 201);
  assert.deepEqual(change.progress(), []);
  assert.equal(world.lines.filter((line) => line.includes("\"steady\" is built")).length, 1, "only at the start");
});

test("rows are in the order of the definition in force, also while another state answers", async () => {
  const viewOf = (names: readonly string[]): FeatureView => defineFeatureView("counts", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }),
    features: () => Object.fromEntries(names.map((name) => [name, name === "all" ? count() : count().over(name === "ten" ? "10ms" : "20ms")])),
  });
  const world = createWorld([viewOf(["ten", "twenty"])]);
  await using engine = await world.open();
  world.append("orders", Array.from({ length: 100 }, (_, index) => charge(1_000 + index, 1)));
  await engine.fresh(["orders"]);
  const read = (): unknown => engine.read({ view: "counts", keys: [["c"]], atMs: 1_099 })[0];
  assert.deepEqual(read(), [10, 20]);
  await engine.applyDefinition(world.define(defineApplication("shop", [viewOf(["twenty", "ten"])]))).ready;
  assert.deepEqual(read(), [20, 10]);
  const change = engine.applyDefinition(world.define(defineApplication("shop", [viewOf(["all", "ten", "twenty"])])));
  assert.deepEqual(read(), [null, 10, 20]);
  await change.ready;
  assert.deepEqual(read(), [100, 10, 20]);
});

test("a checkpoint whose features are in another order is not this view's", async () => {
  const viewOf = (names: readonly ("a" | "b")[]): FeatureView => defineFeatureView("sums", {
    entities: [defineEntity("customer")], from: orders, by: (e) => ({ customer: e.customer }),
    features: (e) => Object.fromEntries(names.map((name) => [name, sum(name === "a" ? e.price : e.quantity)])),
  });
  const world = createWorld([viewOf(["a", "b"])]);
  world.append("orders", [{ timeMs: 1, knownAtMs: 1, row: { customer: "c", price: 7, quantity: 2 } }]);
  await (await world.open()).stop();
  world.define(defineApplication("shop", [viewOf(["b", "a"])]));
  await using engine = await world.open();
  assert.deepEqual(engine.read({ view: "sums", keys: [["c"]], atMs: 5 }), [[2, 7]]);
});

test("a new view says that it is being built, a removed one is gone with its checkpoint", async () => {
  const world = createWorld([steady]);
  await using engine = await world.open();
  world.append("orders", Array.from({ length: 200 }, (_, index) => charge(1_000 + index, 1)));
  await engine.fresh(["orders"]);
  await engine.checkpoint();
  const change = engine.applyDefinition(world.define(defineApplication("shop", [spend("20ms")])));
  assert.throws(() => engine.read({ view: "spend", keys: [["c"]], atMs: 0 }), { code: "FEATURE_VIEW_BUILDING" });
  assert.throws(() => engine.read({ view: "steady", keys: [["c"]], atMs: 0 }), { code: "FEATURE_VIEW_NOT_FOUND" });
  await change.ready;
  assert.equal(engine.read({ view: "spend", keys: [["c"]], atMs: 1_199 })[0]![0], 20);
  await engine.checkpoint();
  assert.deepEqual([...world.states.saved.keys()], ["feature-view/spend"]);
});

test("a change taken back while it is being built costs nothing, and one changed again builds the last", async () => {
  const world = createWorld([spend("20ms")]);
  await using engine = await world.open();
  world.append("orders", Array.from({ length: 300 }, (_, index) => charge(1_000 + index, 1)));
  await engine.fresh(["orders"]);
  const first = engine.applyDefinition(world.define(defineApplication("shop", [spend("50ms")])));
  const back = engine.applyDefinition(world.define(defineApplication("shop", [spend("20ms")])));
  await back.ready;
  await assert.rejects(first.ready, { code: "ABORTED" });
  assert.deepEqual(engine.statistics().map(({ view, rebuild }) => [view, rebuild]), [["spend", undefined]]);
  assert.equal(engine.read({ view: "spend", keys: [["c"]], atMs: 1_299 })[0]![0], 20);
  const forth = engine.applyDefinition(world.define(defineApplication("shop", [spend("50ms")])));
  const again = engine.applyDefinition(world.define(defineApplication("shop", [spend("50ms")])));
  assert.equal(again.progress().length, 1);
  await Promise.all([forth.ready, again.ready]); // the same work, not begun anew
  assert.equal(engine.read({ view: "spend", keys: [["c"]], atMs: 1_299 })[0]![0], 50);
});

test("a state that was replaced is no longer fed", async () => {
  const world = createWorld();
  const viewOf = (window: "20ms" | "50ms"): Application => defineApplication("shop", [spend(window)]);
  const views = createViewSeats({
    log: world.log, clock: world.clock, states: world.states, logger: silentLogger, decoder: createEventDecoder(),
    freshness: { record: () => undefined }, onApplied: () => undefined, onSeated: async () => undefined, onRemoved: () => undefined, buildSaveEvents: 1e9,
  });
  world.append("orders", Array.from({ length: 300 }, (_, index) => charge(1_000 + index, 1)));
  await views.load(viewOf("20ms"));
  await views.followers.get("orders")!.consumer.caughtUp(300);
  await Promise.all(views.change(viewOf("50ms")).map(({ ready }) => ready));
  assert.deepEqual([...views.followers.get("orders")!.states], [views.seats.get("spend")!.serving]);
  await views.close();
});

test("checkpoints are written one after another, so that an old one cannot overwrite a newer", async () => {
  const states = createMemoryStates();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { save } = states;
  states.save = async (name, checkpoint) => {
    await gates.shift()?.promise;
    await save(name, checkpoint);
  };
  const state = createViewState(activity);
  const checkpointer = createCheckpointer({ states, logger: silentLogger, everyEvents: 10, views: () => [state] });
  const [first, second] = gates;
  const apply = (baseOffset: number): void => state.apply({ stream: "orders", baseOffset, rows: [{ customer: "c0" }], timesMs: Float64Array.of(1), knownAtMs: Float64Array.of(1) });
  apply(0);
  const early = checkpointer.save();
  apply(1);
  const late = checkpointer.save();
  second!.resolve();
  first!.resolve();
  await Promise.all([early, late]);
  assert.equal(states.saved.get("feature-view/activity")!.offsets["orders"], 2);
});

test("a checkpoint that fails is logged, and tried again with the next", async () => {
  const world = createWorld();
  const { save } = world.states;
  world.states.save = () => Promise.reject(new Error("the disk is full"));
  await using engine = await world.open(10);
  world.append("orders", drawEvents(1, 64));
  await engine.fresh(["orders"]);
  await assert.rejects(engine.checkpoint(), /the disk is full/);
  assert.match(world.lines.join("\n"), /error: Feature views could not be checkpointed: the disk is full/);
  world.states.save = save;
  await engine.checkpoint();
  assert.equal(world.states.saved.size, 2);
});

test("a field whose kind changes in the schema makes a new state", async () => {
  const viewOf = (price: z.ZodType): FeatureView => defineFeatureView("spend", {
    entities: [defineEntity("customer")], from: defineStream("orders", { schema: z.object({ customer: z.string(), price }) }),
    by: (e) => ({ customer: e.customer }), features: (e) => ({ spend: sum((e as never as { price: never }).price) }),
  });
  const world = createWorld([viewOf(z.number())]);
  await using engine = await world.open();
  const change = engine.applyDefinition(world.define(defineApplication("shop", [viewOf(z.string())])));
  await change.ready;
  assert.equal(world.lines.filter((line) => line.includes("in service")).length, 1);
});

test("an unreadable event stops the stream, and fresh and health say so", async () => {
  const world = createWorld();
  const engine = await world.open();
  world.append("orders", [{ timeMs: 1, knownAtMs: 1, row: "not an object" as never }]);
  await assert.rejects(engine.fresh(["orders"]), { code: "EVENT_UNREADABLE" });
  assert.equal(engine.health().ok, false);
  assert.match(engine.health().reason!, /stream "orders"/);
  assert.match(world.lines.join("\n"), /error: Features no longer follow stream "orders"/);
  await assert.rejects(engine.stop(), { code: "EVENT_UNREADABLE" });
});

test("freshness is recorded for live events only, and statistics count what there is", async () => {
  const world = createWorld();
  world.append("orders", [charge(1, 1), { ...charge(2, 1), row: {} }]);
  await using engine = await world.open();
  world.append("orders", [charge(NOW_MS - 2_000, 1)]);
  await engine.fresh(["orders"]);
  assert.deepEqual(world.freshness, [2]);
  const [statistics] = engine.statistics();
  assert.equal(statistics!.appliedEvents, 2);
  assert.equal(statistics!.keylessEvents, 1);
  assert.equal(statistics!.appliedOffset, 3);
  assert.equal(statistics!.entities, 1);
  assert.ok(statistics!.memoryBytes > 1_000);
  assert.equal(statistics!.eventsPerSecond, 0.3);
});

test("over the embedded log and store: acknowledged is readable, and a restart goes on where the checkpoint stands", async () => {
  const folder = await mkdtemp(join(tmpdir(), "strata-features-"));
  const application = defineApplication("shop", [activity, pairs]);
  const events = drawEvents(8, 400);
  const records = events.map(({ timeMs, knownAtMs, row }, index) => ({ id: String(index), timeMs, knownAtMs, payload: Buffer.from(JSON.stringify(row)) }));
  const clock = createManualClock(NOW_MS);
  try {
    for (const [from, to] of [[0, 150], [150, 400]] as const) {
      await using log = await openEmbeddedEventLog({ folder: join(folder, "log"), clock });
      const states = await openEmbeddedStateStore({ folder: join(folder, "states") });
      await using engine = createFeatureEngine({
        application: () => application, log, states, clock, decoder: createEventDecoder({ streams: () => application.streams }), meter: silentMeter, logger: silentLogger, checkpointEvents: 100,
      });
      await engine.start();
      assert.equal(engine.appliedOffset("orders"), from);
      for (let next = from; next < to; next += 50) {
        await log.append("orders", records.slice(next, next + 50));
        await engine.fresh(["orders"]);
        const atMs = latest(events.slice(0, next + 50));
        assert.deepStrictEqual(readAll(engine, atMs), offline(events, next + 50, atMs));
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
