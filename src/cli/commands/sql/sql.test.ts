/** `strata sql` and `strata lake` against a real platform: what a person types and what comes out. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { runStrata } from "../../../../test/fake-strata-server.ts";
import { defineApplication, defineStream } from "../../../define/index.ts";
import { loadConfig } from "../../../platform/config.ts";
import { openPlatform } from "../../../platform/platform.ts";
import { createManualClock } from "../../../kernel/clock.ts";
import type { SqlResult } from "./sql.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const purchases = defineStream("purchases", {
  schema: z.object({ customer: z.string(), price: z.number(), gift: z.boolean().optional(), at: z.string() }), time: "at", lateness: "60d", storage: { warmAfter: "1d", coldAfter: "30d" },
});
const application = defineApplication("shop", [purchases]);

async function openShop() {
  const folder = await mkdtemp(join(tmpdir(), "strata-sql-"));
  const clock = createManualClock(START_MS + 4 * DAY_MS);
  const { config } = loadConfig({ environment: {}, flags: { dataDir: join(folder, "data"), port: 0, listeners: 1, logLevel: "error" } });
  const platform = await openPlatform({ definition: application, config, clock, runsControlLoop: false });
  const rows = Array.from({ length: 40 }, (_, row) => JSON.stringify({ customer: `C${row % 3}`, price: row + 0.5, ...(row % 2 === 0 ? { gift: true } : {}), at: new Date(START_MS + row * DAY_MS / 10).toISOString() }));
  for (let at = 0; at < rows.length; at += 10) {
    await fetch(`${platform.url}/v1/streams/purchases/events`, { method: "POST", headers: { "content-type": "application/x-ndjson" }, body: rows.slice(at, at + 10).join("\n") });
    await platform.lake.flush();
  }
  const run = (...words: string[]) => runStrata(words, platform, { workingDirectory: folder });
  return { platform, folder, clock, run, [Symbol.asyncDispose]: async () => {
    await platform.close();
    await rm(folder, { recursive: true, force: true });
  } };
}

test("a question is answered as a table, as JSON, as CSV and as a file", async () => {
  await using shop = await openShop();
  const table = await shop.run("sql", "select customer, count(*) as n, sum(price) as total from purchases group by all order by 1");
  assert.equal(table.code, 0, table.host.errors());
  assert.equal(table.host.output(), "customer text  n bigint  total double\nC0                   14           280\nC1                   13         253.5\nC2                   13         266.5\n");
  assert.match(table.host.errors(), /^3 rows in .*, 4 files\n$/);

  const json = await shop.run("sql", "select event_time, price, gift from purchases where event_time < '2026-01-01 12:00' order by event_time desc limit 2", "--json");
  const result = json.host.json() as SqlResult;
  assert.deepEqual(result.rows, [{ event_time: "2026-01-01T09:36:00.000Z", price: 4.5, gift: true }, { event_time: "2026-01-01T07:12:00.000Z", price: 3.5, gift: null }]);
  assert.deepEqual([result.summary!.files, result.summary!.skippedFiles], [1, 3]);

  const csv = await shop.run("sql", "select customer, 'a \"b\", c' as text, null as nothing from purchases order by event_offset limit 1", "--csv");
  assert.equal(csv.host.output(), "customer,text,nothing\r\nC0,\"a \"\"b\"\", c\",\r\n");

  const file = await shop.run("sql", "select * from purchases", "--output", "all.parquet", "--json");
  assert.equal(file.code, 0, file.host.errors());
  assert.deepEqual((file.host.json() as SqlResult).written, { file: "all.parquet", rows: 40 });
  assert.equal((await readFile(join(shop.folder, "all.parquet"))).subarray(0, 4).toString(), "PAR1");
  const limited = await shop.run("sql", "select * from purchases", "--limit", "5");
  assert.match(limited.host.errors(), /these are the first 5 rows; --limit allows more/);
});

test("what is no question is refused with a sentence, and nothing changes", async () => {
  await using shop = await openShop();
  for (const [sql, code] of [["drop view purchases", /only SELECT is answered/], ["select * from read_csv('/etc/passwd')", /disabled by configuration/], ["select nobody from purchases", /nobody/], ["copy purchases to '/tmp/x.csv'", /only SELECT is answered/]] as const) {
    const outcome = await shop.run("sql", sql);
    assert.equal(outcome.code, 1);
    assert.match(outcome.host.errors(), code);
  }
  assert.equal((await shop.run("sql", "select 1", "--csv", "--json")).code, 2);
});

test("snapshots are taken, compared, asked, restored and undone; tiers are priced", async () => {
  await using shop = await openShop();
  const taken = await shop.run("lake", "snapshot", "--note", "before the sale");
  const id = taken.host.output().trim();
  assert.match(id, /^[0-9a-f]{64}$/);
  await fetch(`${shop.platform.url}/v1/streams/purchases/events`, { method: "POST", headers: { "content-type": "application/x-ndjson" }, body: JSON.stringify({ customer: "C9", price: 1, at: new Date(START_MS + 4 * DAY_MS).toISOString() }) });
  await shop.platform.lake.flush();
  assert.match((await shop.run("lake", "diff", id.slice(0, 10))).host.output(), /purchases +40 +41 +40 to 40 +– +\+1 -0/);
  const count = async (...words: string[]): Promise<unknown> => ((await shop.run("sql", "select count(*) as n from purchases", "--json", ...words)).host.json() as SqlResult).rows[0]!["n"];
  assert.deepEqual([await count(), await count("--as-of", id.slice(0, 10)), await count("--as-of", "2025-01-01T00:00:00Z")], [41, 40, 0]);
  assert.match((await shop.run("lake", "restore", id.slice(0, 10))).host.errors(), /say --yes/);
  const restored = await shop.run("lake", "restore", id.slice(0, 10), "--yes");
  assert.match(restored.host.output(), /purchases +41 +40 +41/);
  assert.equal(await count(), 40);
  const undo = /undo with: strata (lake restore [0-9a-f]+ --yes)/.exec(restored.host.errors())![1]!;
  assert.equal((await shop.run(...undo.split(" "))).code, 0);
  assert.equal(await count(), 41);
  await shop.platform.lake.pin(id, "run 1");
  const refused = await shop.run("lake", "forget", id.slice(0, 10));
  assert.deepEqual([refused.code, /rely on it: run 1/.test(refused.host.errors())], [1, true]);

  shop.clock.advance(DAY_MS);
  assert.match((await shop.run("lake", "tiers")).host.output(), /purchases +5 +0/);
  const lake = await shop.run("lake");
  assert.match(lake.host.output(), /purchases +41 +– +\S+ \S+ in 5 +– /);
  assert.match(lake.host.errors(), /list prices you set yourself/);
  assert.equal(await count(), 41);
  assert.match((await shop.run("lake", "compact")).host.output(), /purchases +5 +5/);
  assert.match((await shop.run("lake", "gc", "--older-than", "1h")).host.errors(), /forgot 2 snapshots/);
  assert.match((await shop.run("lake", "snapshots")).host.output(), /run 1 +before the sale/);
});

test("verification mends what the log has, and says so", async () => {
  await using shop = await openShop();
  const folder = join(shop.folder, "data", "lake", "purchases");
  const [first] = await readdir(folder);
  await writeFile(join(folder, first!), "no parquet");
  const mended = await shop.run("lake", "verify");
  assert.equal(mended.code, 0, mended.host.errors());
  assert.match(mended.host.output(), /purchases +4 +\S+ \S+ +1 +0 +0/);
  const { streams } = (await shop.run("lake", "verify", "--json")).host.json() as { readonly streams: readonly { readonly mended: readonly string[]; readonly damaged: readonly unknown[] }[] };
  assert.deepEqual(streams.map(({ mended: again, damaged }) => [again.length, damaged.length]), [[0, 0]]);
});

test("a folder that no server runs answers too, and one that a server runs does not", async () => {
  await using shop = await openShop();
  const locked = await shop.run("sql", "select 1", "--data-dir", "data");
  assert.match(locked.host.errors(), /in use by process/);
  await shop.platform.close();
  const answered = await shop.run("sql", "select count(*) as n from purchases", "--data-dir", "data");
  assert.equal(answered.code, 0, answered.host.errors());
  assert.equal(answered.host.output(), "n bigint\n      40\n");
});

test("an export is a folder per stream and day, and a second one is its next version", async () => {
  await using shop = await openShop();
  const first = await shop.run("lake", "export", "out", "--json");
  assert.equal(first.code, 0, first.host.errors());
  const { streams } = first.host.json() as { readonly streams: readonly { readonly rows: number; readonly files: number; readonly version: number }[] };
  assert.deepEqual(streams.map(({ rows, files, version }) => [rows, files, version]), [[40, 4, 0]]);
  assert.deepEqual(await readdir(join(shop.folder, "out", "purchases")), ["_delta_log", "date=2026-01-01", "date=2026-01-02", "date=2026-01-03", "date=2026-01-04"]);
  const second = await shop.run("lake", "export", "out", "--stream", "purchases", "--json");
  assert.equal((second.host.json() as { readonly streams: readonly { readonly version: number }[] }).streams[0]!.version, 1);
});
