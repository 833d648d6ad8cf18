/** The monitor over a real log: what it derives, and that stopping at any moment and going on changes nothing of it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { createEventDecoder } from "../data/index.ts";
import { count, defineApplication, defineEndpoint, defineEntity, defineFeatureView, defineModel, defineStream, eachEvent, gradientBoosting, labelValue, outcomeFrom } from "../define/index.ts";
import { openEmbeddedEventLog } from "../engines/embedded/event-log.ts";
import { createManualClock } from "../kernel/clock.ts";
import { createRandom } from "../kernel/random.ts";
import type { TrainingProfile } from "../modelops/index.ts";
import { profileColumn } from "../observe/index.ts";
import type { StateCheckpoint, StateStore } from "../ports/state-store.ts";
import { silentLogger } from "../ports/telemetry.ts";
import { PREDICTIONS_LOG } from "../serving/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
import type { DriftWindow } from "./drift-watch.ts";
import { createMonitor } from "./monitor.ts";
import type { Monitor, MonitorOptions } from "./monitor.ts";

const HOUR_MS = 3_600_000;
const WINDOW_ROWS = 250;

const sales = defineStream("sales", { schema: z.object({ customer: z.string(), price: z.number(), decision: z.string().optional() }) });
const customer = defineEntity("customer");
const activity = defineFeatureView("activity", { entities: [customer], from: sales, by: (e) => ({ customer: e.customer }), features: () => ({ sales: count() }) });
const model = defineModel("buyer", {
  features: [activity], examples: eachEvent(sales, { keys: (e) => ({ customer: e.customer }) }), label: labelValue(sales, (e) => e.price), trainer: gradientBoosting({ objective: "regression" }),
});
const ask = defineEndpoint("ask", {
  model, request: z.object({ customer: z.string() }), keys: { customer: "customer" },
  outcome: outcomeFrom(sales, { decision: (e) => e.decision, reward: (e) => e.price, within: "1h" }),
});
const application = defineApplication("shop", [ask]);

const normals = (random: ReturnType<typeof createRandom>, mean: number, rows: number): Float64Array => Float64Array.from({ length: rows }, () => mean + random.normal());

const profile: TrainingProfile = (() => {
  const random = createRandom("profile");
  return {
    columns: { "activity.sales": profileColumn(normals(random, 0, 2_000), { kind: "numeric" }) },
    score: profileColumn(normals(random, 0, 2_000), { kind: "numeric" }), importances: { "activity.sales": 1 },
  };
})();

async function openWorld() {
  const folder = await mkdtemp(join(tmpdir(), "strata-monitor-"));
  const clock = createManualClock(1_000 * HOUR_MS);
  const log = await openEmbeddedEventLog({ folder, clock });
  const decoder = createEventDecoder({ streams: () => application.streams });
  const saved = new Map<string, StateCheckpoint>();
  const states: StateStore = {
    load: (name) => Promise.resolve(saved.get(name)), save: (name, checkpoint) => { saved.set(name, structuredClone(checkpoint)); return Promise.resolve(); },
    delete: (name) => { saved.delete(name); return Promise.resolve(); }, names: () => Promise.resolve([...saved.keys()]),
  };
  const alerts: DriftWindow[] = [];
  const random = createRandom("monitor");
  let number = 0;

  const append = (stream: string, rows: readonly object[]) => log.append(stream, rows.map((row) => ({ id: `${stream}-${number++}`, timeMs: clock.now(), knownAtMs: clock.now(), payload: Buffer.from(JSON.stringify(row)) })));
  const answer = (decision: string, changes: Partial<PredictionEvent> = {}): PredictionEvent => {
    const feature = random.normal();
    return {
      decision, endpoint: "ask", model: "buyer", version: 1, variant: "champion", atMs: clock.now(), request: {}, outputs: [1], scoredRows: 1,
      sample: [{ keys: { customer: "c" }, score: feature, features: [feature] }], offsets: {}, latencyMs: 5, ...changes,
    };
  };
  return {
    clock, log, saved, alerts,
    open: async (options: Partial<MonitorOptions> = {}): Promise<Monitor> => {
      const monitor = createMonitor({
        application: () => application, log, decoder, states, clock, logger: silentLogger, driftWindowRows: WINDOW_ROWS,
        profileOf: () => Promise.resolve({ profile, columns: ["activity.sales"] }), onDrift: (window) => { alerts.push(window); return Promise.resolve(); }, ...options,
      });
      await monitor.start();
      return monitor;
    },
    /** Answers, in one append. */
    answers: (decisions: readonly string[], changes: Partial<PredictionEvent> = {}) => append(PREDICTIONS_LOG, decisions.map((decision) => answer(decision, changes))),
    buys: (decisions: readonly string[], price = 1) => append("sales", decisions.map((decision) => ({ customer: "c", price, decision }))),
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
}

const names = (prefix: string, size: number): readonly string[] => Array.from({ length: size }, (_, at) => `${prefix}${at}`);

test("rewards count when their window has passed: purchases with their price, absences with nothing, fallbacks not at all", async () => {
  await using world = await openWorld();
  await using monitor = await world.open();
  await world.answers(names("a", 10));
  await world.answers(names("f", 5), { variant: "fallback", version: 0, sample: [] });
  await world.buys(["a0", "a1", "f0", "nobody"], 3);
  await monitor.settle();
  assert.deepEqual(monitor.rewards("ask", { version: 1 }), { n: 0, sum: 0, sumSquares: 0 }, "not before the window has passed");
  world.clock.advance(HOUR_MS + 1);
  await monitor.settle();
  assert.deepEqual(monitor.rewards("ask", { version: 1, variant: "champion" }), { n: 10, sum: 6, sumSquares: 18 });
  assert.deepEqual(monitor.rewards("ask", { version: 1, variant: "canary" }).n, 0);
  assert.deepEqual(monitor.rewards("ask", { version: 1, sinceMs: world.clock.now() }).n, 0);
  assert.deepEqual(monitor.traffic("ask"), [{ variant: "champion", version: 1, requests: 10 }, { variant: "fallback", version: 0, requests: 5 }]);
  assert.deepEqual(monitor.rewards("nobody", { version: 1 }).n, 0);
});

test("a purchase that reaches the log before its answer, and one that is too late", async () => {
  await using world = await openWorld();
  await using monitor = await world.open();
  await world.buys(["early"]);
  await monitor.settle();
  await world.answers(["early", "late"]);
  await monitor.settle();
  world.clock.advance(HOUR_MS + 1);
  await world.buys(["late"]);
  await monitor.settle();
  assert.deepEqual(monitor.rewards("ask", { version: 1 }), { n: 2, sum: 1, sumSquares: 1 });
});

test("a window of rows is judged when it is full: calm, then drift", async () => {
  await using world = await openWorld();
  await using monitor = await world.open();
  await world.answers(names("calm", WINDOW_ROWS + 1));
  await monitor.settle();
  await world.answers(names("shifted", WINDOW_ROWS - 2), { sample: [{ keys: {}, score: 5, features: [4.5] }] });
  await monitor.settle();
  assert.equal(monitor.drift("buyer").length, 1);
  await world.answers(["last"], { sample: [{ keys: {}, score: 5, features: [4.5] }] });
  await monitor.settle();
  assert.deepEqual(monitor.drift("buyer").map(({ rows, report }) => [rows, report.columns[0]?.status]), [[WINDOW_ROWS, "stable"], [WINDOW_ROWS, "drifted"]]);
  assert.deepEqual(world.alerts.map(({ report }) => report.columns[0]?.status), ["stable", "drifted"]);
});

test("a version without a readable profile is not watched, and everything else goes on", async () => {
  await using world = await openWorld();
  await using monitor = await world.open({ profileOf: () => Promise.reject(new Error("the blob is gone")) });
  await world.answers(names("a", WINDOW_ROWS));
  await monitor.settle();
  assert.deepEqual([monitor.drift("buyer"), monitor.traffic("ask")[0]?.requests], [[], WINDOW_ROWS]);
});

test("stopped at any moment and opened again, it knows the same as one that never stopped", async () => {
  await using world = await openWorld();
  const known = (monitor: Monitor): unknown => JSON.parse(JSON.stringify({
    rewards: [1, 2].map((version) => monitor.rewards("ask", { version })), traffic: monitor.traffic("ask"), shadow: monitor.shadow("ask", 2, 0),
    windows: monitor.performance("ask", 24 * HOUR_MS), drift: monitor.drift("buyer").map(({ rows, report }) => [rows, report.columns[0]?.tests]),
  }));
  const random = createRandom("restarts");
  let monitor = await world.open();
  for (let round = 0; round < 12; round++) {
    const decisions = names(`r${round}-`, 60);
    await world.answers(decisions.slice(0, 40), { shadow: { version: 2, latencyMs: round, scoreDifference: 0.5 } });
    await world.answers(decisions.slice(40), { version: 2, variant: "canary" });
    await world.buys(decisions.filter(() => random.next() < 0.3), 2);
    world.clock.advance(HOUR_MS / 4);
    const settled = random.next() < 0.5 ? monitor.settle() : Promise.resolve();
    if (random.next() < 0.7) await settled; // or in the middle of it
    await monitor.checkpoint();
    await settled;
    await monitor[Symbol.asyncDispose]();
    monitor = await world.open();
  }
  world.clock.advance(2 * HOUR_MS);
  await monitor.settle();
  world.saved.clear();
  await using straight = await world.open();
  await straight.settle();
  assert.deepEqual(known(monitor), known(straight));
  const { n } = monitor.rewards("ask", { version: 1 });
  assert.equal(n, 12 * 40);
  await monitor[Symbol.asyncDispose]();
});

test("a checkpoint taken while a batch is in hand has the batch whole or not at all", async () => {
  await using world = await openWorld();
  const loading = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const slow = await world.open({ profileOf: () => { asked.resolve(); return loading.promise.then(() => ({ profile, columns: ["activity.sales"] })); } });
  await world.answers(names("a", 20));
  await asked.promise;
  await slow.checkpoint();
  const { offsets } = world.saved.get("monitor")!;
  await using other = await world.open();
  await other.settle();
  assert.deepEqual([offsets[PREDICTIONS_LOG] ?? 0, other.traffic("ask")[0]?.requests], [0, 20]);
  loading.resolve();
  await slow[Symbol.asyncDispose]();
});

test("a checkpoint that is restarted twice without traffic is still all there; one of another format is derived again", async () => {
  await using world = await openWorld();
  const first = await world.open();
  await world.answers(names("a", 30));
  await first.settle();
  await first[Symbol.asyncDispose]();
  for (let time = 0; time < 2; time++) await (await world.open())[Symbol.asyncDispose]();
  const third = await world.open();
  assert.equal(third.traffic("ask")[0]?.requests, 30, "before anything new has come");
  await third[Symbol.asyncDispose]();
  for (const bytes of ["{", "null", "{\"format\":1,\"endpoints\":{}}"]) {
    world.saved.set("monitor", { offsets: { [PREDICTIONS_LOG]: 30 }, bytes: Buffer.from(bytes) });
    await using again = await world.open();
    await again.settle();
    assert.equal(again.traffic("ask")[0]?.requests, 30, bytes);
  }
});
