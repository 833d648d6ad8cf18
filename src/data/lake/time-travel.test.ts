/** Snapshots, restores, tiers and garbage collection in any order, with crashes between: a law over all of them. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { defineStream } from "../../define/index.ts";
import type { Stream } from "../../define/index.ts";
import { openDuckdbAnalytics } from "../../engines/duckdb/duckdb-analytics.ts";
import { clicks, openPlace, read, rowsOf, users } from "./lake-place.test.ts";
import type { Failure, Place } from "./lake-place.test.ts";
import type { Lake } from "./lake.ts";

const DAY_MS = 86_400_000;
const tiered = defineStream("clicks", { schema: clicks.schema, storage: { warmAfter: "1d", coldAfter: "3d" } }) as Stream;

const STEPS = ["flush", "snapshot", "pin", "unpin", "forget", "restore", "replay", "compact", "tiers", "day", "collect", "restart"] as const;
const FAILURES: readonly Failure[] = ["file", "record", "put", "remove"];
const steps = fc.array(fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("append" as const), rows: fc.integer({ min: 1, max: 25 }), which: fc.nat(9) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom(...STEPS), rows: fc.constant(0), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom(...FAILURES), rows: fc.constant(0), which: fc.nat(9) }) },
), { minLength: 6, maxLength: 24 });

interface Known {
  readonly id: string;
  readonly offsets: readonly number[];
  readonly endOffset: number;
  readonly pins: Set<string>;
}

/** What the lake must be, in the simplest words. */
class Model {
  appended = 0;
  next = 0;
  live: readonly number[] = [];
  readonly snapshots = new Map<string, Known>();

  flush(): void {
    this.live = [...this.live, ...range(this.next, this.appended)];
    this.next = this.appended;
  }

  take(id: string): void {
    if (!this.snapshots.has(id)) this.snapshots.set(id, { id, offsets: this.live, endOffset: this.next, pins: new Set() });
  }

  pick(which: number): Known | undefined {
    const all = [...this.snapshots.values()];
    return all[which % Math.max(1, all.length)];
  }
}

const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
const offsetsIn = async (lake: Lake, id: string): Promise<readonly unknown[]> => rowsOf(await read(lake, await lake.openSnapshot(id), ["who"]));
const rowsFor = (offsets: readonly number[]): readonly unknown[] => offsets.map((offset) => [offset, `user ${offset}`]);

/** A planned failure happens once; trying again must then do it. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof Error && thrown.message.endsWith(" failed"))) throw thrown;
    }
  }
  return work();
}

async function checkAll(place: Place, lake: Lake, model: Model): Promise<void> {
  place.failing = undefined;
  await lake.flush();
  model.flush();
  using held = await lake.hold();
  assert.deepEqual(rowsOf(await read(lake, held.snapshot, ["who"])), rowsFor(model.live), "the lake as it is");
  for (const { id, offsets } of model.snapshots.values()) assert.deepEqual(await offsetsIn(lake, id), rowsFor(offsets), `snapshot ${id.slice(0, 6)}`);
}

test("a referenced snapshot is whole after any sequence of appends, merges, tiers, restores, forgets, collections and crashes", async () => {
  await using analytics = openDuckdbAnalytics({ threads: 1, temporaryFolder: join(tmpdir(), "strata-travel-spill") });
  await fc.assert(fc.asyncProperty(steps, fc.constantFrom("local" as const, "blob" as const), async (plan, durable) => {
    await using place = await openPlace({ rowsPerFile: 20, maxSmallFiles: 2, rowsPerCompactedFile: 60, cacheBytes: 3_000, durable, analytics });
    place.streams.set("clicks", tiered);
    let lake = await place.openLake();
    const model = new Model();
    for (const { kind, rows, which } of plan) {
      const known = model.pick(which);
      switch (kind) {
        case "append":
          await place.append("clicks", users(rows, model.appended));
          model.appended += rows;
          break;
        case "flush":
          await persist(() => lake.flush());
          model.flush();
          break;
        case "snapshot": {
          await persist(() => lake.flush());
          model.flush();
          const { id } = await persist(() => lake.snapshot());
          model.take(id);
          break;
        }
        case "pin":
          if (known) await persist(() => lake.pin(known.id, "somebody")).then(() => known.pins.add("somebody"));
          break;
        case "unpin":
          if (known) await lake.unpin(known.id, "somebody").then(() => known.pins.delete("somebody"));
          break;
        case "forget":
          if (known === undefined) break;
          if (known.pins.size > 0) await assert.rejects(lake.forgetSnapshot(known.id), { code: "SNAPSHOT_PINNED" });
          else {
            await persist(() => lake.forgetSnapshot(known.id).catch((thrown: unknown) => { if (!(thrown instanceof Error && "code" in thrown && thrown.code === "SNAPSHOT_NOT_FOUND")) throw thrown; }));
            model.snapshots.delete(known.id);
          }
          break;
        case "restore":
        case "replay": {
          if (known === undefined) break;
          place.failing = undefined; // a restore that fails is one that did not happen; its parts are transactions
          await lake.flush();
          model.flush();
          const { undo } = await lake.restore(known.id, { isReplayed: kind === "replay" });
          model.take(undo);
          model.live = known.offsets;
          if (kind === "replay") model.next = known.endOffset;
          break;
        }
        case "compact":
          await persist(() => lake.compact());
          break;
        case "tiers":
          await persist(() => lake.applyPolicies());
          break;
        case "day":
          place.clock.advance(DAY_MS);
          break;
        case "collect":
          await persist(() => lake.collect());
          break;
        case "restart":
          await lake.close();
          place.failing = undefined;
          lake = await place.openLake();
          break;
        default:
          place.failing = kind;
      }
    }
    await checkAll(place, lake, model);
    for (const { id, pins } of model.snapshots.values()) {
      if (pins.size === 0) await lake.forgetSnapshot(id).then(() => model.snapshots.delete(id));
    }
    await lake.collect();
    await checkAll(place, lake, model);
    await lake.close();
    lake = await place.openLake();
    await checkAll(place, lake, model);
    const stored = (await lake.storage()).find(({ stream }) => stream === "clicks");
    const local = await readdir(join(place.folder, "clicks"));
    assert.equal(local.length, stored?.tiers.hot.files ?? 0, "no local file is left over");
    await lake.close();
  }), { numRuns: 40 });
});

test("a restore sets later events aside, goes on with new ones, and can be undone", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", users(3));
  await lake.flush();
  const first = await lake.snapshot({ note: "three users" });
  await place.append("clicks", users(2, 3));
  const { undo, streams } = await lake.restore(first.id.slice(0, 8));
  assert.deepEqual(streams, [{ stream: "clicks", nextOffset: 5, rowsBefore: 5, rowsAfter: 3 }]);
  await place.append("clicks", users(1, 5));
  await lake.flush();
  const names = async (): Promise<readonly unknown[]> => {
    using held = await lake.hold();
    return rowsOf(await read(lake, held.snapshot, ["who"])).map((row) => (row as readonly unknown[])[1]);
  };
  assert.deepEqual(await names(), ["user 0", "user 1", "user 2", "user 5"]);
  assert.equal((await lake.snapshots()).find(({ id }) => id === undo)?.note, `before restoring ${first.id.slice(0, 12)}`);
  await lake.restore(undo);
  assert.deepEqual(await names(), ["user 0", "user 1", "user 2", "user 3", "user 4"]);
  await lake.restore(undo, { isReplayed: true });
  await lake.flush();
  assert.deepEqual(await names(), ["user 0", "user 1", "user 2", "user 3", "user 4", "user 5"]);
  await assert.rejects(lake.restore("0000000"), { code: "SNAPSHOT_NOT_FOUND" });
  await assert.rejects(lake.restore(undo, { streams: ["nowhere"] }), { code: "STREAM_NOT_FOUND" });
});

test("a restore that the log cannot replay is refused, and the lake goes on as it was", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", users(2));
  await lake.flush();
  const first = await lake.snapshot();
  await place.append("clicks", users(2, 2));
  await lake.flush();
  const { statistics } = place.log;
  place.log.statistics = (stream) => ({ ...statistics.call(place.log, stream), oldestOffset: 3 });
  await assert.rejects(lake.restore(first.id, { isReplayed: true }), { code: "LAKE_RESTORE_REFUSED" });
  place.log.statistics = statistics;
  await place.append("clicks", users(1, 4));
  await lake.flush();
  assert.equal((await lake.storage())[0]!.rows, 5);
});

test("a stream as of a time has what was known by then", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", users(5));
  await lake.flush();
  using held = await lake.hold();
  const events = await lake.readEvents("clicks", { snapshot: held.snapshot, fields: ["who"], knownByMs: 2_001 });
  assert.deepEqual(rowsOf(events), rowsFor([0, 1, 2]));
});
