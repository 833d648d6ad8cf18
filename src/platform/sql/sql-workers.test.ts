/** Real worker processes: statements go where their files are cached, unless waiting there would take longer. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { defineApplication, defineStream } from "../../define/index.ts";
import { createManualClock } from "../../kernel/clock.ts";
import type { SqlSummary } from "../../protocols/admin/sql-routes.ts";
import { loadConfig } from "../config.ts";
import { openPlatform } from "../platform.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const clicks = (name: string) => defineStream(name, { schema: z.object({ who: z.string(), at: z.string() }), time: "at", lateness: "60d", storage: { warmAfter: "1d" } });

async function openWorld() {
  const folder = await mkdtemp(join(tmpdir(), "strata-sql-workers-"));
  const clock = createManualClock(START_MS + DAY_MS);
  const { config } = loadConfig({ environment: {}, flags: { dataDir: folder, port: 0, listeners: 1, logLevel: "error", sqlWorkers: 2 } });
  const platform = await openPlatform({ definition: defineApplication("shop", [clicks("clicks"), clicks("views")]), config, clock, runsControlLoop: false });
  for (const stream of ["clicks", "views"]) {
    const body = Array.from({ length: 2_000 }, (_, row) => JSON.stringify({ who: `${stream} ${row}`, at: new Date(START_MS + row * 1_000).toISOString() })).join("\n");
    await fetch(`${platform.url}/v1/streams/${stream}/events`, { method: "POST", headers: { "content-type": "application/x-ndjson" }, body });
  }
  await platform.lake.flush();
  clock.advance(2 * DAY_MS);
  await platform.lake.applyPolicies();
  const ask = async (sql: string, options: { readonly maxRows?: number; readonly timeoutMs?: number; readonly signal?: AbortSignal } = {}): Promise<{ rows: unknown[]; summary: SqlSummary & { error?: { code: string } } }> => {
    const { signal, ...body } = options;
    const answer = await fetch(`${platform.url}/v1/sql`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ sql, ...body }), ...(signal ? { signal } : {}) });
    const lines = (await answer.text()).trim().split("\n").map((line) => JSON.parse(line) as unknown);
    return { rows: lines.slice(1, -1), summary: lines.at(-1) as SqlSummary };
  };
  return { platform, folder, ask, [Symbol.asyncDispose]: async () => {
    await platform.close();
    await rm(folder, { recursive: true, force: true });
  } };
}

test("a statement runs in the process that has its files, and says why", async () => {
  await using world = await openWorld();
  const { ask, folder } = world;
  const first = await ask("select count(*), min(who) from clicks");
  assert.deepEqual(first.rows, [[2_000, "clicks 0"]]);
  assert.ok(first.summary.fetchedBytes > 0);
  const again = await ask("select count(*), max(who) from clicks");
  assert.deepEqual([again.rows, again.summary.fetchedBytes, again.summary.placement.worker], [[[2_000, "clicks 999"]], 0, first.summary.placement.worker]);
  assert.match(again.summary.placement.reason, /^sql-\d has (\S+) of the \1 MiB it needs, the most of all$/);

  const other = first.summary.placement.worker === "sql-1" ? "sql-2" : "sql-1";
  const busy = Promise.all([ask("select sum(hash(a.range + b.range)) from range(20000) a, range(3000) b, (select 1 from clicks limit 1)"), new Promise((resolve) => { setTimeout(resolve, 20); })]);
  await new Promise((resolve) => { setTimeout(resolve, 60); });
  const views = await ask("select count(*) from views");
  assert.deepEqual([views.rows, views.summary.placement.worker], [[[2_000]], other]);
  await busy;
  assert.deepEqual((await readdir(join(folder, "cache"))).toSorted(), ["sql-1", "sql-2"]);
  for (const name of ["sql-1", "sql-2"]) assert.ok((await readdir(join(folder, "cache", name))).some((entry) => entry.endsWith(".parquet")));
});

test("workers keep the bounds of statements, and give up with their callers", async () => {
  await using world = await openWorld();
  const { ask, platform } = world;
  assert.equal((await ask("select * from clicks", { maxRows: 1_500 })).rows.length, 1_500);
  const late = await fetch(`${platform.url}/v1/sql`, { method: "POST", body: JSON.stringify({ sql: "select sum(hash(a.range + b.range)) from range(1000000000) a, range(1000) b", timeoutMs: 300 }) });
  assert.equal((await late.text()).includes("DEADLINE_EXCEEDED"), true);
  const refused = await fetch(`${platform.url}/v1/sql`, { method: "POST", body: JSON.stringify({ sql: "select * from read_text('/etc/passwd')" }) });
  assert.deepEqual([refused.status, (await refused.text()).includes("QUERY_REFUSED")], [403, true]);
  await assert.rejects(ask("select sum(hash(a.range + b.range)) from range(1000000000) a, range(1000) b", { signal: AbortSignal.timeout(200) }));
  assert.deepEqual((await ask("select count(*) from clicks")).rows, [[2_000]]);
  const parquet = await fetch(`${platform.url}/v1/sql`, { method: "POST", headers: { accept: "application/vnd.apache.parquet" }, body: JSON.stringify({ sql: "select * from clicks" }) });
  assert.deepEqual([parquet.headers.get("x-strata-rows"), Buffer.from(await parquet.arrayBuffer()).subarray(0, 4).toString()], ["2000", "PAR1"]);
});
