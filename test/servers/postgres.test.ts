/** The PostgreSQL database against a real server: the relational store's contract, and what is PostgreSQL's own. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { openPostgresBudgetLedger } from "../../src/engines/postgres/budget-ledger.ts";
import { openPostgresDatabase } from "../../src/engines/postgres/database.ts";
import { openPostgresStateStore } from "../../src/engines/postgres/state-store.ts";
import { budgetLedgerConformance } from "../conformance/budget-ledger.ts";
import { budgetLedgerProcesses } from "../conformance/budget-ledger-processes.ts";
import { sqlConformance } from "../conformance/sql.ts";
import { stateStoreConformance } from "../conformance/state-store.ts";
import { openPostgresServer } from "./postgres.ts";

const opened = await openPostgresServer();
if ("obstacle" in opened) {
  test("PostgreSQL", { skip: opened.obstacle });
} else {
  const { server } = opened;
  after(() => server[Symbol.asyncDispose]());

  sqlConformance("PostgreSQL", async () => {
    const url = await server.newDatabase();
    return { open: () => openPostgresDatabase({ url }), [Symbol.asyncDispose]: async () => undefined };
  });

  stateStoreConformance("PostgreSQL", async () => {
    const url = await server.newDatabase();
    const opened: AsyncDisposable[] = [];
    return {
      open: async () => {
        const store = await openPostgresStateStore({ url, connections: 2 });
        opened.push(store);
        return store;
      },
      [Symbol.asyncDispose]: async () => { for (const store of opened) await store[Symbol.asyncDispose](); },
    };
  });

  test("a damaged checkpoint gives way to the one before it, is not kept in its place, and is STATE_CORRUPT without one", async () => {
    const url = await server.newDatabase();
    await using store = await openPostgresStateStore({ url });
    await using database = await openPostgresDatabase({ url });
    const damage = (where: string): Promise<unknown> => sql.raw(`UPDATE state_piece SET bytes = set_byte(bytes, 1, 9) WHERE ${where}`).execute(database.as<object>());
    const large = Buffer.alloc(2_500_000, "state");
    await store.save("windows", { offsets: { clicks: 1 }, bytes: large });
    await store.save("windows", { offsets: { clicks: 2 }, bytes: Buffer.from("second") });
    await damage("generation = 2");
    await using again = await openPostgresStateStore({ url }); // a process that did not write it itself
    assert.equal((await store.load("windows"))?.offsets["clicks"], 1);
    await again.save("windows", { offsets: { clicks: 3 }, bytes: Buffer.from("third") });
    await damage("generation = 3");
    assert.ok(large.equals((await store.load("windows"))!.bytes));
    await damage("true");
    await assert.rejects(store.load("windows"), { code: "STATE_CORRUPT" });
  });

  budgetLedgerConformance("PostgreSQL", async () => {
    const url = await server.newDatabase();
    return { open: () => openPostgresBudgetLedger({ url }), [Symbol.asyncDispose]: async () => undefined };
  });

  budgetLedgerProcesses("PostgreSQL", async () => {
    const address = await server.newDatabase();
    return { address, open: () => openPostgresBudgetLedger({ url: address }), [Symbol.asyncDispose]: async () => undefined };
  });

  const MIGRATIONS = [{ name: "t", statements: ["CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER NOT NULL)"] }];
  interface Tables { readonly t: { readonly id: string; readonly n: number } }

  test("the portable subset keeps its meaning: 64-bit integers, doubles, bytes, text in the order of its bytes", async () => {
    await using database = await openPostgresDatabase({ url: await server.newDatabase() });
    await database.migrate("kinds", [{ name: "kinds", statements: ["create table kinds (text text primary key, \"integer\" integer, real real, blob blob, note text default 'a text, an integer')"] }]);
    const kysely = database.as<{ kinds: { text: string; integer: number | null; real: number | null; blob: Uint8Array | null; note?: string } }>();
    const words = ["b", "A", "a", "Z", "ä", "_", "10", "9"];
    await kysely.insertInto("kinds").values(words.map((text) => ({ text, integer: 2 ** 53 - 1, real: 0.1, blob: Buffer.from([0, 255]) }))).execute();
    const rows = await kysely.selectFrom("kinds").selectAll().orderBy("text").execute();
    assert.deepEqual(rows.map(({ text }) => text), words.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    assert.deepEqual({ ...rows[0], blob: [...rows[0]!.blob!] }, { text: "10", integer: 2 ** 53 - 1, real: 0.1, blob: [0, 255], note: "a text, an integer" });
    const { rows: [computed] } = await sql`SELECT count(*) AS count, sum("integer") AS sum, exists(SELECT 1) AS flag FROM kinds`.execute(kysely);
    assert.deepEqual(computed, { count: 8, sum: 8 * (2 ** 53 - 1), flag: 1 });
    await assert.rejects(sql`SELECT 9007199254740993::bigint AS n`.execute(kysely), { code: "SQL_FAILED", message: /not exact/ });
    for (const value of [Number.NaN, { id: 1 }]) await assert.rejects(kysely.insertInto("kinds").values({ text: "x", integer: value as number, real: null, blob: null }).execute(), { code: "SQL_FAILED" });
  });

  test("processes that migrate at the same time apply each migration once", async () => {
    const url = await server.newDatabase();
    const databases = await Promise.all(Array.from({ length: 5 }, () => openPostgresDatabase({ url, connections: 2 })));
    await Promise.all(databases.map((database, i) => database.migrate("t", i % 2 === 0 ? MIGRATIONS : [...MIGRATIONS, { name: "more", statements: ["INSERT INTO t VALUES ('once', 1)"] }]).catch((thrown: unknown) => {
      if ((thrown as { code?: string }).code !== "SQL_MIGRATION_MISMATCH") throw thrown; // the older code came after the newer
    })));
    assert.deepEqual(await databases[0]!.as<Tables>().selectFrom("t").selectAll().execute(), [{ id: "once", n: 1 }]);
    for (const database of databases) await database.close();
  });

  test("transactions of several processes that read and then write the same row all count", async () => {
    const url = await server.newDatabase();
    const databases = await Promise.all(Array.from({ length: 3 }, () => openPostgresDatabase({ url, connections: 4 })));
    await databases[0]!.migrate("t", MIGRATIONS);
    await databases[0]!.as<Tables>().insertInto("t").values({ id: "a", n: 0 }).execute();
    await Promise.all(Array.from({ length: 30 }, (_, i) => databases[i % 3]!.transaction<Tables, void>(async (transaction) => {
      const { n } = await transaction.selectFrom("t").select("n").where("id", "=", "a").executeTakeFirstOrThrow();
      await transaction.updateTable("t").set({ n: n + 1 }).where("id", "=", "a").execute();
    })));
    assert.deepEqual(await databases[1]!.as<Tables>().selectFrom("t").selectAll().execute(), [{ id: "a", n: 30 }]);
    for (const database of databases) await database.close();
  });

  test("a transaction whose statement failed is never kept in silence", async () => {
    await using database = await openPostgresDatabase({ url: await server.newDatabase() });
    await database.migrate("t", MIGRATIONS);
    const careless = database.transaction<Tables, void>(async (transaction) => {
      await transaction.insertInto("t").values({ id: "a", n: 1 }).execute();
      await transaction.insertInto("t").values({ id: "a", n: 2 }).execute().catch(() => undefined);
    });
    await assert.rejects(careless, { code: "SQL_FAILED", message: /was undone/ });
    assert.deepEqual(await database.as<Tables>().selectFrom("t").selectAll().execute(), []);
  });

  test("without the package, the server, the right or the database, the error says which", async () => {
    await assert.rejects(openPostgresDatabase({ url: "postgres://a@127.0.0.1:1/b", importPackage: () => Promise.reject(new Error("no")) }), { code: "RUNTIME_MISSING", hint: /npm install pg/ });
    await assert.rejects(openPostgresDatabase({ url: "postgres://a:secret@127.0.0.1:1/b", timeoutMs: 300 }), { code: "ENGINE_UNREACHABLE", message: /^PostgreSQL at postgres:\/\/127.0.0.1:1\/b does not answer: .*ECONNREFUSED/ });
    await assert.rejects(openPostgresDatabase({ url: `postgres://strata@127.0.0.1:${server.port}/nothing` }), { code: "ENGINE_REFUSED", message: /"nothing" does not exist/ });
  });

  test("a restart of the server is waited for; what it does not come back from fails with its code", async () => {
    const fragile = await openPostgresServer();
    assert.ok("server" in fragile);
    await using another = fragile.server;
    const url = await another.newDatabase();
    await using patient = await openPostgresDatabase({ url });
    await using hasty = await openPostgresDatabase({ url, timeoutMs: 200 });
    await patient.migrate("t", MIGRATIONS);
    const insert = (id: string): Promise<unknown> => patient.as<Tables>().insertInto("t").values({ id, n: 1 }).execute();
    await insert("before");
    let tries = 0;
    const held = patient.transaction<Tables, void>(async (transaction) => {
      tries++;
      await transaction.insertInto("t").values({ id: "held", n: tries }).execute();
      if (tries === 1) await another.process.kill();
      await transaction.insertInto("t").values({ id: "held too", n: tries }).execute();
    });
    while (tries === 0) await sleep(5);
    await assert.rejects(hasty.as<Tables>().selectFrom("t").selectAll().execute(), { code: "SQL_UNREACHABLE" });
    await assert.rejects(hasty.transaction(async () => 1), { code: "SQL_UNREACHABLE" });
    const waiting = insert("during");
    await another.process.start();
    await Promise.all([held, waiting]);
    const rows = await hasty.as<Tables>().selectFrom("t").selectAll().orderBy("id").execute();
    assert.deepEqual(rows, [{ id: "before", n: 1 }, { id: "during", n: 1 }, { id: "held", n: tries }, { id: "held too", n: tries }]);
    assert.ok(tries > 1);
  });
}
