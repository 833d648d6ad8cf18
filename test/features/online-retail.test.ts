/**
 * Real transactions: the point-in-time join gives the brute-force answer in every cell, for every aggregation over
 * every kind of window, at times around real events (of which whole baskets share one time, and many are copies).
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  approximateDistinct, count, defineEntity, defineFeatureView, defineStream, distinct, first, histogram, last, lastN, max, mean, min, quantile, standardDeviation, sum, topK, variance, z,
} from "strata";
import type { Aggregation } from "strata";
import { createRandom } from "strata/testing";
import { readTransactions } from "../../examples/storefront/transactions-file.ts";
import { bruteForce, inPieces } from "../../src/data/features/event-samples.test.ts";
import type { SampleEvent } from "../../src/data/features/event-samples.test.ts";
import { createPointInTimeIndex, createRowReader } from "../../src/data/features/point-in-time.ts";

const FILE = join(import.meta.dirname, "../../../shared/data/online-retail.csv.gz");
const ROWS = 40_000;
const LABELS = 160;
const DAY_MS = 86_400_000;

const sales = defineStream("sales", { schema: z.object({ customer: z.string().optional(), item: z.string(), quantity: z.number(), price: z.number(), country: z.string() }) });
const WINDOWS: Readonly<Record<string, <T>(feature: Aggregation<T>) => Aggregation<T>>> = {
  life: (feature) => feature, week: (feature) => feature.over("7d"), day: (feature) => feature.tumbling("1d"), hop: (feature) => feature.hopping("7d", { every: "1d" }),
  london: (feature) => feature.hopping("3d", { every: "1d", timeZone: "Europe/London" }), session: (feature) => feature.session("2d", { atMost: "20d" }),
};
const activity = defineFeatureView("activity", {
  entities: [defineEntity("customer")], from: sales, by: (e) => ({ customer: e.customer }), ttl: "40d",
  features: (e): Readonly<Record<string, Aggregation<unknown>>> => {
    const spent = e.quantity.times(e.price);
    const features: Readonly<Record<string, Aggregation<unknown>>> = {
      lines: count(), refunds: count().where(e.quantity.less(0)), spent: sum(spent), mean: mean(spent), variance: variance(spent), deviation: standardDeviation(e.quantity), min: min(e.price), max: max(e.quantity),
      first: first(e.item), last: last(e.item), last_price: last(e.price), recent: lastN(e.item, 5), top: topK(e.item, 3), usual: topK(e.quantity, 2), items: distinct(e.item), about: approximateDistinct(e.item),
      median: quantile(spent, 0.5), tails: quantile(e.quantity, [0.01, 0.9, 0.99]), sizes: histogram(e.quantity, [0, 1, 6, 12, 100]),
    };
    return Object.fromEntries(Object.entries(features).flatMap(([name, feature]) => Object.entries(WINDOWS).map(([window, within]) => [`${name}_${window}`, within(feature)])));
  },
});

test("every cell of the join is the brute-force one", { skip: existsSync(FILE) ? false : "online-retail.csv.gz is not in the shared data folder beside the repository", timeout: 120_000 }, async (context) => {
  const events = await readEvents();
  const random = createRandom(3);
  const byCustomer = Map.groupBy(events, (event) => event.row["customer"]);
  const buyers = [...byCustomer.keys()].filter((key) => typeof key === "string");
  const asked = Array.from({ length: LABELS }, () => {
    const customer = buyers[random.integer(buyers.length)]!;
    const own = byCustomer.get(customer)!;
    const near = own[random.integer(own.length)]!.timeMs;
    return { customer, timeMs: near + [0, -1, 1, DAY_MS, 7 * DAY_MS, 40 * DAY_MS, 40 * DAY_MS + 1, random.integer(30 * DAY_MS)][random.integer(8)]!, limit: near + random.integer(9) * DAY_MS };
  });
  const index = createPointInTimeIndex(activity, toColumns(events), { known: "time" });
  const read = createRowReader(index.query({
    entities: index.resolve([asked.map(({ customer }) => customer)]), timesMs: Float64Array.from(asked, ({ timeMs }) => timeMs), knownLimits: Float64Array.from(asked, ({ limit }) => limit),
  }));
  let cells = 0, present = 0;
  asked.forEach(({ customer, timeMs, limit }, row) => {
    const found = inPieces(activity, read(row));
    assert.deepStrictEqual(found, bruteForce(activity, byCustomer.get(customer)!, { key: customer, timeMs, isKnown: (event) => event.knownAtMs <= limit }), `${customer} at ${timeMs}`);
    cells += found.length;
    present += found.filter((value) => value !== null).length;
  });
  context.diagnostic(`${cells} cells of ${LABELS} labels over ${events.length} transactions, ${present} of them not missing: 0 differ`);
  assert.ok(present > cells / 4);
});

/** One in ten becomes known days after its time, as corrections do. */
async function readEvents(): Promise<readonly SampleEvent[]> {
  const events: SampleEvent[] = [];
  for await (const batch of readTransactions(FILE, { batchRows: 5_000 })) {
    for (const { customer, item, quantity, price, country, at } of batch) {
      const offset = events.length;
      const timeMs = Date.parse(String(at));
      events.push({ offset, timeMs, knownAtMs: timeMs + (offset % 10 === 0 ? 3 * DAY_MS : 0), row: { ...(customer === undefined ? {} : { customer }), item, quantity, price, country } });
    }
    if (events.length >= ROWS) break;
  }
  return events.slice(0, ROWS);
}

function toColumns(events: readonly SampleEvent[]): Parameters<typeof createPointInTimeIndex>[1] {
  const text = (name: string) => {
    const values = events.map(({ row }) => row[name] as string | undefined);
    const dictionary = [...new Set(values.filter((value) => value !== undefined))];
    const codes = new Map(dictionary.map((value, code) => [value, code]));
    return { kind: "text" as const, codes: Int32Array.from(values, (value) => (value === undefined ? -1 : codes.get(value)!)), dictionary };
  };
  const number = (name: string) => ({ kind: "number" as const, values: Float64Array.from(events, ({ row }) => Number(row[name])) });
  return {
    rows: events.length, offsets: Float64Array.from(events, ({ offset }) => offset), timesMs: Float64Array.from(events, ({ timeMs }) => timeMs), knownAtMs: Float64Array.from(events, ({ knownAtMs }) => knownAtMs),
    columns: { customer: text("customer"), item: text("item"), country: text("country"), quantity: number("quantity"), price: number("price") },
  };
}
