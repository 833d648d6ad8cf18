/** The lake on real engines: each event once, whatever fails; snapshots that hold; schemas that change. */
import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { defineStream } from "../../define/index.ts";
import { openDuckdbAnalytics } from "../../engines/duckdb/duckdb-analytics.ts";
import { isStrataError } from "../../kernel/errors.ts";
import { openPlace, read, rowsOf, users } from "./lake-place.test.ts";
import type { LakeSnapshot } from "./snapshot.ts";

test("events come back with their fields, offsets and times", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", [{ who: "a", n: 1.5, fresh: true, tags: ["x", "y"] }, { who: "b", fresh: false }, { who: "", n: "no number", tags: null }]);
  await lake.flush();
  const snapshot = await lake.snapshot();
  const events = await read(lake, snapshot);
  assert.deepEqual(rowsOf(events), [[0, "a", 1.5, true, "[\"x\",\"y\"]"], [1, "b", NaN, false, undefined], [2, "", NaN, undefined, undefined]]);
  assert.deepEqual([...events.timesMs], [0, 1_000, 2_000]);
  assert.deepEqual([...events.knownAtMs], [1, 1_001, 2_001]);
  assert.deepEqual(rowsOf(await lake.readEvents("clicks", { snapshot, fields: ["who"], fromTimeMs: 1_000, toTimeMs: 2_000 })), [[1, "b"]]);
  assert.equal((await lake.readEvents("clicks", { snapshot, fields: ["who"], fromTimeMs: 9_000 })).rows, 0);
  assert.equal(lake.safeOffset("clicks"), 3);
  const statistics = lake.statistics()["clicks"]!;
  assert.deepEqual({ ...statistics, sizeBytes: statistics.sizeBytes > 0 }, { files: 1, rows: 3, sizeBytes: true, endOffset: 3, waitingRows: 0 });
  await assert.rejects(lake.readEvents("clicks", { snapshot, fields: ["nobody"] }), (thrown) => isStrataError(thrown) && thrown.code === "REQUEST_INVALID" && /"nobody"/.test(thrown.message));
  await assert.rejects(lake.flush("nowhere"), (thrown) => isStrataError(thrown) && thrown.code === "STREAM_NOT_FOUND");
});

/** What may happen between two looks at the lake. */
const steps = fc.array(fc.oneof(
  fc.record({ kind: fc.constant("append" as const), rows: fc.integer({ min: 1, max: 25 }) }),
  fc.record({ kind: fc.constantFrom("flush" as const, "restart" as const, "snapshot" as const, "fail file" as const, "fail record" as const) }),
), { minLength: 3, maxLength: 14 });

test("each event is in the lake exactly once, whatever fails or restarts, and snapshots never change", async () => {
  await using analytics = openDuckdbAnalytics({ threads: 1, temporaryFolder: join(tmpdir(), "strata-lake-spill") });
  await fc.assert(fc.asyncProperty(steps, async (plan) => {
    await using place = await openPlace({ rowsPerFile: 20, maxSmallFiles: 2, analytics });
    let lake = await place.openLake();
    const snapshots: { readonly id: string; readonly endOffset: number }[] = [];
    let appended = 0;
    const flushed = async (): Promise<void> => {
      await lake.flush().catch(() => lake.flush()); // the injected failure is thrown once
    };
    for (const step of plan) {
      if (step.kind === "append") await place.append("clicks", users(step.rows, (appended += step.rows) - step.rows));
      if (step.kind === "flush") await flushed();
      if (step.kind === "fail file") place.failing = "file";
      if (step.kind === "fail record") place.failing = "record";
      if (step.kind === "restart") {
        await lake.close();
        place.failing = undefined;
        lake = await place.openLake();
      }
      if (step.kind === "snapshot") {
        place.failing = undefined;
        const { id, streams } = await lake.snapshot();
        snapshots.push({ id, endOffset: streams["clicks"]?.endOffset ?? 0 });
      }
    }
    place.failing = undefined;
    await flushed();
    const last = await lake.snapshot();
    for (const { id, endOffset } of [...snapshots, { id: last.id, endOffset: appended }]) {
      const expected = Array.from({ length: endOffset }, (_, offset) => [offset, `user ${offset}`]);
      assert.deepEqual(rowsOf(await read(lake, await lake.openSnapshot(id), ["who"])), expected);
    }
    for (const id of new Set([...snapshots, last].map((snapshot) => snapshot.id))) await lake.forgetSnapshot(id);
    await lake.close();
    const kept = await place.openLake();
    assert.equal((await readdir(join(place.folder, "clicks"))).length, kept.statistics()["clicks"]!.files);
    await kept.close();
  }), { numRuns: 6 });
});

test("many small files become one, and a snapshot's files stay until it is forgotten", async () => {
  await using place = await openPlace({ maxSmallFiles: 3 });
  await using lake = await place.openLake();
  const snapshots: LakeSnapshot[] = [];
  for (let file = 0; file < 4; file++) {
    await place.append("clicks", users(2, file * 2));
    await lake.flush();
    if (file === 2) snapshots.push(await lake.snapshot());
  }
  assert.equal(lake.statistics()["clicks"]!.files, 1);
  assert.deepEqual(await readdir(join(place.folder, "clicks")), ["000000000000000-000000000000008.parquet"]); // which has the snapshot's rows too
  assert.equal((await read(lake, snapshots[0]!, ["who"])).rows, 6);
  assert.equal((await read(lake, await lake.snapshot(), ["who"])).rows, 8);
  await lake.forgetSnapshot(snapshots[0]!.id);
  assert.deepEqual(await readdir(join(place.folder, "clicks")), ["000000000000000-000000000000008.parquet"]);
  await assert.rejects(lake.openSnapshot(snapshots[0]!.id), (thrown) => isStrataError(thrown) && thrown.code === "SNAPSHOT_NOT_FOUND");
});

test("equal contents are one snapshot", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", users(1));
  await lake.flush();
  const first = await lake.snapshot();
  assert.deepEqual(await lake.snapshot(), first);
  assert.deepEqual(await lake.snapshots(), [{ id: first.id, createdAtMs: first.createdAtMs, note: "", pins: [], rows: 1, files: 1 }]);
});

test("a full buffer is stored without being asked", async () => {
  await using place = await openPlace({ rowsPerFile: 10 });
  await using lake = await place.openLake();
  for (let batch = 0; batch < 7; batch++) await place.append("clicks", users(5, batch * 5));
  while (lake.safeOffset("clicks") < 30) await new Promise((resolve) => { setImmediate(resolve); });
  assert.ok(lake.statistics()["clicks"]!.waitingRows <= 5);
});

test("a field added later is missing before; a changed kind or letter case gets a column of its own", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", [{ who: "a", n: 1, fresh: true }]);
  await lake.flush();
  place.streams.set("clicks", defineStream("clicks", { schema: z.object({ who: z.string(), n: z.string(), fresh: z.number(), Who: z.number(), strata_offset: z.string(), since: z.number() }) }));
  await place.append("clicks", [{ who: "b", n: "one", fresh: 2, Who: 7, strata_offset: "x", since: 3 }]);
  await lake.flush();
  const events = await read(lake, await lake.snapshot(), ["who", "n", "fresh", "Who", "strata_offset", "since"]);
  assert.deepEqual(rowsOf(events), [[0, "a", "1", NaN, NaN, undefined, NaN], [1, "b", "one", 2, 7, "x", 3]]); // numbers read as text, not the other way round
});

test("a stream that comes with a new definition is followed, from the log's oldest event", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("views", [{ who: "early" }]);
  place.streams.set("views", defineStream("views", { schema: z.object({ who: z.string() }) }));
  await lake.followNewStreams();
  await lake.flush("views");
  const events = await lake.readEvents("views", { snapshot: await lake.snapshot(), fields: ["who"] });
  assert.deepEqual(rowsOf(events), [[0, "early"]]);
});

test("a write that fails is told to who flushes, and the events are stored the next time", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", users(3));
  place.failing = "file";
  await assert.rejects(lake.flush(), /file failed/);
  await lake.flush();
  assert.equal((await read(lake, await lake.snapshot(), ["who"])).rows, 3);
});

test("files that nobody recorded are removed at the start", async () => {
  await using place = await openPlace();
  await (await place.openLake()).close();
  await writeFile(join(place.folder, "clicks", "000000000000000-000000000000009.parquet"), "half");
  await using lake = await place.openLake();
  assert.deepEqual(await readdir(join(place.folder, "clicks")), []);
  assert.equal(lake.safeOffset("clicks"), 0);
});

test("a signal ends the wait of a flush", async () => {
  await using place = await openPlace();
  await using lake = await place.openLake();
  await place.append("clicks", users(1));
  await assert.rejects(lake.flush("clicks", { signal: AbortSignal.abort() }), (thrown) => isStrataError(thrown) && thrown.code === "ABORTED");
  await lake.flush();
});
