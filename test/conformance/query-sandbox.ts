/** The contract of people's SQL as tests: `testQuerySandbox(engine, open)` declares them for one engine. */
import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Analytics } from "../../src/ports/analytics.ts";
import type { NumberRange, QueryOptions, QuerySandbox, QueryTable } from "../../src/ports/query-sandbox.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface SandboxEngine {
  readonly open: (folder: string, limits: { readonly memoryLimitBytes: number }) => QuerySandbox;
  /** Writes the Parquet files of the tests. */
  readonly analytics: (folder: string) => Analytics;
}

interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly sandbox: QuerySandbox;
  readonly table: QueryTable;
  query(sql: string, options?: Partial<QueryOptions>): Promise<{ readonly columns: readonly unknown[]; readonly rows: readonly (readonly unknown[])[]; readonly isTruncated: boolean }>;
}

const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const LIMITS = { maxRows: 10_000, timeoutMs: 20_000 };
const isRefusal = (thrown: { code?: string }): boolean => ["QUERY_REFUSED", "QUERY_INVALID"].includes(thrown.code ?? "");

async function openPlace(engine: SandboxEngine): Promise<Place> {
  const folder = await temporaryFolder();
  await using analytics = engine.analytics(folder.path);
  const rows = 48;
  const file = join(folder.path, "visits [1].parquet");
  await analytics.writeTable(file, {
    rows, columns: {
      t: { kind: "number", values: Float64Array.from({ length: rows }, (_, row) => START_MS + row * HOUR_MS) },
      n: { kind: "number", values: Float64Array.from({ length: rows }, (_, row) => (row === 5 ? Number.NaN : row / 2)) },
      page: { kind: "text", codes: Int32Array.from({ length: rows }, (_, row) => (row % 3) - 1), dictionary: ["home", "it's"] },
      fresh: { kind: "boolean", values: Int8Array.from({ length: rows }, (_, row) => (row % 2)) },
    },
  });
  const sandbox = engine.open(folder.path, { memoryLimitBytes: 128 * 2 ** 20 });
  const table: QueryTable = {
    name: "visits", files: [file],
    columns: [
      { name: "event_time", type: "timestamp", sources: [{ column: "t", kind: "number" }] }, { name: "n", type: "number", sources: [{ column: "n", kind: "number" }] },
      { name: "page", type: "text", sources: [{ column: "page", kind: "text" }, { column: "n", kind: "number" }] }, { name: "fresh", type: "boolean", sources: [{ column: "fresh", kind: "boolean" }] },
      { name: "later", type: "text", sources: [] },
    ],
  };
  return {
    folder: folder.path, sandbox, table,
    query: async (sql, options = {}) => {
      await using run = await sandbox.run(sql, { ...LIMITS, tables: [table], ...options });
      const found: (readonly unknown[])[] = [];
      for await (const piece of run.pieces) found.push(...piece);
      return { columns: run.columns, rows: found, isTruncated: run.isTruncated() };
    },
    [Symbol.asyncDispose]: async () => {
      await sandbox.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export function testQuerySandbox(name: string, engine: SandboxEngine): void {
  describe(`query sandbox: ${name}`, () => {
    test("a SELECT is answered with its columns, types and JSON values", async () => {
      await using place = await openPlace(engine);
      const { columns, rows } = await place.query("select EVENT_TIME, n, page, fresh, later from Visits order by event_time limit 6;");
      assert.deepEqual(columns, [
        { name: "event_time", type: "TIMESTAMP WITH TIME ZONE" }, { name: "n", type: "DOUBLE" }, { name: "page", type: "VARCHAR" }, { name: "fresh", type: "BOOLEAN" }, { name: "later", type: "VARCHAR" },
      ]);
      assert.deepEqual(rows.slice(0, 3), [
        ["2026-01-01T00:00:00.000Z", 0, "0", false, null], ["2026-01-01T01:00:00.000Z", 0.5, "home", true, null], ["2026-01-01T02:00:00.000Z", 1, "it's", false, null],
      ]);
      assert.deepEqual(rows[5], ["2026-01-01T05:00:00.000Z", null, "it's", true, null]);
      assert.deepEqual((await place.query("select 9007199254740993 a, [1, 2] b, {x: 'y'} c, 1.25::decimal(5,2) d, 'nan'::double e, date '2026-01-02' f, null g")).rows,
        [["9007199254740993", [1, 2], { x: "y" }, 1.25, "NaN", "2026-01-02", null]]);
      assert.match(JSON.stringify((await place.query("explain select n from visits")).rows), /parquet/i);
      assert.deepEqual((await place.query("show tables")).rows, [["visits"]]);
      assert.equal((await place.query("describe visits")).rows.length, 5);
    });

    test("whatever is no SELECT is refused, and changes nothing", async () => {
      await using place = await openPlace(engine);
      const path = place.table.files[0] as string;
      const before = await readFile(path);
      const attempts = [
        `copy (select 1 as t) to '${path}'`, "copy (select 1) to '/tmp/strata-out.csv'", `explain analyze copy (select 1 as t) to '${path}'`, "attach '/tmp/strata-x.db'", "install httpfs", "load httpfs",
        "set memory_limit = '10GB'", "reset enable_external_access", "pragma enable_external_access = true", "create table x as select 1", "drop view visits", "insert into visits values (1)",
        "select 1; drop view visits", "call enable_logging()", "export database '/tmp/strata-exp'", "prepare x as select 1", "begin", "",
      ];
      for (const sql of attempts) await assert.rejects(place.query(sql), isRefusal, sql);
      assert.deepEqual(await readFile(path), before);
      assert.equal((await place.query("select count(*) from visits")).rows[0]![0], 48);
    });

    test("no function of a SELECT reaches a file, a setting or the network", async () => {
      await using place = await openPlace(engine);
      await writeFile(join(place.folder, "secret.csv"), "secret\n1\n");
      const attempts = [
        "select * from read_csv('/etc/passwd')", "select * from '/etc/passwd'", "select * from read_text('/etc/passwd')", "select * from read_blob('/etc/hostname')", "select * from glob('/etc/*')",
        `select * from read_csv('${place.folder}/secret.csv')`, `select * from '${place.folder}/secret.csv'`, `select * from glob('${place.folder}/*')`, "select * from read_parquet('https://example.com/x.parquet')",
        "select * from sniff_csv('/etc/passwd')", "select * from parquet_metadata('/etc/passwd')", "select * from query('copy (select 1) to ''/tmp/strata-q'' ')",
        "with x as (select * from read_json('/etc/passwd')) select * from x", "select * from visits where page in (select content from read_text('/etc/passwd'))",
      ];
      for (const sql of attempts) await assert.rejects(place.query(sql), isRefusal, sql);
      assert.deepEqual((await readdir(place.folder)).filter((entry) => entry.startsWith("sql-")), []);
      await assert.rejects(place.query("select * from read_csv('/etc/passwd')"), { code: "QUERY_REFUSED" });
      await assert.rejects(place.query("copy (select 1) to '/tmp/x'"), { code: "QUERY_REFUSED" });
      await assert.rejects(place.query("select 1; select 2"), { code: "QUERY_REFUSED" });
      await assert.rejects(place.query("select nothing from visits"), { code: "QUERY_INVALID", message: /nothing/ });
      await assert.rejects(place.query("selec 1"), { code: "QUERY_INVALID", message: /selec/ });
    });

    test("rows, time and memory are bounded, and a caller may give up", async () => {
      await using place = await openPlace(engine);
      const few = await place.query("select * from range(100000)", { maxRows: 5_000 });
      assert.deepEqual([few.rows.length, few.isTruncated, few.rows.at(-1)], [5_000, true, [4_999]]);
      assert.equal((await place.query("select * from range(100)", { maxRows: 100 })).isTruncated, false);
      await assert.rejects(place.query("select sum(hash(a.range + b.range)) from range(1000000000) a, range(1000) b", { timeoutMs: 300 }), { code: "DEADLINE_EXCEEDED" });
      await assert.rejects(place.query("select list(i) from range(300000000) t(i)"), { code: "QUERY_TOO_LARGE" });
      const giving = new AbortController();
      setTimeout(() => giving.abort(), 100);
      await assert.rejects(place.query("select sum(hash(a.range + b.range)) from range(1000000000) a, range(1000) b", { signal: giving.signal }), { code: "ABORTED" });
      await using slow = await place.sandbox.run("select * from range(1000000)", { ...LIMITS, maxRows: 1_000_000, tables: [], timeoutMs: 500 });
      await assert.rejects(async () => {
        for await (const piece of slow.pieces) await new Promise((resolve) => { setTimeout(resolve, piece.length > 0 ? 200 : 0); });
      }, { code: "DEADLINE_EXCEEDED" });
      const startedMs = performance.now();
      await using left = await place.sandbox.run("select * from range(1000000)", { ...LIMITS, tables: [] });
      for await (const piece of left.pieces) {
        assert.ok(piece.length > 0);
        break; // which ends the run
      }
      assert.equal((await place.query("select 1")).rows.length, 1);
      assert.ok(performance.now() - startedMs < LIMITS.timeoutMs / 4);
    });

    test("a result is written as Parquet, whole", async () => {
      await using place = await openPlace(engine);
      const path = join(place.folder, "out.parquet");
      const written = await place.sandbox.write("select page, count(*) as n from visits group by page order by page -- pages", path, { ...LIMITS, tables: [place.table] });
      assert.equal(written.rows, (await place.query("select distinct page from visits")).rows.length);
      const out: QueryTable = { name: "out", files: [path], columns: [{ name: "n", type: "integer", sources: [{ column: "n", kind: "number" }] }] };
      assert.deepEqual((await place.query("select sum(n) from out", { tables: [out] })).rows, [[48]]);
      await assert.rejects(place.sandbox.write(`select 1) to '${path}' --`, path, { ...LIMITS, tables: [] }), { code: "QUERY_INVALID" });
    });

    test("conditions on a table's time say which times matter", async () => {
      await using place = await openPlace(engine);
      const times = new Map([["visits", "event_time"], ["orders", "event_time"]]);
      const ask = async (sql: string): Promise<unknown> => Object.fromEntries((await place.sandbox.inspect(sql, times)).map((use) => [use.name, use.times.map(({ from, to }) => [iso(from), iso(to)])]));
      const visits = (from: string | number, to: string | number): unknown => ({ visits: [[from, to]] });
      assert.deepEqual(await ask("select 1"), {});
      assert.deepEqual(await ask("select * from VISITS"), visits(-Infinity, Infinity));
      assert.deepEqual(await ask("select * from visits where event_time >= '2026-01-02' and event_time < timestamp '2026-01-03'"), visits("2026-01-01T23:59", "2026-01-03T00:00"));
      assert.deepEqual(await ask("select count(*) from visits v where '2026-01-02' <= v.event_time and n > 3"), visits("2026-01-01T23:59", Infinity));
      assert.deepEqual(await ask("select * from visits where event_time between date '2026-01-02' and date '2026-01-03' + interval 6 hours"), visits("2026-01-01T23:59", "2026-01-03T06:00"));
      assert.deepEqual(await ask("select * from visits where event_time::date = '2026-01-02'"), visits("2025-12-31T23:59", "2026-01-03T00:00"));
      assert.deepEqual(await ask("with recent as (select * from visits where event_time > '2026-01-02') select count(*) from recent"), visits("2026-01-01T23:59", Infinity));
      assert.deepEqual(await ask("select * from visits left join orders o on visits.n = o.n where o.event_time < '2026-01-02'"), { visits: [[-Infinity, Infinity]], orders: [[-Infinity, "2026-01-02T00:00"]] });
      const { visits: [recent] } = (await ask("select * from visits where event_time > now() - interval 1 day")) as { visits: [[string, number]] };
      const agoMs = Date.now() - Date.parse(`${recent[0]}Z`);
      assert.ok(agoMs > 24 * HOUR_MS && agoMs < 26 * HOUR_MS);
      await assert.rejects(ask("select * from visits at (version => 3)"), { code: "QUERY_REFUSED" });
    });

    for (const unsure of [
      "select * from visits where event_time > '2026-01-02' or n = 1",
      "select * from visits asof join (select 1 as n) x on visits.n >= x.n where visits.event_time > '2026-01-02'", "select * from visits positional join (select 1) x where visits.event_time > '2026-01-02'",
      "select * from visits where event_time > (select max(event_time) from visits)", "with visits as (select 1 as event_time) select * from visits where event_time > '2026-01-02'",
      "select max(event_time) from visits having max(event_time) > '2026-01-02'", "select * from visits where event_time > random()::varchar", "select * from visits v(event_time, b) where event_time > '2026-01-02'",
      "select * from visits tablesample 10% where event_time > '2026-01-02'", "select * from visits, visits w where event_time > '2026-01-02'", "select * from visits where event_time > date_trunc('month', now())",
    ]) {
      test(`all times matter to: ${unsure}`, async () => {
        await using place = await openPlace(engine);
        const uses = await place.sandbox.inspect(unsure, new Map([["visits", "event_time"]]));
        assert.deepEqual(uses.flatMap(({ times }) => times).filter(({ from, to }) => from !== -Infinity || to !== Infinity), []);
      });
    }

    test("leaving out what lies outside the times never changes an answer", async () => {
      await using place = await openPlace(engine);
      const hour = fc.integer({ min: -5, max: 55 }).map((hours) => `timestamptz '${new Date(START_MS + hours * HOUR_MS).toISOString()}'`);
      const comparison = fc.tuple(fc.constantFrom("<", "<=", ">", ">=", "="), hour).map(([operator, value]) => `a.event_time ${operator} ${value}`);
      const condition = fc.array(fc.oneof({ weight: 2, arbitrary: comparison }, { weight: 1, arbitrary: fc.constantFrom("a.n > 4", "a.page = 'home'", "a.fresh", "a.event_time::date <= date '2026-01-01'") }), { minLength: 1, maxLength: 4 })
        .chain((parts) => fc.array(fc.constantFrom(" and ", " and ", " or "), { minLength: parts.length, maxLength: parts.length }).map((words) => parts.map((part, index) => (index === 0 ? part : `${words[index]}${part}`)).join("")));
      const shape = fc.constantFrom(
        (where: string) => `select count(*), sum(a.n) from visits a where ${where}`, (where: string) => `select count(*), sum(n) from (select * from visits a where ${where}) x`,
        (where: string) => `select count(*), sum(a.n), sum(b.other) from visits a left join (select n as other from visits) b on a.n = b.other where ${where}`,
        (where: string) => `select count(*), sum(b.other) from (select n as other from visits) b left join visits a on a.n = b.other + 3 where ${where}`,
        (where: string) => `select count(*), max(a.event_time) from visits b full join visits a on a.n + 7 = b.n where ${where}`,
      );
      await fc.assert(fc.asyncProperty(condition, shape, async (where, make) => {
        const sql = make(where);
        const uses = await place.sandbox.inspect(sql, new Map([["visits", "event_time"]]));
        const ranges: readonly NumberRange[] = uses.flatMap(({ times }) => times);
        const [from, to] = [Math.min(...ranges.map((range) => range.from)), Math.max(...ranges.map((range) => range.to))];
        const pruned = await place.query(sql, { tables: [{ ...place.table, only: [{ column: "t", from, to }] }] });
        assert.deepEqual(pruned.rows, (await place.query(sql)).rows, sql);
      }), { numRuns: 25 });
    });

    test("closing ends what runs and refuses what follows", async () => {
      await using place = await openPlace(engine);
      const running = assert.rejects(place.query("select sum(hash(a.range + b.range)) from range(1000000000) a, range(1000) b"), { code: "CLOSED" });
      await new Promise((resolve) => { setTimeout(resolve, 50); });
      await place.sandbox.close();
      await running;
      await assert.rejects(place.query("select 1"), { code: "CLOSED" });
    });
  });
}

const iso = (ms: number): string | number => (Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 16) : ms);
