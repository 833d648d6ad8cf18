/** The SQLite database: the relational store's contract, and what is SQLite's own. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { openSqliteDatabase } from "../../src/engines/sqlite/database.ts";
import { sqlConformance } from "./sql.ts";
import { temporaryFolder } from "./temporary-folder.ts";

sqlConformance("SQLite", async () => {
  const folder = await temporaryFolder();
  return {
    open: () => openSqliteDatabase({ file: join(folder.path, "sub", "metadata.sqlite") }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

test("the database is opened durable: write-ahead log, synchronous=FULL, foreign keys on", async () => {
  await using folder = await temporaryFolder();
  await using database = await openSqliteDatabase({ file: join(folder.path, "metadata.sqlite") });
  const pragma = async (name: string): Promise<unknown> => Object.values((await sql.raw(`PRAGMA ${name}`).execute(database.as<object>())).rows[0] as object)[0];
  assert.deepEqual(await Promise.all(["journal_mode", "synchronous", "foreign_keys", "busy_timeout"].map(pragma)), ["wal", 2, 1, 5_000]);
});

test("whole numbers are bound as integers, also where no column gives a type; booleans as 0/1; JSON can be asked for its members", async () => {
  await using database = await openSqliteDatabase({ file: ":memory:" });
  const { rows } = await sql`SELECT json_object('n', ${5}) AS json, ${'{"city":"Köln"}'} ->> 'city' AS city, typeof(${2 ** 53 - 1}) AS large, typeof(${0.5}) AS half, ${true} AS flag`.execute(database.as<object>());
  assert.deepEqual(rows, [{ json: '{"n":5}', city: "Köln", large: "integer", half: "real", flag: 1 }]);
});

test("values SQLite would silently change are refused", async () => {
  await using database = await openSqliteDatabase({ file: ":memory:" });
  for (const value of [Number.NaN, { id: 1 }, [1], new Date(0), undefined, 2n ** 63n]) {
    await assert.rejects(sql`SELECT ${value}`.execute(database.as<object>()), { code: "SQL_FAILED" });
  }
  await assert.rejects(sql`SELECT ${2n ** 60n} AS n`.execute(database.as<object>()), { code: "SQL_FAILED" }); // not exact as a number
});

test("a query outside a transaction, started inside it, is refused instead of waiting for ever", async () => {
  await using database = await openSqliteDatabase({ file: ":memory:" });
  const outside = database.transaction(async () => sql`SELECT 1`.execute(database.as<object>()));
  await assert.rejects(outside, { code: "SQL_DEADLOCK" });
  await assert.rejects(database.transaction(async () => database.transaction(async () => 1)), { code: "SQL_DEADLOCK" });
  assert.equal(await database.transaction(async () => 7), 7);
});

test("savepoints of a controlled transaction work", async () => {
  await using database = await openSqliteDatabase({ file: ":memory:" });
  const kysely = database.as<{ t: { a: number } }>();
  await database.migrate("t", [{ name: "t", statements: ["CREATE TABLE t (a INTEGER)"] }]);
  const transaction = await kysely.startTransaction().execute();
  const saved = await transaction.savepoint("before").execute();
  await saved.insertInto("t").values({ a: 1 }).execute();
  await saved.rollbackToSavepoint("before").execute();
  await transaction.insertInto("t").values({ a: 2 }).execute();
  await transaction.commit().execute();
  assert.deepEqual(await kysely.selectFrom("t").selectAll().execute(), [{ a: 2 }]);
});

test("a prepared statement follows a change of its table", async () => {
  await using database = await openSqliteDatabase({ file: ":memory:" });
  const kysely = database.as<{ t: { a: number } }>();
  const first = { name: "t", statements: ["CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)"] };
  await database.migrate("t", [first]);
  assert.deepEqual(await kysely.selectFrom("t").selectAll().execute(), [{ a: 1 }]);
  await database.migrate("t", [first, { name: "b", statements: ["ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'new'"] }]);
  assert.deepEqual(await kysely.selectFrom("t").selectAll().execute(), [{ a: 1, b: "new" }]);
});

test("a file that is no database is said to be none, and one that is locked to be locked", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "metadata.sqlite");
  await writeFile(file, "this is not a database, but long enough to be read as the header of one, as SQLite wants one hundred bytes");
  await assert.rejects(openSqliteDatabase({ file }), { code: "FILE_INVALID" });
  const other = join(folder.path, "other.sqlite");
  await using first = await openSqliteDatabase({ file: other });
  await using second = await openSqliteDatabase({ file: other, busyTimeoutMs: 1 });
  await first.transaction(async () => {
    await assert.rejects(second.transaction(async () => 1), { code: "SQL_BUSY" });
  });
  assert.equal(await second.transaction(async () => 1), 1);
});
