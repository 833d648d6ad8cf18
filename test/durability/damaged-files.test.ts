/**
 * Files that were cut or had a bit flipped while the platform was down: whatever the file, features are right or the
 * platform says what is damaged; a wrong number is never served. SQLite's file is left out: it has no checksums of pages,
 * and what it holds can be rebuilt (lake manifest) or is chained by hash (registry moves).
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isStrataError } from "strata";
import { createRandom, loadConfig, openPlatform } from "strata/testing";
import application from "./payments-app.ts";

const ACCOUNTS = 20;
const EVENTS = 4_000;
const KEYS = Array.from({ length: ACCOUNTS }, (_, at) => ({ account: `a${at}` }));

async function open(dataDir: string) {
  const { config } = loadConfig({ environment: {}, flags: { dataDir, port: 0, listeners: 1, logLevel: "error", segmentBytes: 64 * 1024 } });
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
