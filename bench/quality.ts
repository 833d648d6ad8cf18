/**
 * What expectations cost: the same events through the door of a whole platform with no rule, with eight rules that look
 * at one event (two of them at the door), and with uniqueness and drift besides. CPU of the whole process per event,
 * until everything is durable, in the lake and judged; then a check of the lake and a profile.
 *
 *   node --conditions=source bench/quality.ts [--events 300000]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { between, defineApplication, defineExpectations, defineStream, holds, matches, notNull, oneOf, sameDistribution, unique, z } from "strata";
import type { Application } from "strata";
import { createRandom, loadConfig, openPlatform } from "strata/testing";

const { values: flags } = parseArgs({ options: { events: { type: "string", default: "300000" } } });
const events = Number(flags.events);
const BATCH = 1_000;
const COUNTRIES = ["gb", "de", "fr", "nl", "ie"];

const purchases = defineStream("purchases", {
  schema: z.object({ line: z.string(), customer: z.string().optional(), item: z.string(), price: z.number(), quantity: z.number(), country: z.string(), at: z.iso.datetime({ offset: true }) }),
  time: "at",
});
const rules = (hasState: boolean): Application => defineApplication("bench", [defineExpectations("checks", {
  of: purchases,
  expect: (e) => ({
    has_customer: notNull(e.customer).atLeast(0.5), has_item: notNull(e.item), known_country: oneOf(e.country, COUNTRIES), item_format: matches(e.item, /^i\d+$/),
    positive_price: between(e.price, { min: 0 }).quarantine(), positive_quantity: between(e.quantity, { min: 1 }).quarantine(),
    small_order: holds(e.price.times(e.quantity).less(1e6)), sane_quantity: between(e.quantity, { max: 1_000 }).stop(),
    ...(hasState ? { unique_line: unique(e.line, { within: "1d" }), stable_price: sameDistribution(e.price) } : {}),
  }),
})]);

const random = createRandom("quality bench");
const rows = Array.from({ length: events }, (_, at) => ({
  line: `line-${at}`, ...(random.next() < 0.7 ? { customer: `c${random.integer(5_000)}` } : {}), item: `i${random.integer(4_000)}`, price: Math.round(random.next() * 10_000) / 100,
  quantity: 1 + random.integer(8), country: random.pick(COUNTRIES), at: new Date(Date.UTC(2026, 0, 1) + at * 200).toISOString(),
}));
const bodies = Array.from({ length: Math.ceil(events / BATCH) }, (_, at) => Buffer.from(rows.slice(at * BATCH, (at + 1) * BATCH).map((row) => JSON.stringify(row)).join("\n")));

async function measure(name: string, application: Application): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "strata-bench-quality-"));
  try {
    const { config } = loadConfig({ environment: {}, flags: { dataDir: folder, port: 0, listeners: 1, logLevel: "error", checkpointSeconds: 3_600 } });
    await using platform = await openPlatform({ definition: application, config, runsControlLoop: false });
    const ask = (path: string, body?: unknown): Promise<string> => fetch(platform.url + path, body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then((answer) => answer.text());
    const cpu = process.cpuUsage();
    for (const body of bodies) await platform.ingestion.ingestText("purchases", body, { format: "ndjson", backfill: true });
    await ask("/v1/quality");
    await platform.lake.flush();
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify({ case: name, events, cpuMicrosPerEvent: Number(((user + system) / events).toFixed(2)) }));
    if (application.expectations.size === 0) return;
    for (const [what, path] of [["check of the lake", "/v1/quality/check"], ["profile", "/v1/profiles"], ["profile again", "/v1/profiles"]] as const) {
      const begin = performance.now();
      const answer = await ask(path, { stream: "purchases" });
      if (!answer.includes("event: result")) throw new Error(`${path}: ${answer.slice(-300)}`);
      console.log(JSON.stringify({ case: `${what}, ${name}`, milliseconds: Math.round(performance.now() - begin), eventsPerSecond: Math.round(events / ((performance.now() - begin) / 1_000)) }));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const none = defineApplication("bench", [purchases]);
await measure("warm-up, not to be compared", none);
await measure("no expectations", none);
await measure("eight event rules", rules(false));
await measure("eight event rules, uniqueness and drift", rules(true));
