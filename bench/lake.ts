/**
 * SQL over the lake and its tiers: a month of events in files of 100,000; a question about everything, about one day, the
 * same from the blob store and from the cache, from cold files; the bytes per tier; a merge of all files; an unpruned
 * question beside it as the measure.
 *
 *   node --conditions=source bench/lake.ts [--events 2000000]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defineApplication, defineStream, z } from "strata";
import { createManualClock, createRandom, loadConfig, openPlatform } from "strata/testing";

const { values: flags } = parseArgs({ options: { events: { type: "string", default: "2000000" } } });
const events = Number(flags.events);
const BATCH = 5_000;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const STEP_MS = (30 * DAY_MS) / events;
const ROUNDS = 5;

const purchases = defineStream("purchases", {
  schema: z.object({ line: z.string(), customer: z.string(), item: z.string(), price: z.number(), quantity: z.number(), country: z.string(), at: z.string() }),
  time: "at", storage: { warmAfter: "40d", coldAfter: "80d" },
});

interface Answer {
  readonly rows: readonly unknown[];
  readonly files: number;
  readonly skippedFiles: number;
  readonly fetchedBytes: number;
}

const random = createRandom("lake bench");
const folder = await mkdtemp(join(tmpdir(), "strata-bench-lake-"));
const clock = createManualClock(START_MS + 31 * DAY_MS);
try {
  const { config } = loadConfig({ environment: {}, flags: { dataDir: folder, port: 0, listeners: 1, logLevel: "error", checkpointSeconds: 3_600 } });
  await using platform = await openPlatform({ definition: defineApplication("bench", [purchases]), config, clock, runsControlLoop: false });
  for (let at = 0; at < events; at += BATCH) {
    const lines = Array.from({ length: Math.min(BATCH, events - at) }, (_, index) => at + index).map((row) => JSON.stringify({
      line: `line-${row}`, customer: `c${random.integer(50_000)}`, item: `i${random.integer(4_000)}`, price: Math.round(random.next() * 10_000) / 100, quantity: 1 + random.integer(8),
      country: random.pick(["gb", "de", "fr", "nl", "ie"]), at: new Date(START_MS + row * STEP_MS).toISOString(),
    }));
    await platform.ingestion.ingestText("purchases", Buffer.from(lines.join("\n")), { format: "ndjson", backfill: true });
  }
  await platform.lake.flush();

  const ask = async (sql: string): Promise<Answer> => {
    const answer = await fetch(`${platform.url}/v1/sql`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ sql }) });
    const lines = (await answer.text()).trim().split("\n").map((line) => JSON.parse(line) as unknown);
    const last = lines.at(-1) as Omit<Answer, "rows"> & { readonly error?: { readonly message: string } };
    if (last.error !== undefined) throw new Error(last.error.message);
    return { ...last, rows: lines.slice(1, -1) };
  };
  const measure = async (name: string, sql: string, rounds = ROUNDS): Promise<string> => {
    const times: number[] = [];
    let answer: Answer | undefined;
    for (let round = 0; round < rounds; round++) {
      const begin = performance.now();
      answer = await ask(sql);
      times.push(performance.now() - begin);
    }
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
    console.log(JSON.stringify({ case: name, events, medianMs: Math.round(median), files: answer!.files, skippedFiles: answer!.skippedFiles, fetchedMiB: Number((answer!.fetchedBytes / 2 ** 20).toFixed(1)) }));
    return JSON.stringify(answer!.rows);
  };
  const everything = "select country, count(*), round(sum(price * quantity)) from purchases group by country order by country";
  const oneDay = everything.replace(" group by", " where event_time >= '2026-01-15' and event_time < '2026-01-16' group by");
  const sameDay = everything.replace(" group by", " where epoch_ms(event_time) >= epoch_ms(timestamptz '2026-01-15') and epoch_ms(event_time) < epoch_ms(timestamptz '2026-01-16') group by"); // the same rows, asked so that no file can be skipped
  const storage = async (name: string): Promise<void> => {
    const [stored] = await platform.lake.storage();
    const { hot, warm, cold } = stored!.tiers;
    console.log(JSON.stringify({ case: name, events, hotMiB: mebibytes(hot.sizeBytes), warmMiB: mebibytes(warm.sizeBytes), coldMiB: mebibytes(cold.sizeBytes), bytesPerEvent: Number(((hot.sizeBytes + warm.sizeBytes + cold.sizeBytes) / events).toFixed(1)) }));
  };

  await storage("bytes, hot");
  const expected = await measure("everything, hot", everything);
  const day = await measure("one day, hot", oneDay);
  if (await measure("one day that skips nothing, hot", sameDay) !== day) throw new Error("skipping files changed the answer");
  clock.advance(40 * DAY_MS);
  await platform.lake.applyPolicies();
  await storage("bytes, warm");
  if (await measure("one day, warm, first time", oneDay, 1) !== day) throw new Error("the warm tier answers otherwise");
  if (await measure("everything, warm, first time", everything, 1) !== expected) throw new Error("the warm tier answers otherwise");
  await measure("everything, warm, cached", everything);
  clock.advance(40 * DAY_MS);
  const begin = performance.now();
  await platform.lake.applyPolicies();
  console.log(JSON.stringify({ case: "cooling", events, milliseconds: Math.round(performance.now() - begin), eventsPerSecond: Math.round(events / ((performance.now() - begin) / 1_000)) }));
  await storage("bytes, cold");
  if (await measure("everything, cold, first time", everything, 1) !== expected) throw new Error("the cold tier answers otherwise");
  if (await measure("one day, cold, cached", oneDay) !== day) throw new Error("the cold tier answers otherwise");
} finally {
  await rm(folder, { recursive: true, force: true });
}

function mebibytes(bytes: number): number {
  return Number((bytes / 2 ** 20).toFixed(1));
}
