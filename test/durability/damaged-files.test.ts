/**
 * Files that were cut or had a bit flipped, while the platform was down or, for spilled features, under it: whatever
 * the file, features and the lake's answers are right or the platform says what is damaged; a wrong number is never served. SQLite's file is left out: it has no checksums of pages,
 * and what it holds can be rebuilt (lake manifest) or is chained by hash (registry moves).
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { isStrataError } from "strata";
import { createRandom, loadConfig, openPlatform } from "strata/testing";
import { openOfflineSql } from "../../src/platform/sql/offline-sql.ts";
import application from "./payments-app.ts";

const ACCOUNTS = 20;
const EVENTS = 4_000;
const KEYS = Array.from({ length: ACCOUNTS }, (_, at) => ({ account: `a${at}` }));

async function open(dataDir: string, flags: { readonly featureMemoryBytes?: number } = {}) {
  const { config } = loadConfig({ environment: {}, flags: { dataDir, port: 0, listeners: 1, logLevel: "error", segmentBytes: 64 * 1024, ...flags } });
  return openPlatform({ definition: application, config, runsControlLoop: false });
}

/** What a reader sees: the rows, or the code of the refusal. */
async function observe(dataDir: string): Promise<{ readonly rows?: unknown; readonly refusal?: string }> {
  try {
    await using platform = await open(dataDir);
    const response = await fetch(`${platform.url}/v1/features/totals`, { method: "POST", body: JSON.stringify({ keys: KEYS }), headers: { "content-type": "application/json" } });
    const answer = await response.json() as { rows?: unknown; error?: { code: string } };
    return answer.rows === undefined ? { refusal: answer.error!.code } : { rows: answer.rows };
  } catch (thrown) {
    if (!isStrataError(thrown)) throw thrown;
    return { refusal: thrown.code };
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).toSorted();
}

test("a damaged file is noticed or changes nothing: no wrong number is ever served", { timeout: 300_000 }, async (context) => {
  const root = await mkdtemp(join(tmpdir(), "strata-damage-"));
  context.after(() => rm(root, { recursive: true, force: true }));
  const intact = join(root, "intact");
  {
    await using platform = await open(intact);
    for (let from = 0; from < EVENTS; from += 500) {
      await platform.ingestion.ingestRows("payments", Array.from({ length: 500 }, (_, at) => ({ row: { id: `p${from + at}`, account: `a${(from + at) % ACCOUNTS}`, amount: (from + at) / 100 } })));
    }
  }
  const { rows: truth } = await observe(intact);
  assert.ok(Array.isArray(truth) && truth.length === ACCOUNTS);

  const random = createRandom("damaged-files");
  const outcomes = new Map<string, number>();
  const damaged = (await filesIn(intact)).filter((path) => /\.segment$|\/state\/|checkpoints$/.test(path));
  assert.ok(damaged.length >= 6, `${damaged.length} files`);
  for (const path of damaged.filter((_, at) => at < 4 || at >= damaged.length - 6)) {
    for (const kind of ["bit", "cut"] as const) {
      const folder = join(root, "damaged");
      await rm(folder, { recursive: true, force: true });
      await cp(intact, folder, { recursive: true });
      const copy = join(folder, path.slice(intact.length));
      const bytes = await readFile(copy);
      if (bytes.length === 0) continue;
      const at = random.integer(bytes.length);
      if (kind === "bit") bytes[at]! ^= 1 << random.integer(8);
      await writeFile(copy, kind === "bit" ? bytes : bytes.subarray(0, at));
      const seen = await observe(folder);
      const place = `${kind} at ${at} of ${path.slice(intact.length)}`;
      if (seen.refusal === undefined) assert.deepEqual(seen.rows, truth, `${place}: a wrong number was served`);
      const outcome = seen.refusal ?? "right";
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  }
  context.diagnostic(`${[...outcomes].map(([outcome, count]) => `${count} × ${outcome}`).join(", ")}; no wrong number`);
});

const QUESTION = "select account, count(*) as n, sum(amount) as amount, sum(event_offset) as offsets, min(known_at) as known, count(distinct id) as ids from payments group by account order by account";

/** What the lake answers, of a server that has the log or of the files alone. */
async function askLake(dataDir: string, by: "server" | "files"): Promise<{ readonly text?: string; readonly refusal?: string }> {
  try {
    if (by === "files") {
      await using sql = await openOfflineSql(dataDir);
      await using answer = await sql.ask({ sql: QUESTION, asOf: undefined, maxRows: undefined, timeoutMs: undefined, signal: new AbortController().signal });
      const rows: unknown[] = [];
      for await (const piece of answer.pieces) rows.push(...piece);
      return { text: rows.map((row) => JSON.stringify(row)).join("\n") };
    }
    await using platform = await open(dataDir);
    const response = await fetch(`${platform.url}/v1/sql`, { method: "POST", body: JSON.stringify({ sql: QUESTION }), headers: { "content-type": "application/json" } });
    const body = await response.text();
    if (!response.ok) return { refusal: (JSON.parse(body) as { error: { code: string } }).error.code };
    const lines = body.trim().split("\n");
    const ending = JSON.parse(lines.at(-1)!) as { error?: { code: string } };
    return ending.error === undefined ? { text: lines.slice(1, -1).join("\n") } : { refusal: ending.error.code };
  } catch (thrown) {
    if (!isStrataError(thrown)) throw thrown;
    return { refusal: thrown.code };
  }
}

test("a damaged file of the lake is written again from the log, or refused where that is not at hand", { timeout: 300_000 }, async (context) => {
  const root = await mkdtemp(join(tmpdir(), "strata-damage-"));
  context.after(() => rm(root, { recursive: true, force: true }));
  const intact = join(root, "intact");
  {
    await using platform = await open(intact);
    for (let from = 0; from < 2_000; from += 500) {
      await platform.ingestion.ingestRows("payments", Array.from({ length: 500 }, (_, at) => ({ row: { id: `p${from + at}`, account: `a${(from + at) % ACCOUNTS}`, amount: from + at } })));
      await fetch(`${platform.url}/v1/lake/snapshots`, { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
    }
  }
  const [truth, truthOfFiles] = [await askLake(intact, "server"), await askLake(intact, "files")];
  assert.equal(truth.text?.split("\n").length, ACCOUNTS, truth.refusal);
  assert.equal(truthOfFiles.text?.split("\n").length, ACCOUNTS, truthOfFiles.refusal);
  const files = (await filesIn(intact)).filter((path) => path.endsWith(".parquet"));
  assert.ok(files.length >= 4, files.join());
  const random = createRandom("damaged-lake");
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 16; round++) {
    const folder = join(root, "damaged");
    await rm(folder, { recursive: true, force: true });
    await cp(intact, folder, { recursive: true });
    const path = files[random.integer(files.length)]!;
    const bytes = await readFile(path);
    const at = random.integer(bytes.length);
    const kind = round % 2 === 0 ? "bit" : "cut";
    bytes[at]! ^= 1 << random.integer(8);
    await writeFile(join(folder, path.slice(intact.length)), kind === "bit" ? bytes : bytes.subarray(0, at));
    const by = round % 4 < 2 ? "files" : "server";
    const seen = await askLake(folder, by);
    const place = `${kind} at ${at} of ${path.slice(intact.length)}, asked of the ${by}`;
    assert.deepEqual(seen, by === "files" ? { refusal: "LAKE_FILE_DAMAGED" } : truth, place);
    const outcome = `${by}: ${seen.refusal ?? "right"}`;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  context.diagnostic(`${[...outcomes].map(([outcome, count]) => `${count} × ${outcome}`).join(", ")}; no wrong number`);
});

/** The living entries are more than the megabyte that a spill file still has in memory. */
const SPILLING = { accounts: 2_000, payments: 60 };

test("damage of spilled features under a running server is noticed, and the view comes back right", { timeout: 300_000 }, async (context) => {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-damage-"));
  context.after(() => rm(dataDir, { recursive: true, force: true }));
  await using platform = await open(dataDir, { featureMemoryBytes: 1024 * 1024 });
  const { accounts, payments } = SPILLING;
  for (let round = 0; round < payments; round++) {
    await platform.ingestion.ingestRows("payments", Array.from({ length: accounts }, (_, at) => ({ row: { id: `${round}-${at}`, account: `a${at}`, amount: at + round } })));
  }
  const truth = Array.from({ length: accounts }, (_, at) => [payments, payments * at + payments * (payments - 1) / 2, payments]);
  /** Rows in pieces, so that entities come back from the file and go again; the code of a refusal for a piece. */
  const read = async (): Promise<ReadonlyMap<string, number>> => {
    const seen = new Map<string, number>();
    for (let from = 0; from < accounts; from += 100) {
      const keys = Array.from({ length: 100 }, (_, at) => ({ account: `a${from + at}` }));
      const response = await fetch(`${platform.url}/v1/features/totals`, { method: "POST", body: JSON.stringify({ keys }), headers: { "content-type": "application/json" } });
      const answer = await response.json() as { rows?: readonly unknown[]; error?: { code: string } };
      if (answer.rows !== undefined) assert.deepEqual(answer.rows, truth.slice(from, from + 100), "a wrong number was served");
      const outcome = answer.error?.code ?? "right";
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
    return seen;
  };
  assert.deepEqual(await read(), new Map([["right", accounts / 100]]));
  const random = createRandom("damaged-spill");
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 6; round++) {
    const [path] = (await filesIn(dataDir)).filter((name) => name.endsWith(".spill"));
    assert.ok(path !== undefined);
    const bytes = await readFile(path);
    assert.ok(bytes.length > 1_000_000, `${bytes.length} bytes`);
    if (round % 2 === 0) for (let flips = 0; flips < bytes.length / 1_000; flips++) bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
    await writeFile(path, round % 2 === 0 ? bytes : bytes.subarray(0, random.integer(bytes.length >> 1)));
    for (let tries = 0; ; tries++) {
      const seen = await read();
      for (const [outcome, count] of seen) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
      if (seen.get("right") === accounts / 100 && tries > 0) break;
      assert.ok(tries < 200, [...seen.keys()].join());
      await setTimeout(50);
    }
  }
  assert.ok((outcomes.get("SPILL_DAMAGED") ?? 0) >= 3, [...outcomes].join());
  assert.deepEqual([...outcomes.keys()].filter((outcome) => !["right", "SPILL_DAMAGED", "FEATURE_VIEW_BUILDING"].includes(outcome)), []);
  context.diagnostic([...outcomes].map(([outcome, count]) => `${count} × ${outcome}`).join(", "));
});
