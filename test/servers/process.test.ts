/** The servers of tests: started, killed without warning, started again on the same data, and gone afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { Redis } from "ioredis";
import { acceptsConnections } from "./process.ts";
import { openPostgresServer } from "./postgres.ts";
import { openValkeyServer } from "./valkey.ts";

test("PostgreSQL keeps its data over a kill, and is gone afterwards", async (context) => {
  const opened = await openPostgresServer();
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  const { server } = opened;
  const url = await server.newDatabase();
  const query = async (sql: string): Promise<unknown> => {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    const { rows } = await client.query(sql);
    await client.end();
    return rows;
  };
  await query("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)");
  await server.process.kill();
  assert.equal(await acceptsConnections(server.port).catch(() => false), false);
  await server.process.start();
  assert.deepEqual(await query("SELECT a FROM t"), [{ a: 1 }]);
  await server[Symbol.asyncDispose]();
  assert.equal(await acceptsConnections(server.port).catch(() => false), false);
});

test("Valkey keeps its data over a kill", async (context) => {
  const opened = await openValkeyServer();
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  await using server = opened.server;
  const client = new Redis(server.url);
  client.on("error", () => undefined);
  await client.set("a", "1");
  await server.process.kill();
  await server.process.start();
  assert.equal(await client.get("a"), "1");
  client.disconnect();
});
