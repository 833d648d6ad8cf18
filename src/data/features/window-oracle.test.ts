/**
 * What features mean, read literally: filter all events, then aggregate, in plain loops and exact fractions. Written
 * apart from the operator, which shares nothing with it but the hash of the sketch.
 */
import type { AggregationNode } from "../../define/index.ts";
import { offerOf } from "./distinct-sketch.ts";
import { createRankCounts, estimateDistinct } from "./distinct-sketch.ts";
import type { SampleEvent, SampleValue } from "./event-samples.test.ts";

const DAY_MS = 86_400_000;

/** The events a feature's window holds at a time; `events` are those of the entity that are known, in order. */
export function naiveWindow({ windowMs, window }: AggregationNode, events: readonly SampleEvent[], timeMs: number): readonly SampleEvent[] {
  const past = events.filter((event) => event.timeMs <= timeMs);
  switch (window?.kind) {
    case undefined: return past.filter((event) => event.timeMs > timeMs - (windowMs ?? Infinity));
    case "hopping": {
      let start = 0;
      while (start + window.sizeMs > timeMs) start -= window.everyMs;
      while (start + window.everyMs + window.sizeMs <= timeMs) start += window.everyMs;
      return past.filter((event) => event.timeMs >= start && event.timeMs < start + window.sizeMs);
    }
    case "calendar": {
      let first = Math.floor((timeMs / DAY_MS - window.days) / window.everyDays) * window.everyDays + 3 * window.everyDays;
      const midnight = (day: number): number => naiveMidnight(day, window.timeZone);
      while (midnight(first + window.days) > timeMs) first -= window.everyDays;
      return past.filter((event) => event.timeMs >= midnight(first) && event.timeMs < midnight(first + window.days));
    }
    case "session": {
      const near = past.filter((event) => event.timeMs > timeMs - window.atMostMs);
      const session: SampleEvent[] = [];
      let next = timeMs;
      for (const event of near.toReversed()) {
        if (next - event.timeMs > window.gapMs) break;
        session.unshift(event);
        next = event.timeMs;
      }
      return session;
    }
  }
}

/** The first instant whose local date is the day's, by trying every quarter of an hour. */
function naiveMidnight(day: number, timeZone: string): number {
  const date = new Date(day * DAY_MS).toISOString().slice(0, 10);
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone });
  for (let timeMs = day * DAY_MS - 16 * 3_600_000; ; timeMs += 900_000) if (format.format(timeMs) >= date) return timeMs;
}

/** The feature's value from the values of its window, in order of time; every place of a list. */
export function naiveValue(node: AggregationNode, values: readonly (number | string | boolean)[]): SampleValue | readonly SampleValue[] {
  const numbers = values.map(Number);
  switch (node.aggregation) {
    case "count": return values.length;
    case "sum": return numbers.length === 0 ? 0 : finite(toDouble(sumOf(numbers.map(gridded))));
    case "mean": return numbers.length === 0 ? null : finite(toDouble(sumOf(numbers.map(gridded))) / numbers.length);
    case "variance": return naiveVariance(numbers);
    case "standardDeviation": {
      const variance = naiveVariance(numbers);
      return variance === null ? null : Math.sqrt(variance);
    }
    case "min": return numbers.length === 0 ? null : numbers.reduce((a, b) => Math.min(a, b));
    case "max": return numbers.length === 0 ? null : numbers.reduce((a, b) => Math.max(a, b));
    case "first": return values[0] ?? null;
    case "last": return values.at(-1) ?? null;
    case "lastN": return padded(values.toReversed(), node.size!);
    case "topK": return padded(mostFrequent(values), node.size!);
    case "distinct": return new Set(values).size;
    case "approximateDistinct": return naiveEstimate(values);
    case "quantile": case "quantiles": {
      const sorted = numbers.toSorted((a, b) => a - b).map(toEightBits);
      const found = node.quantiles!.map((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? null);
      return node.aggregation === "quantile" ? found[0]! : padded(found, found.length);
    }
    case "histogram": return [-Infinity, ...node.edges!].map((edge, bucket) => numbers.filter((value) => value >= edge && value < (node.edges![bucket] ?? Infinity)).length);
  }
}

/** null as a whole when there is nothing. */
function padded(values: readonly SampleValue[], width: number): readonly SampleValue[] | null {
  return values.every((value) => value === null) ? null : Array.from({ length: width }, (_, place) => values[place] ?? null);
}

function mostFrequent(values: readonly (number | string | boolean)[]): readonly (number | string | boolean)[] {
  const times = (value: unknown): number => values.filter((each) => each === value).length;
  return [...new Set(values)].toSorted((a, b) => times(b) - times(a) || (a < b ? -1 : 1));
}

function naiveEstimate(values: readonly (number | string | boolean)[]): number {
  const highest = new Map<number, number>();
  for (const offer of values.map(offerOf)) highest.set(offer >> 6, Math.max(highest.get(offer >> 6) ?? 0, offer & 63));
  const ranks = createRankCounts();
  ranks[0] = 4_096 - highest.size;
  for (const rank of highest.values()) ranks[rank]!++;
  return estimateDistinct(ranks);
}

/** Rounded to eight significant bits by arithmetic. */
export function toEightBits(value: number): number {
  if (Math.abs(value) < 2 ** -1060) return 0; // nothing of it is left
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7);
  return Math.sign(value) * Math.round(Math.abs(value) / unit) * unit;
}

/** A double as a whole number of units of 2^-1074. */
function exact(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const exponent = bits >> 52n;
  const size = exponent === 0n ? bits : ((bits & 0xfffffffffffffn) | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -size : size;
}

const sumOf = (parts: readonly bigint[]): bigint => parts.reduce((a, b) => a + b, 0n);

/** Sums keep multiples of 2^-56 and round the rest once per value, to even. */
function gridded(value: number): bigint {
  const whole = exact(value);
  const unit = 1n << (1074n - 56n);
  const floor = (whole / unit - (whole % unit < 0n ? 1n : 0n)) * unit;
  const rest = whole - floor;
  const isUp = rest * 2n > unit || (rest * 2n === unit && (floor / unit) % 2n !== 0n);
  return isUp ? floor + unit : floor;
}

/** Units of 2^-1074 as the nearest double. */
function toDouble(units: bigint): number {
  return divide(units, 1n << 1074n);
}

function divide(numerator: bigint, denominator: bigint): number {
  const size = numerator < 0n ? -numerator : numerator;
  const shift = 2_000n;
  const quotient = (size << shift) / denominator;
  const bits = BigInt(quotient.toString(2).length);
  const cut = bits > 120n ? bits - 120n : 0n; // what a double can hold, with 67 bits to round by
  const magnitude = Number(quotient >> cut) * 2 ** Number(cut - shift);
  return numerator < 0n ? -magnitude : magnitude;
}

function naiveVariance(numbers: readonly number[]): number | null {
  if (numbers.length === 0 || numbers.some((value) => Math.abs(value) >= 2 ** 81)) return null;
  const n = BigInt(numbers.length);
  const whole = numbers.map((value) => (exact(value) + (1n << 992n)) >> 993n); // units of 2^-81
  const sum = sumOf(whole);
  return divide(n * sumOf(whole.map((value) => value * value)) - sum * sum, n * n << 162n);
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
