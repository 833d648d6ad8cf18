/**
 * Test material of this folder: a stream, views that use every aggregation, events at will, and the brute-force answer
 * that every other path is held against.
 */
import fc from "fast-check";
import { z } from "zod";
import {
  approximateDistinct, compileExpression, count, defineEntity, defineFeatureView, defineStream, distinct, first, histogram, last, lastN, max, mean, min, quantile, shapeOf,
  standardDeviation, sum, topK, variance,
} from "../../define/index.ts";
import type { Aggregation, AggregationNode, FeatureView } from "../../define/index.ts";
import type { EventColumn, EventColumns } from "../lake/event-columns.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { fieldKinds } from "../lake/field-kind.ts";
import { createKeyReader } from "./entity-key.ts";
import { naiveValue, naiveWindow } from "./window-oracle.test.ts";

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

/** Numbers that sums, squares and buckets find hard. */
const EXTREMES = [0, 1e12 + 0.5, -1e12, 3e-9, -(2 ** -60), 2 ** 35 + 2 ** -16, 0.1, 5e-324, -7];

/** An event from a few small whole numbers, so that ties, repeats and missing values are frequent. */
export function sampleEvent(offset: number, draw: (bound: number) => number, spanMs = 200): SampleEvent {
  const timeMs = draw(spanMs);
  const optional = <T>(value: T, often = 6): T | undefined => (draw(often) === 0 ? undefined : value);
  const row = {
    customer: optional(`c${draw(3)}`, 12), item: optional(draw(3), 12), price: optional(draw(12) === 0 ? EXTREMES[draw(EXTREMES.length)] : (draw(2000) - 300) / 100), quantity: optional(draw(5) - 1),
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
export function bruteForce(view: FeatureView, events: readonly SampleEvent[], { key, timeMs, isKnown }: Question): readonly (SampleValue | readonly SampleValue[])[] {
  const keyOf = createKeyReader(view);
  const holds = view.where === undefined ? () => true : compileExpression(view.where);
  const own = events.filter((event) => isKnown(event) && event.timeMs <= timeMs && keyOf(event.row, event.timeMs) === key && holds(event.row, event.timeMs) === true)
    .toSorted((a, b) => a.timeMs - b.timeMs || a.offset - b.offset);
  const isExpired = view.ttlMs !== undefined && !own.some((event) => timeMs - event.timeMs <= view.ttlMs!);
  return Object.values(view.features).map((feature) => (isExpired ? null : aggregate(feature, own, timeMs)));
}

function aggregate(node: AggregationNode, events: readonly SampleEvent[], timeMs: number): SampleValue | readonly SampleValue[] {
  const condition = node.where === undefined ? () => true : compileExpression(node.where);
  const inWindow = naiveWindow(node, events, timeMs).filter((event) => condition(event.row, event.timeMs) === true);
  if (node.of === undefined) return inWindow.length;
  const evaluate = compileExpression(node.of);
  return naiveValue(node, inWindow.map((event) => evaluate(event.row, event.timeMs)).filter((value) => value !== undefined));
}

const WINDOWS: Readonly<Record<string, <T>(feature: Aggregation<T>) => Aggregation<T>>> = {
  life: (feature) => feature, over: (feature) => feature.over("40ms"), tumbling: (feature) => feature.tumbling("20ms"), hopping: (feature) => feature.hopping("50ms", { every: "20ms" }),
  session: (feature) => feature.session("6ms", { atMost: "70ms" }),
};

/** Every aggregation over every kind of window; lists, texts and truths among them. */
export const kinds = defineFeatureView("kinds", {
  entities: [customer], from: orders, by: (e) => ({ customer: e.customer }),
  features: (e) => {
    const features: Readonly<Record<string, Aggregation<unknown>>> = {
      count: count(), gifts: count().where(e.gift), sum: sum(e.price), mean: mean(e.price), variance: variance(e.price), deviation: standardDeviation(e.price.times(e.quantity)),
      min: min(e.price), max: max(e.price), first: first(e.price), first_country: first(e.country), last: last(e.price), last_gift: last(e.gift),
      latest: lastN(e.price, 3), latest_countries: lastN(e.country, 2), top: topK(e.price, 3), top_countries: topK(e.country, 2), top_gifts: topK(e.gift, 2).where(e.quantity.greater(0)),
      distinct: distinct(e.price), about: approximateDistinct(e.price), about_countries: approximateDistinct(e.country),
      median: quantile(e.price, 0.5), shares: quantile(e.price, [0.95, 0, 0.25]), buckets: histogram(e.price, [-1, 0, 5, 12.5]),
    };
    return Object.fromEntries(Object.entries(features).flatMap(([name, feature]) => Object.entries(WINDOWS).map(([window, within]) => [`${name}_${window}`, within(feature)])));
  },
});

/** A row of columns as the online engine would answer it: lists in one piece. */
export function inPieces(view: FeatureView, flat: readonly SampleValue[]): readonly (SampleValue | readonly SampleValue[])[] {
  let at = 0;
  return Object.values(view.features).map((node) => {
    const { isList, width } = shapeOf(node);
    const values = flat.slice(at, at + width);
    at += width;
    return isList ? (values.every((value) => value === null) ? null : values) : values[0]!;
  });
}
