/**
 * The relational store's contract as tests: `sqlConformance(engine, newPlace)` declares them for one engine.
 * They use what SQLite and PostgreSQL agree on: TEXT, BIGINT within the safe range, DOUBLE PRECISION, given keys.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Kysely } from "kysely";
import type { SqlDatabase, SqlMigration } from "../../src/ports/sql.ts";
import { caseDeclarer, type DeclareCase, type Skips } from "./cases.ts";

export interface SqlPlace extends AsyncDisposable {
  /** Opens the database of this place; the previous one was closed. */
  open(): Promise<SqlDatabase>;
}

type InDatabase = (work: (database: SqlDatabase, reopen: () => Promise<SqlDatabase>) => Promise<void>) => Promise<void>;

export function sqlConformance(engine: string, newPlace: () => Promise<SqlPlace>, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} relational store`, skips);
  const inDatabase: InDatabase = async (work) => {
    await using place = await newPlace();
    let database = await place.open();
    await database.migrate("shop", MIGRATIONS);
    try {
      await work(database, async () => {
        await database.close();
        return database = await place.open();
      });
    } finally {
      await database.close();
    }
  };
  declareQueries(declare, inDatabase);
  declareTransactions(declare, inDatabase);
  declareMigrations(declare, inDatabase);
  declareClosing(declare, inDatabase);
}

interface Tables {
  readonly customer: { readonly id: string; readonly name: string | null; readonly visits: number; readonly score: number | null; readonly active: number };
  readonly purchase: { readonly id: string; readonly customer: string; readonly amount: number };
}

const MIGRATIONS: readonly SqlMigration[] = [
  { name: "customers", statements: ["CREATE TABLE customer (id TEXT PRIMARY KEY, name TEXT, visits BIGINT NOT NULL DEFAULT 0 CHECK (visits >= 0), score DOUBLE PRECISION, active INTEGER NOT NULL DEFAULT 1)"] },
  { name: "purchases", statements: [
    "CREATE TABLE purchase (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customer (id), amount INTEGER NOT NULL)",
    "CREATE INDEX purchase_by_customer ON purchase (customer)",
  ] },
];

const ann = { id: "ann", name: "Ann", visits: 1, score: 0.5, active: 1 };

async function customers(database: Kysely<Tables>): Promise<readonly unknown[]> {
  return database.selectFrom("customer").selectAll().orderBy("id").execute();
}

function declareQueries(declare: DeclareCase, inDatabase: InDatabase): void {
  declare("inserts, reads, updates, deletes; RETURNING and ON CONFLICT work", () => inDatabase(async (database) => {
    const sql = database.as<Tables>();
    assert.deepEqual(await sql.insertInto("customer").values(ann).returningAll().executeTakeFirstOrThrow(), ann);
    const again = sql.insertInto("customer").values({ ...ann, visits: 5 });
    const upserted = await again.onConflict((conflict) => conflict.column("id").doUpdateSet({ visits: 5 })).returning("visits").execute();
    assert.deepEqual(upserted, [{ visits: 5 }]);
    const updated = await sql.updateTable("customer").set((column) => ({ visits: column("visits", "+", 2) })).where("id", "=", "ann").executeTakeFirst();
    assert.equal(updated.numUpdatedRows, 1n);
    assert.deepEqual(await customers(sql), [{ ...ann, visits: 7 }]);
    const inserted = await sql.insertInto("purchase").values([{ id: "a", customer: "ann", amount: 3 }, { id: "b", customer: "ann", amount: 4 }]).returning("id").execute();
    assert.deepEqual(inserted, [{ id: "a" }, { id: "b" }]);
    assert.equal((await sql.deleteFrom("purchase").where("amount", ">", 3).executeTakeFirst()).numDeletedRows, 1n);
  }));

  declare("values of the portable subset come back as they went in", () => inDatabase(async (database) => {
    const sql = database.as<Tables>();
    const row = fc.record({
      id: fc.uuid(), name: fc.option(fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"))),
      visits: fc.maxSafeNat(), score: fc.option(fc.double({ noNaN: true })), active: fc.constantFrom(0, 1),
    });
    await fc.assert(fc.asyncProperty(row, async (row) => {
      const [found] = await sql.insertInto("customer").values(row).returningAll().execute();
      assert.deepEqual({ ...found, score: (found?.score ?? 0) + 0 }, { ...row, score: (row.score ?? 0) + 0 }); // -0 is 0 to some
    }), { numRuns: 50 });
  }));

  declare("a result can be streamed", () => inDatabase(async (database) => {
    const sql = database.as<Tables>();
    await sql.insertInto("customer").values(Array.from({ length: 250 }, (_, i) => ({ ...ann, id: String(i).padStart(3, "0") }))).execute();
    const seen: string[] = [];
    for await (const { id } of sql.selectFrom("customer").select("id").orderBy("id").stream(100)) seen.push(id);
    assert.deepEqual([seen.length, seen[0], seen.at(-1)], [250, "000", "249"]);
    for await (const { id } of sql.selectFrom("customer").select("id").stream(100)) if (id !== "") break; // a reader may give up
    assert.equal((await customers(sql)).length, 250);
  }));

  declare("a violated constraint says which kind, and keeps the driver's error as cause", () => inDatabase(async (database) => {
    const sql = database.as<Tables>();
    await sql.insertInto("customer").values(ann).execute();
    const refused = async (work: Promise<unknown>): Promise<unknown> => work.then(() => "accepted", (thrown) => [thrown.code, thrown.details.constraint, thrown.cause instanceof Error]);
    assert.deepEqual(await refused(sql.insertInto("customer").values(ann).execute()), ["SQL_CONSTRAINT", "unique", true]);
    assert.deepEqual(await refused(sql.insertInto("purchase").values({ id: "a", customer: "nobody", amount: 1 }).execute()), ["SQL_CONSTRAINT", "foreign-key", true]);
    assert.deepEqual(await refused(sql.updateTable("customer").set({ visits: -1 }).execute()), ["SQL_CONSTRAINT", "check", true]);
    const missing: unknown = null;
    assert.deepEqual(await refused(sql.updateTable("customer").set({ visits: missing as number }).execute()), ["SQL_CONSTRAINT", "not-null", true]);
    await assert.rejects(database.as<{ nothing: { id: string } }>().selectFrom("nothing").selectAll().execute(), { code: "SQL_FAILED" });
  }));
}

function declareTransactions(declare: DeclareCase, inDatabase: InDatabase): void {
  declare("a transaction is kept when its work resolves, also after a restart, and undone when it rejects", () => inDatabase(async (database, reopen) => {
    const result = await database.transaction<Tables, number>(async (transaction) => {
      await transaction.insertInto("customer").values(ann).execute();
      return (await customers(transaction)).length;
    });
    assert.equal(result, 1);
    const failing = database.transaction<Tables, void>(async (transaction) => {
      await transaction.insertInto("customer").values({ ...ann, id: "bob" }).execute();
      throw new Error("changed my mind");
    });
    await assert.rejects(failing, { message: "changed my mind" });
    assert.deepEqual(await customers((await reopen()).as<Tables>()), [ann]);
  }));

  declare("a conflict that may be ignored does not spoil its transaction", () => inDatabase(async (database) => {
    await database.transaction<Tables, void>(async (transaction) => {
      await transaction.insertInto("customer").values(ann).onConflict((conflict) => conflict.doNothing()).execute();
      const { numInsertedOrUpdatedRows } = await transaction.insertInto("customer").values(ann).onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
      assert.equal(numInsertedOrUpdatedRows, 0n);
    });
    assert.deepEqual(await customers(database.as<Tables>()), [ann]);
  }));

  declare("other queries see nothing of an unfinished transaction, and increments that overlap all count", () => inDatabase(async (database) => {
    const sql = database.as<Tables>();
    await sql.insertInto("customer").values({ ...ann, visits: 0 }).execute();
    const increment = (): Promise<void> => database.transaction<Tables, void>(async (transaction) => {
      const { visits } = await transaction.selectFrom("customer").select("visits").executeTakeFirstOrThrow();
      await transaction.updateTable("customer").set({ visits: visits + 1, name: "half" }).execute();
      await new Promise((resolve) => setImmediate(resolve)); // others get their chance to interleave
      await transaction.updateTable("customer").set({ name: "done" }).execute();
    });
    const looks = Array.from({ length: 20 }, async (_, i) => {
      const incremented = increment();
      const { name } = i % 2 === 0 ? await sql.selectFrom("customer").select("name").executeTakeFirstOrThrow() : { name: "done" };
      await incremented;
      return name;
    });
    assert.deepEqual(new Set(await Promise.all(looks)).has("half"), false);
    assert.equal((await sql.selectFrom("customer").select("visits").executeTakeFirstOrThrow()).visits, 20);
  }));
}

function declareMigrations(declare: DeclareCase, inDatabase: InDatabase): void {
  declare("migrations are applied once, per domain, also after a restart", () => inDatabase(async (database, reopen) => {
    await database.as<Tables>().insertInto("customer").values(ann).execute();
    const again = await reopen();
    await again.migrate("shop", MIGRATIONS);
    const more = [...MIGRATIONS, { name: "notes", statements: ["CREATE TABLE note (id TEXT PRIMARY KEY)"] }];
    await again.migrate("shop", more);
    await again.migrate("other", [{ name: "customers", statements: ["CREATE TABLE other_customer (id TEXT PRIMARY KEY)"] }]);
    assert.deepEqual(await customers(again.as<Tables>()), [ann]);
    assert.deepEqual(await again.as<{ note: { id: string } }>().selectFrom("note").selectAll().execute(), []);
  }));

  declare("a migration that fails leaves nothing of itself, and those before it", () => inDatabase(async (database) => {
    const good = { name: "good", statements: ["CREATE TABLE good (id TEXT PRIMARY KEY)"] };
    const bad = { name: "bad", statements: ["CREATE TABLE half (id TEXT PRIMARY KEY)", "CREATE TABLE good (id TEXT PRIMARY KEY)"] };
    await assert.rejects(database.migrate("shop2", [good, bad]), { code: "SQL_FAILED" });
    await assert.rejects(database.as<{ half: { id: string } }>().selectFrom("half").selectAll().execute(), { code: "SQL_FAILED" });
    await database.migrate("shop2", [good, { name: "bad", statements: ["CREATE TABLE half (id TEXT PRIMARY KEY)"] }]);
    assert.deepEqual(await database.as<{ half: { id: string } }>().selectFrom("half").selectAll().execute(), []);
  }));

  declare("a changed, renamed or missing applied migration is refused before anything is applied", () => inDatabase(async (database) => {
    const [first, second] = MIGRATIONS as [SqlMigration, SqlMigration];
    const third = { name: "third", statements: ["CREATE TABLE third (id TEXT PRIMARY KEY)"] };
    const refused = { code: "SQL_MIGRATION_MISMATCH" };
    await assert.rejects(database.migrate("shop", [first, { ...second, statements: ["SELECT 1"] }, third]), refused);
    await assert.rejects(database.migrate("shop", [first, { ...second, name: "renamed" }, third]), refused);
    await assert.rejects(database.migrate("shop", [first]), refused);
    await assert.rejects(database.as<{ third: { id: string } }>().selectFrom("third").selectAll().execute(), { code: "SQL_FAILED" });
  }));
}

function declareClosing(declare: DeclareCase, inDatabase: InDatabase): void {
  declare("close waits for transactions that run; afterwards everything is refused with CLOSED", () => inDatabase(async (database, reopen) => {
    const sql = database.as<Tables>();
    const running = database.transaction<Tables, void>(async (transaction) => {
      await new Promise((resolve) => setImmediate(resolve));
      await transaction.insertInto("customer").values(ann).execute();
    });
    await Promise.all([running, database.close(), database.close()]);
    for (let i = 0; i < 2; i++) await assert.rejects(customers(sql), { code: "CLOSED" });
    await assert.rejects(database.transaction(async () => 1), { code: "CLOSED" });
    await assert.rejects(database.migrate("shop", MIGRATIONS), { code: "CLOSED" });
    assert.deepEqual(await customers((await reopen()).as<Tables>()), [ann]);
  }));
}
