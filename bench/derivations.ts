/**
 * Derived streams catching up: a platform holds the history of two streams, a definition with one derived stream is
 * applied, and the time is taken until it has made everything there is, each event durable. One kind at a time.
 *
 *   node --conditions=source bench/derivations.ts [--events 200000]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, deriveStream, joinStreams, sessionStream, z } from "strata";
import type { Stream } from "strata";
import { createRandom, loadConfig, openPlatform } from "strata/testing";

const { values: flags } = parseArgs({ options: { events: { type: "string", default: "200000" } } });
const events = Number(flags.events);
const BATCH = 1_000;
const CUSTOMERS = 5_000;

const watermark = { delay: "1m" } as const;
const clicks = defineStream("clicks", { schema: z.object({ customer: z.string(), item: z.string(), price: z.number(), at: z.number() }), time: "at", watermark });
const buys = defineStream("buys", { schema: z.object({ customer: z.string(), at: z.number() }), time: "at", watermark });
const customer = defineEntity("customer");
const activity = defineFeatureView("activity", { entities: [customer], from: clicks, by: (e) => ({ customer: e.customer }), features: () => ({ clicks: count().over("1h") }) });

const kinds: Readonly<Record<string, Stream>> = {
  "filter and map": deriveStream("mapped", { from: clicks, schema: z.object({ customer: z.string(), cents: z.number() }), where: (e) => e.price.atLeast(50), map: (e) => ({ customer: e.customer, cents: e.price.times(100) }) }),
  "enrich with a feature": deriveStream("enriched", { from: clicks, enrich: [activity], schema: z.object({ customer: z.string(), clicks: z.number() }), where: (e) => e.price.atLeast(50), map: (e, f) => ({ customer: e.customer, clicks: f.activity.clicks }) }),
  "sessions": sessionStream("visits", {
    from: clicks, gap: "30s", by: (e) => ({ customer: e.customer }), values: (e, s) => ({ clicks: s.count(), total: s.sum(e.price) }),
    schema: z.object({ customer: z.string(), started_at: z.string(), ended_at: z.string(), clicks: z.number(), total: z.number() }),
  }),
  "window join": joinStreams("led", { left: buys, right: clicks, within: { before: "1m" }, by: (b, c) => [b.customer, c.customer], schema: z.object({ customer: z.string(), item: z.string() }), map: (b, c) => ({ customer: b.customer, item: c.item }) }),
};

interface Standing {
  readonly events: number;
  readonly derivation: { readonly state: string };
}

const folder = await mkdtemp(join(tmpdir(), "strata-bench-derivations-"));
try {
  const { config } = loadConfig({ environment: {}, flags: { dataDir: folder, port: 0, listeners: 1, logLevel: "error", checkpointSeconds: 3_600 } });
  await using platform = await openPlatform({ definition: defineApplication("bench", [clicks, buys]), config, runsControlLoop: false });
  const random = createRandom("derivations bench");
  const startMs = Date.UTC(2026, 0, 1);
  for (let from = 0; from < events; from += BATCH) {
    const at = (n: number): number => startMs + (from + n) * 10;
    await platform.ingestion.ingestRows("clicks", Array.from({ length: BATCH }, (_, n) => ({ row: { customer: `c${random.integer(CUSTOMERS)}`, item: `i${n}`, price: random.integer(100), at: at(n) } })), { backfill: true });
    await platform.ingestion.ingestRows("buys", Array.from({ length: BATCH / 10 }, (_, n) => ({ row: { customer: `c${random.integer(CUSTOMERS)}`, at: at(n * 10) } })), { backfill: true });
  }
  await platform.lake.flush();
  for (const [kind, derived] of Object.entries(kinds)) {
    const sourceEvents = derived.derivation!.sources.reduce((sum, { name }) => sum + (name === "buys" ? events / 10 : events), 0);
    const begin = performance.now();
    await platform.apply(defineApplication("bench", [clicks, buys, derived]));
    const made = await caughtUp(platform.url, derived.name);
    const seconds = (performance.now() - begin) / 1_000;
    console.log(JSON.stringify({ kind, sourceEvents, made, sourceEventsPerSecond: Math.round(sourceEvents / seconds) }));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** How many events it made. */
async function caughtUp(url: string, derived: string): Promise<number> {
  for (;;) {
    const { streams } = await (await fetch(`${url}/v1/streams`)).json() as { readonly streams: readonly (Standing & { readonly name: string; readonly consumers: readonly { readonly consumer: string; readonly lagEvents: number }[] })[] };
    const standing = streams.find(({ name }) => name === derived)!;
    const lags = streams.flatMap(({ consumers }) => consumers.filter(({ consumer }) => consumer === `stream ${derived}`));
    if (standing.derivation.state === "running" && lags.every(({ lagEvents }) => lagEvents === 0)) return standing.events;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
