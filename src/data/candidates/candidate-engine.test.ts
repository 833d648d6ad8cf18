/** The engine on real logs and checkpoints; an online index equals a replay of the stored columns, bit for bit. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { defineApplication, defineCandidates, defineEntity, defineStream, interaction } from "../../define/index.ts";
import type { Application, Candidates } from "../../define/index.ts";
import { openEmbeddedEventLog } from "../../engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../engines/embedded/state-store.ts";
import { createManualClock } from "../../kernel/clock.ts";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { StateStore } from "../../ports/state-store.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import { createEventBuffer } from "../lake/event-buffer.ts";
import { OFFSET_COLUMN } from "../lake/lake-file.ts";
import { createEventDecoder } from "../streams/event-decoder.ts";
import { createCandidateEngine } from "./candidate-engine.ts";
import type { CandidateEngine, CandidateEngineOptions } from "./candidate-engine.ts";
import { createCandidateIndex } from "./candidate-index.ts";
import { createInteractionReaders } from "./interaction-reader.ts";

type Row = Readonly<Record<string, unknown>>;

const orders = defineStream("orders", { schema: z.object({ user: z.string(), item: z.string(), order: z.string().optional() }) });
const views = defineStream("views", { schema: z.object({ user: z.string(), item: z.union([z.string(), z.number()]) }) });

function applicationOf(limit = 5, name = "similar"): Application {
  return defineApplication("shop", [defineCandidates(name, {
    user: defineEntity("user"), item: defineEntity("item"), limit,
    interactions: [
      interaction(orders, { user: (e) => e.user, item: (e) => e.item, basket: (e) => e.order }),
      interaction(views, { user: (e) => e.user, item: (e) => e.user }),
    ],
  })]);
}

interface Place extends AsyncDisposable {
  readonly log: EventLog;
  readonly states: StateStore;
  readonly lines: string[];
  append(stream: string, rows: readonly Row[]): Promise<void>;
  open(application?: Application, options?: Partial<Omit<CandidateEngineOptions, "application">>): Promise<CandidateEngine>;
}

async function openPlace(segmentBytes = 2 ** 20): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), "strata-candidates-"));
  const clock = createManualClock(1_000_000);
  const log = await openEmbeddedEventLog({ folder: join(root, "log"), clock, segmentBytes });
  const states = await openEmbeddedStateStore({ folder: join(root, "states") });
  const lines: string[] = [];
  return {
    log, states, lines,
    append: async (stream, rows) => {
      await log.append(stream, rows.map((row, index) => ({ id: String(index), timeMs: clock.now(), knownAtMs: clock.now(), payload: Buffer.from(JSON.stringify(row)) })));
    },
    open: async (application = applicationOf(), options = {}) => {
      const engine = createCandidateEngine({
        application: () => application, log, states, clock, decoder: createEventDecoder(), meter: silentMeter,
        logger: { log: (level, message) => void lines.push(`${level}: ${message}`) }, ...options,
      });
      await engine.start();
      return engine;
    },
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

const buy = (user: string, item: string, order: string): Row => ({ user, item, order });
const ask = (engine: CandidateEngine, user: string): unknown => engine.query("similar", { user, seedItems: [], atMs: 1_000_000 });

test("an acknowledged event is seen after fresh, together with its offset", async () => {
  await using place = await openPlace();
  await using engine = await place.open();
  await place.append("orders", [buy("ann", "tea", "1"), buy("ann", "cup", "1")]);
  await engine.fresh(["orders"]);
  assert.deepEqual(engine.query("similar", { user: "ann", seedItems: [], atMs: 1_000_000 }).map(({ item }) => item).toSorted(), ["cup", "tea"]);
  assert.deepEqual(engine.appliedOffsets("similar"), { orders: 2, views: 0 });
  assert.deepEqual(engine.statistics(), [{ candidates: "similar", items: 2, users: 1, appliedOffsets: { orders: 2, views: 0 } }]);
  assert.throws(() => engine.query("nothing", { user: "ann", seedItems: [], atMs: 0 }), (thrown) => isStrataError(thrown) && thrown.code === "NOT_FOUND" && /similar/.test(thrown.hint));
});

test("a restart continues from the checkpoint; a damaged one, or one ahead of the log, is rebuilt", async () => {
  await using place = await openPlace();
  const replayed: number[] = [];
  const restart = async (states = place.states): Promise<unknown> => {
    let events = 0;
    const meter = { ...silentMeter, counter: () => ({ add: (amount: number) => void (events += amount) }) };
    const engine = await place.open(applicationOf(), { meter, states });
    await engine.fresh();
    const answer = ask(engine, "ann");
    await engine.stop();
    replayed.push(events);
    return answer;
  };
  await place.append("orders", [buy("ann", "tea", "1"), buy("bob", "tea", "2"), buy("bob", "cup", "2")]);
  const first = await restart();
  assert.deepEqual(await restart(), first);
  const damaged = { ...place.states, load: async () => { throw new StrataError("STATE_CORRUPT", { file: "x", reason: "a bit fell" }); } };
  assert.deepEqual(await restart(damaged), first);
  const ahead = { ...place.states, load: async () => ({ offsets: { orders: 99, views: 0 }, bytes: new Uint8Array(0) }) };
  assert.deepEqual(await restart(ahead), first);
  assert.deepEqual(replayed, [3, 0, 3, 3]);
  assert.deepEqual(place.lines.map((line) => line.split(":")[0]), ["warn", "warn"]);
});

test("a checkpoint is written after so many events", async () => {
  await using place = await openPlace();
  await using engine = await place.open(applicationOf(), { checkpointEvents: 2 });
  await place.append("orders", [buy("ann", "tea", "1"), buy("ann", "cup", "1")]);
  await engine.fresh();
  await place.append("orders", [buy("ann", "pot", "1")]);
  await engine.fresh();
  while ((await place.states.names()).length === 0) await new Promise((resolve) => { setImmediate(resolve); });
  const [name] = await place.states.names();
  assert.ok((await place.states.load(name!))!.offsets["orders"]! >= 2);
});

test("a changed definition is built beside the old one and swapped in; a removed one is gone with its checkpoint", async () => {
  await using place = await openPlace();
  await using engine = await place.open();
  await place.append("orders", ["tea", "cup", "pot"].map((item) => buy("ann", item, "1")));
  await engine.fresh();
  await engine.checkpoint();
  const changing = engine.applyDefinition(applicationOf(1));
  assert.equal((ask(engine, "ann") as unknown[]).length, 3);
  await changing;
  assert.equal((ask(engine, "ann") as unknown[]).length, 1);
  await engine.checkpoint();
  const [name, ...others] = await place.states.names();
  assert.ok(name !== undefined && others.length === 0);
  await engine.applyDefinition(applicationOf(1, "other"));
  assert.throws(() => ask(engine, "ann"), /NOT_FOUND|no candidate source/);
  assert.deepEqual(await place.states.names(), []);
});

test("events that the log has dropped come from the history, or are reported missing", async () => {
  await using place = await openPlace(1);
  for (const item of ["tea", "cup", "pot"]) await place.append("orders", [buy("ann", item, "1")]);
  await place.log.retain("orders", { maxBytes: 1 });
  const { oldestOffset } = place.log.statistics("orders");
  assert.equal(oldestOffset, 2);
  const all = columnsOf("orders", [buy("ann", "tea", "1"), buy("ann", "cup", "1"), buy("ann", "pot", "1")]);
  const complete = await place.open(applicationOf(), { history: async () => all, states: { ...place.states, save: async () => undefined } });
  await complete.fresh();
  assert.equal((ask(complete, "ann") as unknown[]).length, 3);
  await complete.stop();
  assert.deepEqual(place.lines, []);
  await using partial = await place.open();
  await partial.fresh();
  assert.equal((ask(partial, "ann") as unknown[]).length, 1);
  assert.deepEqual(place.lines, ["error: Candidates miss events that the log has dropped"]);
});

/** Rows whose fields are what a hostile or older producer may send. */
const value = fc.oneof(fc.constantFrom<unknown>("ann", "bob", "tea", "cup", "\ud800", "a\u001fb", "", null, undefined, 1, 1.5, true, ["x"]), fc.string({ maxLength: 2 }));
const rows = fc.array(fc.record({ user: value, item: value, order: value }), { maxLength: 25 });

test("an index fed online equals one fed from the lake's columns, bit for bit", () => {
  const candidates: Candidates = applicationOf(50).candidates.get("similar")!;
  fc.assert(fc.property(fc.record({ orders: rows, views: rows }), (events) => {
    const online = createCandidateIndex(candidates), replayed = createCandidateIndex(candidates);
    const users = new Set<string>(["ann"]);
    for (const [stream, reader] of createInteractionReaders(candidates)) {
      const sent = events[stream as keyof typeof events];
      const batch = { stream, baseOffset: 0, rows: sent, timesMs: timesOf(sent), knownAtMs: timesOf(sent) };
      reader.readBatch(batch, 0, sent.length, (done) => {
        if (done.user !== undefined) users.add(done.user);
        online.apply(done);
      });
      const columns = columnsOf(stream, sent);
      const visit = reader.overColumns(columns);
      for (let row = 0; row < columns.rows; row++) visit(row, replayed.apply);
    }
    for (const user of users) {
      const query = { user, seedItems: ["tea", "1"], atMs: 40 };
      assert.deepEqual(replayed.query(query), online.query(query));
    }
  }), { numRuns: 150 });
});

function timesOf(sent: readonly Row[]): Float64Array {
  return Float64Array.from(sent, (_, index) => index);
}

/** What the lake would give back, with text as Parquet keeps it. */
function columnsOf(stream: string, sent: readonly Row[]): EventColumns {
  const buffer = createEventBuffer((stream === "orders" ? orders : views).schema, 0);
  buffer.append({ stream, baseOffset: 0, rows: sent, timesMs: timesOf(sent), knownAtMs: timesOf(sent) });
  const { table, file } = buffer.finish([]);
  const columns = Object.fromEntries(file.fields.map(({ field, column }) => {
    const stored = table.columns[column]!;
    return [field, stored.kind === "text" ? { ...stored, dictionary: stored.dictionary.map((text) => text.toWellFormed()) } : stored];
  }));
  const offsets = table.columns[OFFSET_COLUMN]!;
  return { rows: table.rows, offsets: offsets.kind === "number" ? offsets.values : timesOf(sent), timesMs: timesOf(sent), knownAtMs: timesOf(sent), columns };
}
