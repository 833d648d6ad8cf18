import assert from "node:assert/strict";
import { test } from "node:test";
import { defineApplication } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { createRandom } from "../../kernel/random.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import { createEventDecoder } from "../streams/event-decoder.ts";
import { createFeatureEngine } from "./engine.ts";
import type { FeatureEngine } from "./engine.ts";
import { activity, kinds, orders, pairs, sampleEvent, toBatch } from "./event-samples.test.ts";
import type { SampleEvent } from "./event-samples.test.ts";
import { createMemoryLog, createMemoryStates } from "./memory-log.test.ts";
import type { StreamHistory } from "./stream-history.ts";

const EVENTS = 2_000;
const DROPPED = 1_500;
const BATCH = 50;
const BUILD = "feature-view-build/activity";

/** Events of which the log has lost the first ones, and a history that has those from `since` on and waits at `gate`. */
function createWorld({ since = 0 } = {}) {
  const random = createRandom(11);
  const events: readonly SampleEvent[] = Array.from({ length: EVENTS }, (_, offset) => {
    const event = sampleEvent(offset, (bound) => random.integer(bound), 60);
    return { ...event, timeMs: event.timeMs + offset * 2, knownAtMs: 0 };
  });
  const { log, append, dropBelow } = createMemoryLog(BATCH);
  append("orders", events);
  const states = createMemoryStates();
  const lines: string[] = [];
  const world = {
    log, append, dropBelow, states, events, lines,
    /** Offsets that were read from the history. */
    read: [] as number[],
    /** What the history waits for before the batch at this offset. */
    gate: undefined as undefined | { readonly offset: number; readonly reached: () => void; readonly opened: Promise<void> },
    open: async (views: readonly FeatureView[]): Promise<FeatureEngine> => {
      const application = defineApplication("shop", views);
      const decoder = createEventDecoder({ streams: () => application.streams });
      const engine = createFeatureEngine({
        application: () => application, log, decoder, states, clock: createManualClock(100_000), meter: silentMeter, history, buildSaveEvents: 300,
        logger: { log: (level, message) => { lines.push(`${level}: ${message}`); } },
      });
      await engine.start();
      return engine;
    },
  };
  const history: StreamHistory = {
    oldestOffset: (_, toOffset) => Math.min(since, toOffset),
    read: async function* (stream, { fromOffset, toOffset }) {
      assert.equal(stream.name, orders.name);
      for (let next = fromOffset; next < toOffset; next += BATCH) {
        const { gate } = world;
        if (gate !== undefined && next >= gate.offset) {
          gate.reached();
          await gate.opened;
        }
        const to = Math.min(next + BATCH, toOffset);
        for (let offset = next; offset < to; offset++) world.read.push(offset);
        yield toBatch(events, next, to);
      }
    },
  };
  return world;
}

type World = ReturnType<typeof createWorld>;

/** Makes the history wait at an offset; resolves when it is there. */
function waitAt(world: World, offset: number) {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  world.gate = { offset, reached: reached.resolve, opened: opened.promise };
  return { reached: reached.promise, open: opened.resolve };
}

function answers(engine: FeatureEngine, { events }: World, view: FeatureView): unknown {
  const atMs = Math.max(...events.map(({ timeMs }) => timeMs));
  const keys = ["c0", "c1", "c2", "stranger"].flatMap((customer) => ["0", "1", "2"].map((item) => [customer, item].slice(0, view.entities.length)));
  return [0, 60].map((backMs) => engine.read({ view: view.name, keys, atMs: atMs - backMs }));
}

/** What an engine answers that followed the stream from its start. */
async function expectedOf(view: FeatureView): Promise<unknown> {
  const whole = createWorld();
  await using engine = await whole.open([view]);
  return answers(engine, whole, view);
}

const apply = (engine: FeatureEngine, views: readonly FeatureView[]) => engine.applyDefinition(defineApplication("shop", views));

test("a new view begins with the history and goes on with the log, bit for bit as if it had followed from the start", async () => {
  const world = createWorld();
  await using engine = await world.open([]);
  world.dropBelow("orders", DROPPED);
  const change = apply(engine, [activity, pairs, kinds]);
  assert.deepEqual(change.progress().map(({ done, total }) => [done, total]), Array.from({ length: 3 }, () => [0, EVENTS]));
  await change.ready;
  for (const view of [activity, pairs, kinds]) assert.deepStrictEqual(answers(engine, world, view), await expectedOf(view), view.name);
  assert.equal(world.read.length, 3 * DROPPED);
  assert.doesNotMatch(world.lines.join("\n"), /misses/);
});

test("retention that overtakes a build sends it back to the history", async () => {
  const world = createWorld();
  await using engine = await world.open([]);
  world.dropBelow("orders", 400);
  const gate = waitAt(world, 350);
  const change = apply(engine, [activity]);
  await gate.reached;
  world.dropBelow("orders", DROPPED);
  gate.open();
  await change.ready;
  assert.deepStrictEqual(answers(engine, world, activity), await expectedOf(activity));
  assert.deepEqual(world.read, Array.from({ length: DROPPED }, (_, offset) => offset));
});

test("a build that was killed goes on from its last save, and one that was closed from where it stood", async () => {
  const world = createWorld();
  const killed = await world.open([]);
  world.dropBelow("orders", DROPPED);
  const first = waitAt(world, 500);
  apply(killed, [activity]);
  await first.reached; // saved at 300; the killed engine is never heard of again
  assert.equal(world.states.saved.get(BUILD)!.offsets["orders"], 300);

  world.read.length = 0;
  const second = waitAt(world, 1_000);
  const closed = await world.open([activity]);
  assert.throws(() => closed.read({ view: "activity", keys: [["c0"]], atMs: 0 }), { code: "FEATURE_VIEW_BUILDING" });
  await second.reached;
  const stopped = closed.stop();
  second.open();
  await stopped;
  assert.equal(world.read[0], 300);
  const savedAt = world.states.saved.get(BUILD)!.offsets["orders"]!;
  assert.ok(savedAt >= 1_000, `closing saved at ${savedAt}`);

  world.read.length = 0;
  world.gate = undefined;
  await using engine = await world.open([activity]);
  const change = apply(engine, [activity]);
  await change.ready;
  assert.deepStrictEqual(answers(engine, world, activity), await expectedOf(activity));
  assert.deepEqual(world.read, Array.from({ length: DROPPED - savedAt }, (_, index) => savedAt + index));
  await engine.checkpoint();
  await new Promise(setImmediate);
  assert.deepEqual([...world.states.saved.keys()], ["feature-view/activity"]);
});

test("a checkpoint that the log no longer reaches is completed from the history", async () => {
  const world = createWorld();
  const { statistics } = world.log;
  world.log.statistics = (stream) => ({ ...statistics(stream), nextOffset: 600 });
  const early = await world.open([activity]);
  await early.checkpoint();
  const checkpoint = world.states.saved.get("feature-view/activity")!;
  const offset = checkpoint.offsets["orders"]!;
  assert.ok(offset >= 600 && offset < DROPPED, `saved at ${offset}`);
  await early.stop();
  world.states.saved.set("feature-view/activity", checkpoint);
  world.log.statistics = statistics;
  world.dropBelow("orders", DROPPED);
  await using engine = await world.open([activity]);
  await apply(engine, [activity]).ready;
  assert.deepStrictEqual(answers(engine, world, activity), await expectedOf(activity));
  assert.deepEqual(world.read, Array.from({ length: DROPPED - offset }, (_, index) => offset + index));
  assert.doesNotMatch(world.lines.join("\n"), /misses/);
});

test("what nobody wants any more is forgotten: a removed view's build, another definition's, one that cannot be used", async () => {
  const world = createWorld();
  const engine = await world.open([]);
  world.dropBelow("orders", DROPPED);
  const gate = waitAt(world, 500);
  const change = apply(engine, [activity]);
  await gate.reached;
  assert.ok(world.states.saved.has(BUILD));
  const saved = world.states.saved.get(BUILD)!;
  apply(engine, [pairs]);
  gate.open();
  await assert.rejects(change.ready, { code: "ABORTED" });
  await engine.stop();
  assert.equal(world.states.saved.has(BUILD), false);

  world.states.saved.set(BUILD, saved);
  await (await world.open([pairs])).stop();
  assert.equal(world.states.saved.has(BUILD), false, "a view that left the definition while nothing ran");

  for (const [checkpoint, reason] of [[{ ...saved, bytes: saved.bytes.slice(0, 99) }, /begins anew/], [{ ...saved, offsets: { orders: 9_999 } }, /stands at offset 9999/], [{ ...saved, offsets: { orders: 301 } }, /names another offset/]] as const) {
    world.states.saved.clear();
    world.states.saved.set(BUILD, checkpoint);
    world.lines.length = 0;
    world.gate = undefined;
    await using again = await world.open([activity]);
    await apply(again, [activity]).ready;
    assert.match(world.lines.join("\n"), reason);
    assert.deepStrictEqual(answers(again, world, activity), await expectedOf(activity));
  }
});

test("what the history lacks, too, is told as missed, and is a reason not to build again", async () => {
  const world = createWorld({ since: 100 });
  world.dropBelow("orders", DROPPED);
  await using engine = await world.open([activity]);
  await apply(engine, [activity]).ready;
  assert.match(world.lines.join("\n"), /warn: Feature view "activity" misses the events 0 to 99 of/);
  assert.deepEqual([world.read[0], world.read.length], [100, DROPPED - 100]);
  assert.throws(() => engine.rebuild(["activity"]), { code: "FEATURE_HISTORY_GONE" });
});

test("a backfill reads the history again, and a view in service is answered meanwhile", async () => {
  const world = createWorld();
  await using engine = await world.open([activity]);
  world.dropBelow("orders", DROPPED);
  const expected = answers(engine, world, activity);
  const gate = waitAt(world, 500);
  const backfill = engine.rebuild(["activity"]);
  await gate.reached;
  assert.deepStrictEqual(answers(engine, world, activity), expected);
  gate.open();
  await backfill.ready;
  assert.deepStrictEqual(answers(engine, world, activity), expected);
  assert.equal(world.read.length, DROPPED);
});
