/** Damage of spilled rows under a running engine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { defineApplication } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import type { SpillStore } from "../../ports/spill-store.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import { createEventDecoder } from "../streams/event-decoder.ts";
import { createFeatureEngine } from "./engine.ts";
import type { FeatureEngine } from "./engine.ts";
import { activity, pairs, sampleEvent, toColumns } from "./event-samples.test.ts";
import type { SampleEvent } from "./event-samples.test.ts";
import { createMemoryLog, createMemoryStates } from "./memory-log.test.ts";
import { createPointInTimeIndex, createRowReader } from "./point-in-time.ts";
import { openSpillPlace } from "./spill-place.test.ts";
import type { FeatureSpill } from "./view-seats.ts";

const NOW_MS = 100_000;

function createWorld() {
  const memory = createMemoryLog();
  const states = createMemoryStates();
  const lines: string[] = [];
  const application = defineApplication("shop", [activity, pairs]);
  return {
    ...memory, lines,
    open: async (spill: FeatureSpill): Promise<FeatureEngine> => {
      const engine = createFeatureEngine({
        application: () => application, log: memory.log, decoder: createEventDecoder({ streams: () => application.streams }), states, clock: createManualClock(NOW_MS), checkpointEvents: 1e9, spill,
        meter: silentMeter, logger: { log: (level, message) => { lines.push(`${level}: ${message}`); } },
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

test("damage of spilled rows, met by a read or by an event, takes the view out of service until it is loaded again: no wrong number meanwhile", async () => {
  for (const meet of ["read", "event"]) {
    await using place = await openSpillPlace();
    const world = createWorld();
    let [opened, damaged] = [0, 0];
    const open = (): SpillStore => {
      const store = place.open();
      const number = ++opened;
      const hurt = (work: (kept: number) => Uint8Array) => (kept: number): Uint8Array => {
        if (number <= damaged) throw new StrataError("SPILL_DAMAGED", { path: "here", reason: "a bit" });
        return work(kept);
      };
      return { ...store, read: hurt(store.read), take: hurt(store.take) };
    };
    const events = drawEvents(6, 400);
    world.append("orders", events.slice(0, 200));
    await using engine = await world.open({ residentBytes: 1, open });
    await engine.checkpoint();
    world.append("orders", events.slice(200, 300));
    await engine.fresh(["orders"]);
    damaged = opened;
    if (meet === "read") assert.throws(() => readAll(engine, latest(events.slice(0, 300))), { code: "SPILL_DAMAGED" });
    world.append("orders", events.slice(300));
    await engine.fresh(["orders"]);
    const refusals: string[] = [];
    for (let isRight = false; !isRight && refusals.length < 2_000; await setTimeout(1)) {
      try {
        assert.deepStrictEqual(readAll(engine, latest(events)), offline(events, 400, latest(events)), meet);
        isRight = true;
      } catch (thrown) {
        if (!isStrataError(thrown)) throw thrown;
        refusals.push(thrown.code);
      }
    }
    assert.deepEqual(refusals.filter((code) => code !== "SPILL_DAMAGED" && code !== "FEATURE_VIEW_BUILDING"), []);
    assert.ok(refusals.length < 2_000, refusals.at(-1));
    assert.deepEqual(engine.health(), { ok: true });
    assert.ok(world.lines.some((line) => line.includes("is damaged: the view is loaded again")), world.lines.join());
  }
});
