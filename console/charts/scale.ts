/** Linear scales and their ticks, as pure functions. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../format/times.ts";

export interface Scale {
  readonly from: number;
  readonly to: number;
  /** Value to position. */
  readonly at: (value: number) => number;
}

/** Maps from..to onto start..end; a domain of one value lies in the middle. */
export function linearScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [from, to] = domain;
  const [start, end] = range;
  const span = to - from;
  return { from, to, at: (value) => (span === 0 ? (start + end) / 2 : start + ((value - from) / span) * (end - start)) };
}

/** Smallest and largest of the finite values; undefined when there are none. */
export function extentOf(values: Iterable<number>): readonly [number, number] | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : undefined;
}

/** 1, 2 or 5 times a power of ten, at least `span / count`. */
function niceStep(span: number, count: number): number {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10;
  return step * power;
}

/** About `count` round values that lie within the domain. */
export function ticksOf(from: number, to: number, count: number): readonly number[] {
  if (!(to > from)) return [from];
  return multiplesWithin(from, to, niceStep(to - from, count));
}

function multiplesWithin(from: number, to: number, step: number): readonly number[] {
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** The domain widened to round values, so that the axis begins and ends on a tick. */
export function niceDomain([from, to]: readonly [number, number], count: number): readonly [number, number] {
  if (from === to) return from === 0 ? [0, 1] : from > 0 ? [0, from * 1.25] : [from * 1.25, 0];
  const step = niceStep(to - from, count);
  return [Number((Math.floor(from / step + 1e-9) * step).toPrecision(12)), Number((Math.ceil(to / step - 1e-9) * step).toPrecision(12))];
}

const TIME_STEPS = [
  1_000, 5_000, 15_000, 30_000, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS,
  DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 28 * DAY_MS, 91 * DAY_MS, 182 * DAY_MS, 364 * DAY_MS,
];

export interface TimeTicks {
  readonly stepMs: number;
  readonly values: readonly number[];
}

/** At most about `count` times at multiples of a usual step. */
export function timeTicksOf(from: number, to: number, count: number): TimeTicks {
  const stepMs = TIME_STEPS.find((step) => (to - from) / step <= count) ?? TIME_STEPS.at(-1)!;
  return { stepMs, values: multiplesWithin(from, to, stepMs) };
}

/** Index of the sorted value nearest to the target; -1 when there are none. */
export function nearestIndex(sorted: readonly number[], target: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= target) low = middle;
    else high = middle;
  }
  return high > low && target - sorted[low]! > sorted[high]! - target ? high : Math.min(low, high);
}
