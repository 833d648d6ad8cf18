/** SQL over the lake: the right rows, from as few files as the question allows, whatever tier they are in. */
import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { defineStream } from "../../define/index.ts";
import { openDuckdbSandbox } from "../../engines/duckdb/duckdb-sandbox.ts";
import { clicks, openPlace, read, rowsOf, users } from "./lake-place.test.ts";
import type { Place, PlaceOptions } from "./lake-place.test.ts";
import { planSql, runSqlJob } from "./lake-sql.ts";
import type { SqlReading } from "./lake-sql.ts";
import type { Lake } from "./lake.ts";

const LIMITS = { maxRows: 1_000, timeoutMs: 20_000 };
const DAY_MS = 86_400_000;

async function openSql(options: PlaceOptions = {}) {
  const place = await openPlace(options);
  const lake = await place.openLake();
  const sandbox = openDuckdbSandbox({ threads: 1, temporaryFolder: join(tmpdir(), "strata-sql-spill") });
  const ask = async (sql: string, asOf?: string): Promise<{ rows: unknown[]; reading: SqlReading; fetchedBytes: number }> => {
    await using planned = await planSql({ lake, sandbox }, { sql, asOf, limits: LIMITS });
    await using run = await runSqlJob(planned.job, { sandbox, cache: place.cache });
    const rows: unknown[] = [];
    for await (const piece of run.pieces) rows.push(...piece);
    return { rows, reading: planned.reading, fetchedBytes: run.fetchedBytes };
  };
  return { place, lake, ask, [Symbol.asyncDispose]: async () => {
    await sandbox.close();
    await lake.close();
    await place[Symbol.asyncDispose]();
  } };
}

/** Files of ten events each, a second apart. */
async function fillFiles(place: Place, lake: Lake, files: number): Promise<void> {
  for (let file = 0; file < files; file++) {
    await place.append("clicks", users(10, file * 10));
    await lake.flush();
  }
}

test("streams are tables with their own columns and fields by their latest kinds", async () => {
  await using world = await openSql();
  const { place, lake, ask } = world;
  await place.append("clicks", [{ who: "a", n: 1, fresh: true }]);
  await lake.flush();
  place.streams.set("clicks", defineStream("clicks", { schema: z.object({ who: z.string(), n: z.string(), event_time: z.number(), Who: z.number() }) }));
  await place.append("clicks", [{ who: "b", n: "one", event_time: 5, Who: 7 }]);
  await lake.flush();
  const { rows } = await ask("select * from clicks order by event_offset");
  assert.deepEqual(rows, [
    ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.001Z", 0, "a", "1", true, null, null, null],
    ["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:01.001Z", 1, "b", "one", null, null, 5, 7],
  ]);
  assert.deepEqual((await ask("describe clicks")).rows.map((row) => (row as unknown[])[0]), ["strata_event_time", "known_at", "event_offset", "who", "n", "fresh", "tags", "event_time", "Who_2"]);
});

test("conditions on event time skip files: the others are not even there", async () => {
  await using world = await openSql({ maxSmallFiles: 100 });
  const { place, lake, ask } = world;
  await fillFiles(place, lake, 8);
  const all = await ask("select count(*) from clicks");
  assert.deepEqual([all.rows, all.reading.files, all.reading.skippedFiles], [[[80]], 8, 0]);
  using held = await lake.hold();
  for (const { name, fromOffset } of held.snapshot.streams["clicks"]!.files) if (fromOffset !== 30 && fromOffset !== 40) await rm(join(place.folder, "clicks", name));
  const some = await ask("select who from clicks where event_time >= '1970-01-01 00:00:38' and event_time < '1970-01-01 00:00:42' order by event_time");
  assert.deepEqual(some.rows, [["user 38"], ["user 39"], ["user 40"], ["user 41"]]);
  assert.deepEqual([some.reading.files, some.reading.skippedFiles], [2, 6]);
  assert.equal((await readdir(join(place.folder, "clicks"))).length, 2, "what is skipped is not looked at");
  assert.deepEqual((await ask("select count(*) from clicks")).rows, [[80]], "what is missing is written again from the log");
});

test("hot, warm and cold files answer alike; what was fetched stays for the next question", async () => {
  await using world = await openSql({ maxSmallFiles: 100, rowsPerCompactedFile: 40 });
  const { place, lake, ask } = world;
  place.streams.set("clicks", defineStream("clicks", { schema: clicks.schema, storage: { warmAfter: "1d", coldAfter: "3d" } }));
  await fillFiles(place, lake, 6);
  using held = await lake.hold();
  const before = rowsOf(await read(lake, held.snapshot, ["who"]));
  const sum = "select count(*), min(who), max(who), sum(event_offset) from clicks";
  const { rows } = await ask(sum);

  place.clock.advance(2 * DAY_MS);
  assert.deepEqual(await lake.applyPolicies(), { clicks: { warmed: 6, cooled: 0, movedBytes: (await lake.storage())[0]!.tiers.warm.sizeBytes } });
  assert.deepEqual(await lake.applyPolicies(), { clicks: { warmed: 0, cooled: 0, movedBytes: 0 } });
  const warm = await ask(sum);
  assert.deepEqual([warm.rows, warm.reading.files, place.fetched.length, warm.fetchedBytes], [rows, 6, 6, (await lake.storage())[0]!.tiers.warm.sizeBytes]);
  assert.deepEqual(rowsOf(await read(lake, held.snapshot, ["who"])), before);
  assert.equal(place.fetched.length, 6);
  const one = await ask(`${sum} where event_time < '1970-01-01 00:00:05'`);
  assert.deepEqual([one.reading.files, one.reading.skippedFiles], [1, 5]);

  place.clock.advance(2 * DAY_MS);
  await lake.applyPolicies();
  const [storage] = await lake.storage();
  assert.deepEqual({ hot: storage!.tiers.hot.files, cold: storage!.tiers.cold.files, rows: storage!.rows }, { hot: 0, cold: 2, rows: 60 });
  assert.deepEqual((await ask(sum)).rows, rows);
  assert.deepEqual(rowsOf(await read(lake, held.snapshot, ["who"])), before);
});

test("a question as of a snapshot or a time sees the lake of then", async () => {
  await using world = await openSql();
  const { place, lake, ask } = world;
  await fillFiles(place, lake, 2);
  const { id } = await lake.snapshot();
  await fillFiles(place, lake, 1);
  assert.deepEqual((await ask("select count(*) from clicks")).rows, [[30]]);
  assert.deepEqual((await ask("select count(*) from clicks", id.slice(0, 10))).rows, [[20]]);
  assert.deepEqual((await ask("select count(*) from clicks", "1970-01-01T00:00:04.001Z")).rows, [[5]]);
  await assert.rejects(ask("select 1", "yesterday"), { code: "REQUEST_INVALID" });
  await assert.rejects(ask("select 1", "abcdef0123"), { code: "SNAPSHOT_NOT_FOUND" });
});

test("files that a snapshot keeps are read through the files they were merged into", async () => {
  await using world = await openSql({ maxSmallFiles: 100 });
  const { place, lake, ask } = world;
  await fillFiles(place, lake, 2);
  const { id } = await lake.snapshot();
  await fillFiles(place, lake, 3);
  const [compaction] = await lake.compact();
  assert.deepEqual([compaction!.filesBefore, compaction!.filesAfter], [5, 1]);
  assert.deepEqual((await ask("select count(*), max(event_offset) from clicks", id)).rows, [[20, 19]]);
  assert.deepEqual((await ask("select count(*), max(event_offset) from clicks")).rows, [[50, 49]]);
});
