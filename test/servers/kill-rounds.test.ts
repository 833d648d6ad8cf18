/**
 * Servers killed under load: what our engines acknowledged is there, and once. Each round kills the server without warning at a
 * random moment and starts it again on its data; writers go on meanwhile and never start over. `SERVER_ROUNDS=20` for the long mode.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openPostgresBudgetLedger } from "../../src/engines/postgres/budget-ledger.ts";
import { openPostgresDatabase } from "../../src/engines/postgres/database.ts";
import { openPostgresStateStore } from "../../src/engines/postgres/state-store.ts";
import { openValkeyOnlineStore } from "../../src/engines/valkey/online-store.ts";
import { createRandom } from "../../src/kernel/random.ts";
import { keyRecord, reservation, settlement } from "../conformance/ledger-records.ts";
import { openPostgresServer } from "./postgres.ts";
import type { ServerProcess } from "./process.ts";
import { openValkeyServer } from "./valkey.ts";

const ROUNDS = Number(process.env["SERVER_ROUNDS"] ?? 3);
const WRITERS = 8;
const TIMEOUT_MS = 60_000 + ROUNDS * 10_000;

/** Kills and starts the server again and again while `load` runs; `load` ends when it is told to. */
async function killRounds(server: ServerProcess, load: (isOver: () => boolean) => Promise<void>): Promise<void> {
  const random = createRandom("kill rounds");
  let over = false;
  const loading = load(() => over);
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(200 + random.integer(400));
    await server.kill();
    await sleep(random.integer(200));
    await server.start();
  }
  await sleep(200);
  over = true;
  await loading;
}

/** Runs `WRITERS` of them side by side. */
const together = (write: (writer: number) => Promise<void>): Promise<unknown> => Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));

test(`PostgreSQL killed ${ROUNDS} times under load: 0 acknowledged lost, 0 counted twice`, { timeout: TIMEOUT_MS }, async (context) => {
  const opened = await openPostgresServer();
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  await using server = opened.server;
  const url = await server.newDatabase();
  interface Tables { readonly payment: { readonly id: string; readonly writer: number }; readonly total: { readonly writer: number; readonly payments: number } }
  await using database = await openPostgresDatabase({ url, timeoutMs: 30_000 });
  await database.migrate("payments", [{ name: "payments", statements: ["create table payment (id text primary key, writer integer not null)", "create table total (writer integer primary key, payments integer not null)"] }]);
  await database.as<Tables>().insertInto("total").values(Array.from({ length: WRITERS }, (_, writer) => ({ writer, payments: 0 }))).execute();
  await using ledger = await openPostgresBudgetLedger({ url, timeoutMs: 30_000 });
  await ledger.putKey(keyRecord("a"));
  await using states = await openPostgresStateStore({ url, timeoutMs: 30_000, connections: 2 });
  const acknowledged: string[] = [];
  let settled = 0;
  let saved = 0;

  await killRounds(server.process, async (isOver) => {
    const pay = (): Promise<unknown> => together(async (writer) => {
      for (let i = 0; !isOver(); i++) {
        const id = `${writer}/${i}`;
        await database.transaction<Tables, void>(async (transaction) => {
          await transaction.insertInto("payment").values({ id, writer }).execute();
          await transaction.updateTable("total").set((column) => ({ payments: column("payments", "+", 1) })).where("writer", "=", writer).execute();
        });
        acknowledged.push(id);
      }
    });
    const spend = (): Promise<unknown> => together(async (writer) => {
      for (let i = 0; !isOver(); i++) {
        const id = `call ${writer}/${i}`;
        await ledger.reserve([reservation(id, 10)]);
        await ledger.settle([settlement(id, 7)]);
        settled += 1;
      }
    });
    const save = async (): Promise<void> => {
      while (!isOver()) {
        await states.save("windows", { offsets: { clicks: saved + 1 }, bytes: Buffer.alloc(100_000, saved + 1) });
        saved += 1;
      }
    };
    await Promise.all([pay(), spend(), save()]);
  });

  const rows = await database.as<Tables>().selectFrom("payment").selectAll().execute();
  const totals = await database.as<Tables>().selectFrom("total").selectAll().execute();
  const stored = new Set(rows.map(({ id }) => id));
  const lost = acknowledged.filter((id) => !stored.has(id)).length;
  const twice = totals.reduce((sum, { payments }) => sum + payments, 0) - acknowledged.length;
  const balance = await ledger.balance("a", 0);
  const [usage] = await ledger.usage({ groupBy: [] });
  context.diagnostic(`${acknowledged.length} transactions, ${settled} settled calls, ${saved} checkpoints over ${ROUNDS} kills: ${lost} lost, ${twice} counted twice`);
  assert.deepEqual({ lost, twice, rows: rows.length }, { lost: 0, twice: 0, rows: acknowledged.length });
  assert.deepEqual([balance.spentNanoUsd, balance.reservedNanoUsd, usage?.calls], [settled * 7, 0, settled]);
  const state = await states.load("windows");
  assert.deepEqual([state?.offsets["clicks"], state?.bytes.every((byte) => byte === saved % 256)], [saved, true]);
  assert.ok(acknowledged.length > ROUNDS * 20, `${acknowledged.length} transactions were enough to be killed in`);
});

test(`Valkey killed ${ROUNDS} times under load: 0 acknowledged lost, 0 counted twice`, { timeout: TIMEOUT_MS }, async (context) => {
  const opened = await openValkeyServer();
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  await using server = opened.server;
  await using store = await openValkeyOnlineStore({ url: server.url, timeoutMs: 30_000 });
  const acknowledged = Array.from({ length: WRITERS }, () => 0);
  const bytesOf = (count: number): Uint8Array => new Uint8Array(Float64Array.of(count).buffer);
  const countIn = (bytes: Uint8Array | undefined): number => (bytes === undefined ? 0 : new Float64Array(Uint8Array.from(bytes).buffer)[0]!);

  await killRounds(server.process, (isOver) => together(async (partition) => {
    for (let offset = 1; !isOver(); offset++) {
      const [before] = await store.read("spend", [`customer ${partition}`]);
      await store.write({ view: "spend", partition, epoch: 1, offsets: { purchases: offset }, entries: [{ key: `customer ${partition}`, bytes: bytesOf(countIn(before) + 1) }] });
      acknowledged[partition] = offset;
    }
  }).then(() => undefined));

  const counts = await Promise.all(acknowledged.map(async (_, partition) => countIn((await store.read("spend", [`customer ${partition}`]))[0])));
  const positions = await Promise.all(acknowledged.map(async (_, partition) => (await store.position("spend", partition))?.offsets["purchases"]));
  const sum = acknowledged.reduce((total, count) => total + count, 0);
  const lost = acknowledged.reduce((total, count, i) => total + Math.max(0, count - counts[i]!), 0);
  const twice = acknowledged.reduce((total, count, i) => total + Math.max(0, counts[i]! - count), 0);
  context.diagnostic(`${sum} writes over ${ROUNDS} kills: ${lost} lost, ${twice} counted twice`);
  assert.deepEqual({ lost, twice, positions }, { lost: 0, twice: 0, positions: acknowledged });
  assert.ok(sum > ROUNDS * 100, `${sum} writes were enough to be killed in`);
});
