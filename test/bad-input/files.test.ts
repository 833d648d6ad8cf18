/**
 * Files that are not what they should be: transactions to import, definitions to load, and a data folder that was
 * tampered with while nobody ran. What can be read is read, the rest is told with its reason, nothing is half-applied.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { isStrataError } from "strata";
import { createRandom, createReplayClock } from "strata/testing";
import { runDemo } from "../../examples/storefront/demo.ts";
import { readTransactions, TRANSACTION_COLUMNS } from "../../examples/storefront/transactions-file.ts";
import type { PurchaseRow } from "../../examples/storefront/transactions-file.ts";
import application from "../scenarios/maintenance-app.ts";
import { createMaintenanceWorld } from "../scenarios/maintenance-world.ts";
import { openTestPlatform, temporaryFolder } from "../scenarios/platform-kit.ts";

const HEADER = TRANSACTION_COLUMNS.join(",");
const LINE = "536365,85123A,\"HEART, WHITE\",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom";
const CSV = `${[HEADER, ...Array.from({ length: 3_000 }, () => LINE)].join("\n")}\n`;

interface BadFile {
  readonly name: string;
  readonly bytes: string | Buffer;
  readonly gz?: boolean;
  readonly says: RegExp;
  /** Good rows before the bad place: that many at most are read. */
  readonly rows?: number;
}

const FILES: readonly BadFile[] = [
  { name: "an empty file", bytes: "", says: /empty|column/ },
  { name: "a column that is missing", bytes: CSV.replaceAll("CustomerID,", ""), says: /column CustomerID is missing/ },
  { name: "no header", bytes: `${LINE}\n`, says: /column InvoiceNo.* is missing/ },
  { name: "another separator", bytes: CSV.replaceAll(",", ";"), says: /column InvoiceNo.* is missing/ },
  { name: "a line with a field too many", bytes: `${CSV}${LINE},more\n`, says: /line 3002/, rows: 3_000 },
  { name: "a line with a field too few", bytes: `${CSV}536365,85123A\n`, says: /line 3002/, rows: 3_000 },
  { name: "a quote that does not close", bytes: `${CSV}${LINE.replace("WHITE\"", "WHITE")}\n${LINE.replaceAll("\"", "").replace("HEART, WHITE", "HEART")}\n`, says: /[Qq]uot/, rows: 3_000 },
  { name: "a quote inside a field", bytes: `${CSV}${LINE.replace("85123A", "85\"123A")}\n`, says: /[Qq]uot/, rows: 3_000 },
  { name: "gzip that is none", bytes: CSV, gz: true, says: /header|gzip/ },
  { name: "gzip that ends early", bytes: gzipSync(CSV).subarray(0, -30), gz: true, says: /end of file|gzip/, rows: 3_000 },
  { name: "gzip with a byte changed", bytes: flip(gzipSync(CSV)), gz: true, says: /check/, rows: 3_000 },
  { name: "bytes that are no text", bytes: Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 131) % 251)), says: /./ },
];

function flip(bytes: Buffer): Buffer {
  const place = bytes.length - 6; // the checksum
  bytes[place] = bytes[place]! ^ 0xff;
  return bytes;
}

async function readAll(path: string): Promise<{ readonly rows: readonly PurchaseRow[]; readonly error: unknown }> {
  const rows: PurchaseRow[] = [];
  try {
    for await (const batch of readTransactions(path, { batchRows: 1_000 })) rows.push(...batch);
    return { rows, error: undefined };
  } catch (error) {
    return { rows, error };
  }
}

for (const { name, bytes, gz = false, says, rows: good = 0 } of FILES) {
  test(`transactions: ${name}`, async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, gz ? "orders.csv.gz" : "orders.csv");
    await writeFile(path, bytes);
    const { rows, error } = await readAll(path);
    assert.ok(isStrataError(error), `no error but ${rows.length} rows`);
    assert.equal(error.code, "FILE_INVALID", error.message);
    assert.match(error.message, says);
    assert.ok(error.message.includes(path), "the message names the file");
    assert.ok(rows.length <= good, `${rows.length} rows before the bad place`);
    assert.ok(rows.every((row) => row["title"] === "HEART, WHITE" && row["quantity"] === 6 && row["customer"] === "17850"), "what was read is right");
  });
}

test("transactions: no file, a folder, and a header alone", async () => {
  await using folder = await temporaryFolder();
  const codeOf = async (path: string): Promise<unknown> => {
    const { error } = await readAll(path);
    return isStrataError(error) ? error.code : error;
  };
  assert.equal(await codeOf(join(folder.path, "nothing.csv")), "FILE_NOT_FOUND");
  assert.equal(await codeOf(folder.path), "FILE_INVALID");
  const path = join(folder.path, "header.csv");
  await writeFile(path, `\uFEFF${HEADER}\r\n`);
  assert.deepEqual(await readAll(path), { rows: [], error: undefined });
});

test("a demo over a bad file stores nothing and leaves nothing open", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "orders.csv");
  await writeFile(path, `${CSV}536365,85123A\n`);
  const report = { section: () => undefined, say: () => undefined, progress: () => ({ update: () => undefined, finish: () => undefined }) };
  const dataDir = join(folder.path, "data");
  await assert.rejects(runDemo({ data: path, dataDir, port: 0, seed: 1, report, signal: new AbortController().signal }), { code: "FILE_INVALID" });
  assert.deepEqual((await readdir(folder.path)).toSorted(), ["orders.csv"]);
  await writeFile(path, `${HEADER}\n`);
  await assert.rejects(runDemo({ data: path, dataDir, port: 0, seed: 1, report, signal: new AbortController().signal }), { code: "FILE_INVALID" });
});

// definitions

const DEFINITIONS: readonly (readonly [name: string, text: string, code: string, says: RegExp])[] = [
  ["nothing in it", "", "DEFINITION_LOAD_FAILED", /default export/],
  ["no default export", "export const application = 1;", "DEFINITION_LOAD_FAILED", /default export/],
  ["a default export that is no application", "export default { kind: \"something\" };", "DEFINITION_LOAD_FAILED", /default export/],
  ["a syntax error", "export default {", "DEFINITION_LOAD_FAILED", /app\.ts/],
  ["TypeScript that cannot be stripped", "enum Level { low }\nexport default Level;", "DEFINITION_LOAD_FAILED", /enum/],
  ["an import that is not there", "import { x } from \"./nothing.ts\";\nexport default x;", "DEFINITION_LOAD_FAILED", /nothing\.ts/],
  ["a package that is not there", "import x from \"no-such-package\";\nexport default x;", "DEFINITION_LOAD_FAILED", /no-such-package/],
  ["a name that strata does not have", "import { defineStrem } from \"strata\";\nexport default defineStrem;", "DEFINITION_LOAD_FAILED", /defineStrem/],
  ["an exception", "throw new Error(\"not today\");", "DEFINITION_LOAD_FAILED", /not today/],
  ["a duration that is none", "import { count } from \"strata\";\nexport default count().over(\"soon\");", "DURATION_INVALID", /soon/],
  ["several problems", "import { defineApplication, defineStream, z } from \"strata\";\nexport default defineApplication(\"My App\", [defineStream(\"Clicks\", { schema: z.object({ a: z.string() }), time: \"b\" })]);", "DEFINITION_INVALID", /My App.*Clicks.*"b"/s],
];

for (const [name, text, code, says] of DEFINITIONS) {
  test(`definition: ${name}`, async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "node_modules"));
    await symlink(join(import.meta.dirname, "../.."), join(folder.path, "node_modules", "strata"));
    await writeFile(join(folder.path, "package.json"), `{"type":"module"}`);
    const file = join(folder.path, "app.ts");
    await writeFile(file, text);
    const dataDir = join(folder.path, "data");
    await assert.rejects(openTestPlatform(file, { dataDir }), (thrown) => {
      assert.ok(isStrataError(thrown), String(thrown));
      assert.deepEqual([thrown.code, says.test(thrown.message)], [code, true], thrown.message);
      return true;
    });
    assert.ok(!(await readdir(folder.path)).includes("data"), "no data folder was made");
  });
}

test("definition: no file", async () => {
  await using folder = await temporaryFolder();
  await assert.rejects(openTestPlatform(join(folder.path, "nothing.ts"), { dataDir: join(folder.path, "data") }), { code: "FILE_NOT_FOUND" });
  assert.deepEqual(await readdir(folder.path), []);
});

// the data folder

test("a data folder that is a file, or in use", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(file, "mine");
  await assert.rejects(openTestPlatform(application, { dataDir: file }));
  assert.equal(await readFile(file, "utf8"), "mine");
  const dataDir = join(folder.path, "data");
  await using _first = await openTestPlatform(application, { dataDir });
  await assert.rejects(openTestPlatform(application, { dataDir }), { code: "DATA_DIR_LOCKED" });
});

test("state and models that were damaged: state is derived again, a model that is gone is answered for by the fallback", { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  const clock = createReplayClock(Date.UTC(2026, 0, 5));
  const world = createMaintenanceWorld(createRandom("damage"), clock);
  const open = () => openTestPlatform(application, { dataDir: folder.path, clock });
  const keys = Array.from({ length: 50 }, (_, at) => [`m${at * 11}`]);
  const known = async (platform: Awaited<ReturnType<typeof open>>) => {
    await platform.monitor.settle();
    return {
      features: platform.features.read({ view: "heat", keys, atMs: clock.now() }), traffic: platform.monitor.traffic("guess"),
      rewards: platform.monitor.rewards("guess", { version: 1 }), aliases: await platform.registry.aliases("wear"),
    };
  };
  let before: unknown;
  {
    await using platform = await open();
    await world.history(platform, 1_000);
    await platform.train("wear");
    await world.live(platform, 100);
    clock.advance(600_000);
    before = await known(platform);
  }
  for (const path of await filesBelow(join(folder.path, "state"))) await writeFile(path, "x".repeat(100));
  for (const path of await filesBelow(join(folder.path, "blobs"))) await writeFile(path, "x".repeat(100));
  await using platform = await open();
  assert.deepEqual(await known(platform), before, "everything that was derived is derived again");
  const answer = await platform.endpoints.answer("guess", { machine: "m1" });
  assert.deepEqual([answer.variant, answer.outputs], ["fallback", [0.5]]);
  assert.match(answer.fallbackReason!, /digest/);
  await assert.rejects(platform.train("wear"), { code: "BLOB_CORRUPT" }, "nothing can be compared with a champion that is gone");
  assert.equal((await platform.registry.versions("wear")).length, 1);
  assert.deepEqual((await platform.experiments.listRuns({ limit: 10 })).runs.map(({ status }) => status), ["failed", "finished"]);
});

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  assert.ok(files.length > 0, `${folder} has no files`);
  return files;
}
