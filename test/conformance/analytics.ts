/** What every analytics engine must do; see the contract in src/ports/analytics.ts. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isStrataError } from "../../src/kernel/errors.ts";
import type { ErrorCode } from "../../src/kernel/errors.ts";
import { quoteName, quoteText } from "../../src/ports/analytics.ts";
import type { Analytics, Column, ColumnTable } from "../../src/ports/analytics.ts";

interface Bench extends AsyncDisposable {
  readonly analytics: Analytics;
  readonly folder: string;
}

/** Runs the suite; `open` is given a folder for temporary files. */
export function testAnalytics(engine: string, open: (temporaryFolder: string) => Analytics): void {
  const setUp = async (folderName = "files"): Promise<Bench> => {
    const root = await mkdtemp(join(tmpdir(), "strata-analytics-"));
    const folder = join(root, folderName);
    await mkdir(folder);
    const analytics = open(join(root, "temporary"));
    return {
      analytics, folder,
      [Symbol.asyncDispose]: async () => {
        await analytics.close();
        await rm(root, { recursive: true, force: true });
      },
    };
  };

  describe(`analytics: ${engine}`, () => {
    test("columns written and read back are the same, in order", async () => {
      await using bench = await setUp();
      const path = join(bench.folder, "a.parquet");
      let round = 0;
      await fc.assert(fc.asyncProperty(tables, async (table) => {
        const file = `${path}${round++}`;
        const written = await bench.analytics.writeTable(file, table);
        assert.equal(written.rows, table.rows);
        assert.equal(written.sizeBytes, (await readFile(file)).length);
        const read = await bench.analytics.query({ sql: "SELECT * FROM events", tables: { events: [file] } });
        assert.deepEqual(Object.keys(read.columns), Object.keys(table.columns));
        assert.deepEqual(valuesOf(read), valuesOf(table));
      }), { numRuns: 15 });
    });

    test("a file's stamp and digest are those of its bytes, and of nothing when there is no such file", async () => {
      await using bench = await setUp();
      const path = join(bench.folder, "a.bin");
      assert.deepEqual([await bench.analytics.stamp(path), await bench.analytics.digest(path)], [undefined, undefined]);
      for (const length of [0, 3, 256 * 1024, 700_001]) {
        const bytes = Buffer.alloc(length, "abc");
        await writeFile(path, bytes);
        assert.equal(await bench.analytics.digest(path), createHash("sha256").update(bytes).digest("hex"));
        assert.equal((await bench.analytics.stamp(path))?.sizeBytes, length);
      }
    });

    test("rows of several files follow one another in the order given, over many chunks", async () => {
      await using bench = await setUp();
      const files = [10_000, 3, 9_000].map((rows, index) => ({ rows, path: join(bench.folder, `${index}.parquet`) }));
      let next = 0;
      for (const { rows, path } of files) {
        const values = Float64Array.from({ length: rows }, () => next++);
        await bench.analytics.writeTable(path, { rows, columns: { n: { kind: "number", values }, t: { kind: "text", codes: Int32Array.from(values, (value) => value % 7), dictionary: ["a", "b", "c", "d", "e", "f", "g"] } } });
      }
      const { rows, columns } = await bench.analytics.query({ sql: "SELECT n, t FROM events WHERE n >= 5", tables: { events: files.map(({ path }) => path) } });
      assert.equal(rows, 18_998);
      assert.deepEqual(numbers(columns["n"]), Array.from({ length: 18_998 }, (_, index) => index + 5));
      assert.deepEqual(texts(columns["t"]).slice(0, 4), ["f", "g", "a", "b"]);
    });

    test("the query's own order holds", async () => {
      await using bench = await setUp();
      const path = join(bench.folder, "a.parquet");
      await bench.analytics.writeTable(path, { rows: 5_000, columns: { n: { kind: "number", values: Float64Array.from({ length: 5_000 }, (_, index) => (index * 7_919) % 5_000) } } });
      const { columns } = await bench.analytics.query({ sql: "SELECT n, CAST(CAST(n AS INTEGER) AS VARCHAR) AS t FROM events ORDER BY n DESC", tables: { events: [path] } });
      assert.deepEqual(numbers(columns["n"]), Array.from({ length: 5_000 }, (_, index) => 4_999 - index));
      assert.equal(texts(columns["t"])[1], "4998");
    });

    test("a column that a file lacks is missing there", async () => {
      await using bench = await setUp();
      const [older, newer] = ["older", "newer"].map((name) => join(bench.folder, name)) as [string, string];
      await bench.analytics.writeTable(older, { rows: 2, columns: { n: number(1, 2) } });
      await bench.analytics.writeTable(newer, { rows: 1, columns: { n: number(3), t: text("x"), b: { kind: "boolean", values: Int8Array.of(1) } } });
      const table = await bench.analytics.query({ sql: "SELECT * FROM events", tables: { events: [older, newer] } });
      assert.deepEqual(valuesOf(table), { n: [1, 2, 3], t: [undefined, undefined, "x"], b: [-1, -1, 1] });
    });

    test("each SQL type arrives as its kind", async () => {
      await using bench = await setUp();
      const path = join(bench.folder, "a");
      await bench.analytics.writeTable(path, { rows: 1, columns: { n: number(2.5) } });
      const sql = "SELECT CAST(n AS BIGINT) AS whole, CAST(n AS DECIMAL(9,2)) AS exact, n > 1 AS flag, CAST('2011-12-09' AS DATE) AS day, CAST(NULL AS VARCHAR) AS nothing FROM events";
      assert.deepEqual(valuesOf(await bench.analytics.query({ sql, tables: { events: [path] } })), { whole: [2], exact: [2.5], flag: [1], day: ["2011-12-09"], nothing: [undefined] });
    });

    test("an empty result keeps its columns", async () => {
      await using bench = await setUp();
      const path = join(bench.folder, "a");
      await bench.analytics.writeTable(path, { rows: 0, columns: { n: number(), t: text() } });
      assert.deepEqual(valuesOf(await bench.analytics.query({ sql: "SELECT * FROM events", tables: { events: [path] } })), { n: [], t: [] });
    });

    test("paths and names are taken literally", async () => {
      await using bench = await setUp("it's [a] *b?=c {d}");
      const path = join(bench.folder, "e[1]'.parquet");
      const table: ColumnTable = { rows: 1, columns: { "a \"quoted\" name": number(1), "select": text("x") } };
      await bench.analytics.writeTable(path, table);
      await bench.analytics.writeTable(join(bench.folder, "e1'.parquet"), { rows: 1, columns: { other: number(9) } });
      assert.deepEqual(valuesOf(await bench.analytics.query({ sql: "SELECT * FROM \"my events\"", tables: { "my events": [path] } })), { "a \"quoted\" name": [1], "select": ["x"] });
      assert.equal(quoteName("a\"b"), "\"a\"\"b\"");
      assert.equal(quoteText("it's"), "'it''s'");
    });

    test("a query written to a file keeps its order", async () => {
      await using bench = await setUp();
      const [a, b, merged] = ["a", "b", "merged"].map((name) => join(bench.folder, name)) as [string, string, string];
      const half = (from: number) => ({ rows: 40_000, columns: { n: { kind: "number" as const, values: Float64Array.from({ length: 40_000 }, (_, index) => from + index) } } });
      await bench.analytics.writeTable(a, half(0));
      await bench.analytics.writeTable(b, half(40_000));
      assert.equal((await bench.analytics.writeQuery(merged, { sql: "SELECT * FROM parts", tables: { parts: [a, b] } })).rows, 80_000);
      const { columns } = await bench.analytics.query({ sql: "SELECT n FROM events", tables: { events: [merged] } });
      assert.deepEqual(numbers(columns["n"]), Array.from({ length: 80_000 }, (_, index) => index));
    });

    test("a failed write leaves the old file and no other", async () => {
      await using bench = await setUp();
      const path = join(bench.folder, "a");
      await bench.analytics.writeTable(path, { rows: 1, columns: { n: number(1) } });
      const sql = "SELECT CASE WHEN n = 1 THEN error('broken') ELSE n END AS n FROM events";
      await assert.rejects(bench.analytics.writeQuery(path, { sql, tables: { events: [path] } }), hasCode("LAKE_QUERY_FAILED", /broken/));
      assert.deepEqual(await bench.analytics.list(bench.folder), ["a"]);
      assert.deepEqual(valuesOf(await bench.analytics.query({ sql: "SELECT n FROM events", tables: { events: [path] } })), { n: [1] });
    });

    test("refusals name the problem", async () => {
      await using bench = await setUp();
      const path = join(bench.folder, "a");
      await assert.rejects(bench.analytics.query({ sql: "SELECT * FROM events", tables: { events: [] } }), hasCode("LAKE_QUERY_FAILED", /"events" has no files/));
      await assert.rejects(bench.analytics.query({ sql: "SELECT 1 AS a, 2 AS a", tables: {} }), hasCode("LAKE_QUERY_FAILED", /two columns named "a"/));
      await assert.rejects(bench.analytics.query({ sql: "SELEC", tables: {} }), hasCode("LAKE_QUERY_FAILED", /SELEC/));
      await assert.rejects(bench.analytics.writeTable(path, { rows: 1, columns: { a: number(1), A: number(2) } }), hasCode("LAKE_QUERY_FAILED", /"A"/));
      await assert.rejects(bench.analytics.writeTable(path, { rows: 2, columns: { a: number(1) } }), hasCode("LAKE_QUERY_FAILED", /"a" has 1 values for 2 rows/));
      await assert.rejects(bench.analytics.writeTable(path, { rows: 1, columns: { a: { kind: "text", codes: Int32Array.of(1), dictionary: ["x"] } } }), hasCode("LAKE_QUERY_FAILED", /outside its dictionary/));
      await writeFile(path, "not Parquet");
      await assert.rejects(bench.analytics.query({ sql: "SELECT * FROM events", tables: { events: [path] } }), hasCode("LAKE_QUERY_FAILED", /a/));
    });

    test("a signal cancels one query and leaves the others alone", async () => {
      await using bench = await setUp();
      const endless = "SELECT count(*) AS n FROM range(3000000000) a, range(1000) b";
      const controller = new AbortController();
      const first = bench.analytics.query({ sql: endless, tables: {} }, { signal: controller.signal });
      const second = bench.analytics.query({ sql: "SELECT sum(range) AS n FROM range(3000000)", tables: {} });
      const waiting = bench.analytics.query({ sql: endless, tables: {} }, { signal: controller.signal });
      assert.deepEqual(valuesOf(await second), { n: [4_499_998_500_000] });
      controller.abort();
      await assert.rejects(first, hasCode("ABORTED"));
      await assert.rejects(waiting, hasCode("ABORTED"));
      await assert.rejects(bench.analytics.query({ sql: endless, tables: {} }, { signal: AbortSignal.abort() }), hasCode("ABORTED"));
    });

    test("the event loop turns while a query runs", async () => {
      await using bench = await setUp();
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      await bench.analytics.query({ sql: "SELECT sum(a.range * b.range) AS n FROM range(20000) a, range(5000) b", tables: {} });
      clearInterval(timer);
      assert.ok(turns >= 5, `${turns} turns`);
    });

    test("folders and files", async () => {
      await using bench = await setUp();
      const folder = join(bench.folder, "x", "y");
      assert.deepEqual(await bench.analytics.list(folder), []);
      await bench.analytics.makeFolder(folder);
      await bench.analytics.makeFolder(folder);
      await writeFile(join(folder, "b"), "");
      await writeFile(join(folder, "a"), "");
      await mkdir(join(folder, "c"));
      assert.deepEqual(await bench.analytics.list(folder), ["a", "b"]);
      await bench.analytics.remove(join(folder, "a"));
      await bench.analytics.remove(join(folder, "a"));
      assert.deepEqual(await bench.analytics.list(folder), ["b"]);
    });

    test("closing cancels what runs and refuses what follows", async () => {
      await using bench = await setUp();
      const running = bench.analytics.query({ sql: "SELECT count(*) AS n FROM range(3000000000) a, range(1000) b", tables: {} });
      const refused = assert.rejects(running, hasCode("CLOSED"));
      await bench.analytics.close();
      await refused;
      await assert.rejects(bench.analytics.query({ sql: "SELECT 1 AS n", tables: {} }), hasCode("CLOSED"));
      await assert.rejects(bench.analytics.list(bench.folder), hasCode("CLOSED"));
      await bench.analytics.close();
    });
  });
}

const hasCode = (code: ErrorCode, message = /./) => (thrown: unknown): boolean => isStrataError(thrown) && thrown.code === code && message.test(thrown.message);

const number = (...values: number[]): Column => ({ kind: "number", values: Float64Array.from(values) });
const text = (...values: string[]): Column => ({ kind: "text", codes: Int32Array.from(values, (_, index) => index), dictionary: values });

const numbers = (column: Column | undefined): readonly number[] => (column?.kind === "number" ? [...column.values] : []);
const texts = (column: Column | undefined): readonly (string | undefined)[] => (column?.kind === "text" ? Array.from(column.codes, (code) => column.dictionary[code]) : []);

function valuesOf(table: ColumnTable): Readonly<Record<string, readonly unknown[]>> {
  return Object.fromEntries(Object.entries(table.columns).map(([name, column]) => [name, column.kind === "text" ? texts(column) : [...column.values]]));
}

/** Any finite number, NaN, empty text, NUL, quotes, surrogate pairs; names of columns with spaces and quotes. */
const tables: fc.Arbitrary<ColumnTable> = fc.record({
  rows: fc.integer({ min: 0, max: 60 }),
  names: fc.uniqueArray(fc.oneof(fc.constantFrom("strata_offset", "a b", "\"", "__proto__", "1"), fc.string({ minLength: 1, maxLength: 8 }).filter((name) => !name.includes("\0"))), { minLength: 1, maxLength: 5, selector: (name) => name.toLowerCase() }),
  kinds: fc.array(fc.constantFrom("number" as const, "text" as const, "boolean" as const), { minLength: 5, maxLength: 5 }),
  numbers: fc.array(fc.oneof(fc.double({ noDefaultInfinity: true }), fc.constantFrom(-0, 2 ** 53, 5e-324)), { minLength: 60, maxLength: 60 }),
  dictionary: fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "\0", "a\0b", "'", "\u{1f600}", "null")), { minLength: 1, maxLength: 10 }),
  codes: fc.array(fc.integer({ min: -1, max: 9 }), { minLength: 60, maxLength: 60 }),
}).map(({ rows, names, kinds, numbers: values, dictionary, codes }) => ({
  rows,
  columns: Object.fromEntries(names.map((name, index): [string, Column] => {
    const kind = kinds[index]!;
    if (kind === "number") return [name, { kind, values: Float64Array.from(values.slice(0, rows)) }];
    if (kind === "boolean") return [name, { kind, values: Int8Array.from(codes.slice(0, rows), (code) => Math.min(code, 1)) }];
    return [name, { kind, codes: Int32Array.from(codes.slice(0, rows), (code) => Math.min(code, dictionary.length - 1)), dictionary }];
  })),
}));
