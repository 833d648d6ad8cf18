import assert from "node:assert/strict";
import { appendFile, mkdtemp, mkdir, open, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openEmbeddedEventLog } from "../engines/embedded/event-log.ts";
import { openSqliteDatabase } from "../engines/sqlite/database.ts";
import { systemClock } from "../kernel/clock.ts";
import { isStrataError } from "../kernel/errors.ts";
import { inspectDataFolder } from "./inspect.ts";

/** A data folder with 20 records in each of two logs, in files of their own. */
async function dataFolder() {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-inspect-"));
  await using log = await openEmbeddedEventLog({ folder: join(dataDir, "log"), clock: systemClock });
  for (const name of ["clicks", "orders"]) {
    for (let at = 0; at < 20; at++) await log.append(name, [{ id: `${at}`, timeMs: at, knownAtMs: at, payload: Buffer.from(`{"n":${at}}`) }]);
  }
  return { dataDir, [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }) };
}

async function segmentOf(dataDir: string, log: string): Promise<string> {
  const folder = join(dataDir, "log", "logs", log);
  return join(folder, (await readdir(folder))[0]!);
}

test("a folder without data has nothing to inspect, and gets nothing", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-inspect-"));
  try {
    assert.equal(await inspectDataFolder(dataDir), undefined);
    assert.deepEqual(await readdir(dataDir), []);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

test("whole logs are counted, one after another", async () => {
  await using data = await dataFolder();
  const seen: (readonly [number, number])[] = [];
  const found = await inspectDataFolder(data.dataDir, (done, total) => seen.push([done, total]));
  assert.deepEqual({ ...found, sizeBytes: 0 }, { logs: 2, records: 40, sizeBytes: 0, damages: [], databaseProblems: [] });
  assert.ok((found?.sizeBytes ?? 0) > 1000);
  assert.deepEqual(seen, [[1, 2], [2, 2]]);
});

test("a damaged record is named with its file, and every file stays as it is", async () => {
  await using data = await dataFolder();
  const path = await segmentOf(data.dataDir, "clicks");
  await using file = await open(path, "r+");
  await file.write(Buffer.from([0xff, 0xff]), 0, 2, (await file.stat()).size >> 1);
  const before = await readFile(path);
  const found = await inspectDataFolder(data.dataDir);
  assert.equal(found?.damages.length, 1);
  assert.deepEqual({ log: found?.damages[0]?.log, file: found?.damages[0]?.file, kind: found?.damages[0]?.kind }, { log: "clicks", file: path, kind: "corrupt" });
  assert.deepEqual(await readFile(path), before);
});

test("a torn tail is reported and not cut", async () => {
  await using data = await dataFolder();
  const path = await segmentOf(data.dataDir, "orders");
  await appendFile(path, Buffer.alloc(100, 7));
  const before = await readFile(path);
  for (let time = 0; time < 2; time++) {
    const found = await inspectDataFolder(data.dataDir);
    assert.deepEqual(found?.damages.map(({ log, kind }) => [log, kind]), [["orders", "torn-tail"]]);
    assert.equal(found?.records, 40);
  }
  assert.deepEqual(await readFile(path), before);
});

test("a folder in use is left alone", async () => {
  await using data = await dataFolder();
  await using log = await openEmbeddedEventLog({ folder: join(data.dataDir, "log"), clock: systemClock });
  await assert.rejects(inspectDataFolder(data.dataDir), (thrown) => isStrataError(thrown) && thrown.code === "DATA_DIR_LOCKED");
  assert.equal(log.statistics("clicks").nextOffset, 20);
});

test("the database is checked too", async () => {
  await using data = await dataFolder();
  const file = join(data.dataDir, "strata.db");
  await using database = await openSqliteDatabase({ file });
  await database.migrate("things", [{ name: "things", statements: ["create table thing (name text)"] }]);
  assert.deepEqual((await inspectDataFolder(data.dataDir))?.databaseProblems, []);
});

test("a file that is no database is a problem", async () => {
  await using data = await dataFolder();
  await mkdir(data.dataDir, { recursive: true });
  await writeFile(join(data.dataDir, "strata.db"), "x".repeat(4096));
  assert.deepEqual((await inspectDataFolder(data.dataDir))?.databaseProblems, ["file is not a database"]);
});
