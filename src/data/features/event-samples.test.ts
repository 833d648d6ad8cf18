/**
 * Test material of this folder: a stream, views that use every aggregation, events at will, and the brute-force answer
 * that every other path is held against.
 */
import fc from "fast-check";
import { z } from "zod";
import { compileExpression, count, defineEntity, defineFeatureView, defineStream, distinct, last, max, mean, min, sum } from "../../define/index.ts";
import type { AggregationNode, FeatureView } from "../../define/index.ts";
import type { EventColumn, EventColumns } from "../lake/event-columns.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { fieldKinds } from "../lake/field-kind.ts";
import { createKeyReader } from "./entity-key.ts";
import { LANES, addExact, exactTotal } from "./exact-sum.ts";

export const orders = defineStream("orders", {
  schema: z.object({
    customer: z.string().optional(), item: z.number().optional(), price: z.number().optional(), quantity: z.number().int().optional(),
    gift: z.boolean().optional(), country: z.enum(["FR", "DE", "IT"]).optional(),
  }),
  lateness: "100ms",
});

const customer = defineEntity("customer");
const item = defineEntity("item");

/** Every aggregation, with shared and own columns, nested windows and lifetime. */
export const activity = defineFeatureView("activity", {
  entities: [customer], from: orders, by: (e) => ({ customer: e.customer }),
  features: (e) => ({
    orders: count(), orders_50: count().over("50ms"), gifts_20: count().where(e.gift.equals(true)).over("20ms"), gifts: count().where(e.gift),
    spend: sum(e.price.times(e.quantity)), spend_10: sum(e.price.times(e.quantity)).over("10ms"), spend_50: sum(e.price.times(e.quantity)).over("50ms"),
    mean_price_50: mean(e.price).over("50ms"), min_price_10: min(e.price).over("10ms"), max_price: max(e.price), sum_price_50: sum(e.price).over("50ms"),
    max_french_50: max(e.price).where(e.country.equals("FR")).over("50ms"),
    last_price: last(e.price), last_price_10: last(e.price).over("10ms"), last_country: last(e.country), last_country_50: last(e.country).over("50ms"),
    last_gift: last(e.gift), last_time: last(e.$time), last_dear: last(e.price.greater(5)).over("20ms"),
    countries_20: distinct(e.country).over("20ms"), countries: distinct(e.country), prices_50: distinct(e.price).over("50ms"), prices: distinct(e.price),
  }),
});

/** A crossed view with a condition and a time to live. */
export const pairs = defineFeatureView("pairs", {
  entities: [customer, item], from: orders, by: (e) => ({ customer: e.customer, item: e.item }),
  where: (e) => e.quantity.greater(0), ttl: "30ms",
  features: (e) => ({ orders_20: count().over("20ms"), spend_50: sum(e.price).over("50ms"), last_country: last(e.country).over("50ms"), prices_20: distinct(e.price).over("20ms"), first: min(e.$time) }),
});

export type Row = Readonly<Record<string, unknown>>;

export interface SampleEvent {
  readonly offset: number;
  readonly timeMs: number;
  readonly knownAtMs: number;
  readonly row: Row;
}

export type SampleValue = number | string | boolean | null;

/** An event from a few small whole numbers, so that ties, repeats and missing values are frequent. */
export function sampleEvent(offset: number, draw: (bound: number) => number, spanMs = 200): SampleEvent {
  const timeMs = draw(spanMs);
  const optional = <T>(value: T, often = 6): T | undefined => (draw(often) === 0 ? undefined : value);
  const row = {
    customer: optional(`c${draw(3)}`, 12), item: optional(draw(3), 12), price: optional((draw(2000) - 300) / 100), quantity: optional(draw(5) - 1),
    gift: optional(draw(2) === 1), country: optional(["FR", "DE", "IT"][draw(3)]),
  };
  return { offset, timeMs, knownAtMs: timeMs + (draw(4) === 0 ? draw(80) : 0), row: Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) };
}

/** Lists of events, shrinkable. */
export const sampleEvents = (options: { readonly maxLength: number; readonly spanMs?: number }): fc.Arbitrary<readonly SampleEvent[]> =>
  fc.array(fc.array(fc.nat(9_999), { minLength: 16, maxLength: 16 }), { maxLength: options.maxLength }).map((seeds) =>
    seeds.map((digits, offset) => {
      let at = 0;
      return sampleEvent(offset, (bound) => digits[at++ % digits.length]! % bound, options.spanMs);
    }));

/** The events as the lake would give them. */
export function toColumns(events: readonly SampleEvent[]): EventColumns {
  const fields = [...fieldKinds(orders.schema)];
  return {
    rows: events.length,
    offsets: Float64Array.from(events, (event) => event.offset), timesMs: Float64Array.from(events, (event) => event.timeMs),
    knownAtMs: Float64Array.from(events, (event) => event.knownAtMs),
    columns: Object.fromEntries(fields.map(([name, kind]) => [name, toColumn(kind, events.map((event) => event.row[name]))])),
  };
}

function toColumn(kind: EventColumn["kind"], values: readonly unknown[]): EventColumn {
  if (kind === "number") return { kind, values: Float64Array.from(values, (value) => (typeof value === "number" ? value : Number.NaN)) };
  if (kind === "boolean") return { kind, values: Int8Array.from(values, (value) => (value === undefined ? -1 : Number(value))) };
  const dictionary = [...new Set(values.filter((value) => typeof value === "string"))];
  return { kind, codes: Int32Array.from(values, (value) => (typeof value === "string" ? dictionary.indexOf(value) : -1)), dictionary };
}

/** Some of the events as a consumer gets them. */
export function toBatch(events: readonly SampleEvent[], from: number, to: number): DecodedBatch {
  const part = events.slice(from, to);
  return {
    stream: "orders", baseOffset: from, rows: part.map((event) => event.row),
    timesMs: Float64Array.from(part, (event) => event.timeMs), knownAtMs: Float64Array.from(part, (event) => event.knownAtMs),
  };
}

export interface Question {
  readonly key: string;
  readonly timeMs: number;
  /** Which events are known. */
  readonly isKnown: (event: SampleEvent) => boolean;
}

/** The definition of the features, read literally: filter all events, then aggregate. */
export function bruteForce(view: FeatureView, events: readonly SampleEvent[], { key, timeMs, isKnown }: Question): readonly SampleValue[] {
  const keyOf = createKeyReader(view);
  const holds = view.where === undefined ? () => true : compileExpression(view.where);
  const own = events.filter((event) => isKnown(event) && event.timeMs <= timeMs && keyOf(event.row, event.timeMs) === key && holds(event.row, event.timeMs) === true)
    .toSorted((a, b) => a.timeMs - b.timeMs || a.offset - b.offset);
  const isExpired = view.ttlMs !== undefined && !own.some((event) => timeMs - event.timeMs <= view.ttlMs!);
  return Object.values(view.features).map((feature) => (isExpired ? null : aggregate(feature, own, timeMs)));
}

function aggregate(node: AggregationNode, events: readonly SampleEvent[], timeMs: number): SampleValue {
  const condition = node.where === undefined ? () => true : compileExpression(node.where);
  const inWindow = events.filter((event) => event.timeMs > timeMs - (node.windowMs ?? Infinity) && condition(event.row, event.timeMs) === true);
  if (node.of === undefined) return inWindow.length;
  const evaluate = compileExpression(node.of);
  const values = inWindow.map((event) => evaluate(event.row, event.timeMs)).filter((value) => value !== undefined);
  const numbers = values.filter((value) => typeof value === "number");
  switch (node.aggregation) {
    case "count": return inWindow.length;
    case "sum": return exactSum(numbers);
    case "mean": return numbers.length === 0 ? null : exactSum(numbers) / numbers.length;
    case "min": return numbers.length === 0 ? null : numbers.reduce((a, b) => Math.min(a, b));
    case "max": return numbers.length === 0 ? null : numbers.reduce((a, b) => Math.max(a, b));
    case "last": return values.at(-1) ?? null;
    case "distinct": return new Set(values).size;
  }
}

function exactSum(numbers: readonly number[]): number {
  const sums = new Float64Array(LANES);
  for (const number of numbers) addExact(sums, 0, number);
  return exactTotal(sums, 0);
}
