/**
 * Recovery of a feature view: its state is saved as a checkpoint, synced to disk, loaded as after a restart, and every
 * entity is read once, which puts its rows in order and builds its tiles.
 *
 *   node --conditions=source bench/recovery.ts [--events 5000000] [--entities 200000] [--spill 0]
 *
 * `--spill <bytes>` bounds the rows in memory.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { count, defineEntity, defineFeatureView, defineStream, distinct, last, lastN, max, mean, quantile, sum, topK, variance, z } from "strata";
import { createRandom, createViewState, loadViewState, openEmbeddedStateStore, openSpillFolder, saveViewState } from "strata/testing";

const { values: flags } = parseArgs({ options: {
  events: { type: "string", default: "5000000" }, entities: { type: "string", default: "200000" }, seed: { type: "string", default: "1" }, spill: { type: "string", default: "0" },
} });
const events = Number(flags.events), entities = Number(flags.entities), residentBytes = Number(flags.spill);
const random = createRandom(Number(flags.seed));
const SPAN_MS = 30 * 86_400_000;
const BATCH = 10_000;

const purchases = defineStream("purchases", { schema: z.object({ customer: z.string(), item: z.string(), price: z.number() }) });
const view = defineFeatureView("activity", {
  entities: [defineEntity("customer")], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => ({
    orders_7d: count().over("7d"), spend_30d: sum(e.price).over("30d"), mean_7d: mean(e.price).over("7d"), max_30d: max(e.price).over("30d"), last_item: last(e.item),
    items_30d: distinct(e.item).over("30d"), spread_30d: variance(e.price).over("30d"), recent: lastN(e.price, 3).over("30d"), favourites: topK(e.item, 3).over("30d"), median_30d: quantile(e.price, 0.5).over("30d"),
  }),
});

const folder = mkdtempSync(join(tmpdir(), "strata-recovery-"));
try {
  const spills = openSpillFolder(join(folder, "spill"));
  const options = residentBytes > 0 ? { spill: { residentBytes, open: () => spills.open("view") } } : {};
  const state = createViewState(view, options);
  for (let from = 0; from < events; from += BATCH) {
    const rows = Array.from({ length: Math.min(BATCH, events - from) }, () => ({ customer: `c${random.integer(entities)}`, item: `i${random.integer(2_000)}`, price: Math.round(random.next() * 10_000) / 100 }));
    const timesMs = Float64Array.from(rows, (_, row) => Math.floor(((from + row) / events) * SPAN_MS));
    state.apply({ stream: "purchases", baseOffset: from, rows, timesMs, knownAtMs: timesMs });
  }
  const states = await openEmbeddedStateStore({ folder: join(folder, "state") });
  const saving = performance.now();
  await saveViewState(state, states);
  const saved = performance.now();
  const before = Array.from({ length: 1_000 }, (_, index) => state.read([`c${index}`], SPAN_MS));
  state.store.close();

  const loading = performance.now();
  const log = { oldestOffset: 0, nextOffset: events };
  const loaded = await loadViewState(view, states, { log, logger: { log: (_, message) => { throw new Error(message); } }, ...options });
  const ready = performance.now();
  for (let entity = 0; entity < entities; entity++) loaded.read([`c${entity}`], SPAN_MS);
  const read = performance.now();
  const differing = before.filter((row, index) => JSON.stringify(row) !== JSON.stringify(loaded.read([`c${index}`], SPAN_MS))).length;
  if (differing > 0 || loaded.progress.nextOffset !== events) throw new Error(`${differing} of 1,000 entities answer otherwise after recovery`);
  console.log(JSON.stringify({
    events, entities: loaded.store.entityCount, saveMs: Math.round(saved - saving), loadMs: Math.round(ready - loading), firstReadsMs: Math.round(read - ready),
    spilledEntities: loaded.store.spillStatistics()?.entities ?? 0, peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  }));
  loaded.store.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
