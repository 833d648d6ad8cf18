/**
 * The online features in process: events applied per second, and reads of 1 row × 50 features, 100 rows × 10 features
 * and of one entity that has a large share of all events.
 *
 *   node --conditions=source bench/features.ts [--events 1000000] [--entities 100000] [--reads 20000]
 */
import { parseArgs } from "node:util";
import { count, defineEntity, defineFeatureView, defineStream, distinct, last, max, mean, min, sum, z } from "strata";
import { createRandom, createViewState } from "strata/testing";

const { values: flags } = parseArgs({ options: {
  events: { type: "string", default: "1000000" }, entities: { type: "string", default: "100000" }, reads: { type: "string", default: "20000" }, seed: { type: "string", default: "1" },
} });
const events = Number(flags.events), entities = Number(flags.entities), reads = Number(flags.reads);
const random = createRandom(Number(flags.seed));
const SPAN_MS = 90 * 86_400_000;
const BATCH = 1_000;

const purchases = defineStream("purchases", { schema: z.object({ customer: z.string(), item: z.string(), price: z.number(), quantity: z.number() }) });
const customer = defineEntity("customer");
const WINDOWS = ["1h", "1d", "7d", "30d", "90d"] as const;

const ten = defineFeatureView("ten", {
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => ({
    orders_1d: count().over("1d"), orders_7d: count().over("7d"), orders_30d: count().over("30d"), spend_7d: sum(e.price.times(e.quantity)).over("7d"),
    spend_30d: sum(e.price.times(e.quantity)).over("30d"), mean_price_30d: mean(e.price).over("30d"), max_price_30d: max(e.price).over("30d"),
    items_30d: distinct(e.item).over("30d"), last_item: last(e.item), last_time: last(e.$time),
  }),
});

const fifty = defineFeatureView("fifty", {
  entities: [customer], from: purchases, by: (e) => ({ customer: e.customer }),
  features: (e) => Object.fromEntries(WINDOWS.flatMap((window) => [
    [`count_${window}`, count().over(window)], [`bulk_${window}`, count().where(e.quantity.atLeast(5)).over(window)], [`spend_${window}`, sum(e.price.times(e.quantity)).over(window)],
    [`sum_${window}`, sum(e.price).over(window)], [`mean_${window}`, mean(e.price).over(window)], [`min_${window}`, min(e.price).over(window)], [`max_${window}`, max(e.price).over(window)],
    [`items_${window}`, distinct(e.item).over(window)], [`last_${window}`, last(e.price).over(window)], [`item_${window}`, last(e.item).over(window)],
  ])),
});

/** One event in twenty belongs to the hot customer, so that windows of many thousand events are read too. */
const rows = Array.from({ length: events }, () => ({
  customer: random.integer(20) === 0 ? "hot" : `c${random.integer(entities)}`, item: `i${random.integer(4_000)}`,
  price: Math.round(random.next() * 10_000) / 100, quantity: 1 + random.integer(8),
}));
const timesMs = Float64Array.from({ length: events }, (_, index) => Math.floor((index / events) * SPAN_MS) - random.integer(60_000));

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** Milliseconds per call. */
function measure(calls: number, work: (call: number) => void): { readonly p50: number; readonly p99: number } {
  for (let call = 0; call < calls / 5; call++) work(call);
  const times = new Float64Array(calls);
  for (let call = 0; call < calls; call++) {
    const begin = performance.now();
    work(call);
    times[call] = performance.now() - begin;
  }
  times.sort();
  return { p50: Number(percentile(times, 0.5).toPrecision(3)), p99: Number(percentile(times, 0.99).toPrecision(3)) };
}

const states = [ten, fifty].map((view) => {
  const state = createViewState(view);
  const cpu = process.cpuUsage();
  const begin = performance.now();
  for (let from = 0; from < events; from += BATCH) {
    state.apply({ stream: "purchases", baseOffset: from, rows: rows.slice(from, from + BATCH), timesMs: timesMs.subarray(from, from + BATCH), knownAtMs: timesMs.subarray(from, from + BATCH) });
    state.evict({ nowMs: SPAN_MS, latenessMs: purchases.latenessMs, visits: BATCH });
  }
  const seconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ view: view.name, applied: events, cpuMs: Math.round((user + system) / 1_000), eventsPerSecond: Math.round(events / seconds), entities: state.store.entityCount, memoryMiB: Math.round(state.store.memoryBytes() / 2 ** 20) }));
  return state;
});
const [tenState, fiftyState] = states as [(typeof states)[0], (typeof states)[0]]; // two views above

const anyone = (): readonly string[] => [`c${random.integer(entities)}`];
const hundred = Array.from({ length: 64 }, () => Array.from({ length: 100 }, anyone));
const single = Array.from({ length: 4_096 }, anyone);
let kept = 0;
const results = {
  "1 row × 50 features": measure(reads, (call) => { kept += fiftyState.read(single[call % single.length]!, SPAN_MS).length; }),
  "100 rows × 10 features": measure(Math.ceil(reads / 20), (call) => { for (const key of hundred[call % hundred.length]!) kept += tenState.read(key, SPAN_MS).length; }),
  "hot entity × 50 features": measure(Math.ceil(reads / 20), () => { kept += fiftyState.read(["hot"], SPAN_MS).length; }),
};
for (const [name, { p50, p99 }] of Object.entries(results)) console.log(JSON.stringify({ read: name, p50Ms: p50, p99Ms: p99 }));
console.log(JSON.stringify({ values: kept, peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024) }));
