/**
 * Exact counts of purchases per item in a sliding window (t - window, t], for any t: events sorted by time, and the
 * counts of the last window asked for, moved to the next one by the events between. The counts are a memo: what a
 * question answers depends on the events and t alone.
 *
 * Purchases that no question can need are dropped: a question's time may lie at most a day behind the newest moment at
 * which a purchase became known (older ones count as if the window began there).
 */
import type { Names } from "./names.ts";

/** How far a question may lie behind what is known: clocks of different machines, and requests that waited. */
const QUESTION_LATENESS_MS = 86_400_000;
/** Moving more events than this for one late purchase is put off until the next question. */
const SHIFT_LIMIT = 1_024;
/** Dropping is a copy of all that stays, so it waits until it is worth it. */
const DROP_AT_LEAST = 4_096;

export interface PopularityState {
  readonly timesMs: Float64Array;
  readonly items: Int32Array;
  readonly newestKnownMs: number;
}

export class Popularity {
  readonly #windowMs: number;
  #timesMs: Float64Array;
  #items: Int32Array;
  #length: number;
  #late: { readonly timeMs: number; readonly item: number }[] = [];
  #newestKnownMs: number;
  /** The memo: counts of the events at positions [low, high), which are those of the window (lowMs, highMs]. */
  #counts = new Float64Array(0);
  #low = 0;
  #high = 0;
  #lowMs = -Infinity;
  #highMs = -Infinity;

  constructor(windowMs: number, state?: PopularityState) {
    this.#windowMs = windowMs;
    this.#timesMs = state?.timesMs.slice() ?? new Float64Array(1_024);
    this.#items = state?.items.slice() ?? new Int32Array(1_024);
    this.#length = state?.timesMs.length ?? 0;
    this.#newestKnownMs = state?.newestKnownMs ?? -Infinity;
  }

  add(item: number, timeMs: number, knownAtMs: number): void {
    this.#newestKnownMs = Math.max(this.#newestKnownMs, knownAtMs);
    if (timeMs <= this.#horizonMs()) return;
    const position = this.#length === 0 || this.#timesMs[this.#length - 1]! <= timeMs ? this.#length : this.#after(timeMs);
    if (this.#length - position > SHIFT_LIMIT) this.#late.push({ timeMs, item });
    else this.#insert(position, timeMs, item);
  }

  /** Purchases per item in (atMs - window, atMs], by item number; valid until the next call. */
  countsAt(atMs: number, items: Names): Float64Array {
    this.#mergeLate();
    this.#drop();
    if (this.#counts.length < items.count) this.#counts = grown(this.#counts, items.count);
    const lowMs = Math.max(atMs - this.#windowMs, this.#horizonMs());
    this.#moveHigh(Math.max(atMs, lowMs));
    this.#moveLow(lowMs);
    return this.#counts;
  }

  state(): PopularityState {
    this.#mergeLate();
    const first = this.#after(this.#horizonMs());
    return { timesMs: this.#timesMs.slice(first, this.#length), items: this.#items.slice(first, this.#length), newestKnownMs: this.#newestKnownMs };
  }

  #horizonMs(): number { return this.#newestKnownMs - this.#windowMs - QUESTION_LATENESS_MS; }

  /** Position of the first event later than the time. */
  #after(timeMs: number): number {
    let from = 0;
    let to = this.#length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#timesMs[middle]! <= timeMs) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #insert(position: number, timeMs: number, item: number): void {
    this.#reserve(this.#length + 1);
    this.#timesMs.copyWithin(position + 1, position, this.#length);
    this.#items.copyWithin(position + 1, position, this.#length);
    this.#timesMs[position] = timeMs;
    this.#items[position] = item;
    this.#length++;
    if (timeMs <= this.#lowMs) this.#low++;
    if (timeMs <= this.#highMs) this.#high++;
    if (timeMs > this.#lowMs && timeMs <= this.#highMs) this.#count(item, 1);
  }

  #mergeLate(): void {
    if (this.#late.length === 0) return;
    const late = this.#late.toSorted((a, b) => a.timeMs - b.timeMs);
    this.#late = [];
    const before = { timesMs: this.#timesMs.slice(0, this.#length), items: this.#items.slice(0, this.#length) };
    this.#reserve(this.#length + late.length);
    let next = 0;
    let at = 0;
    for (let i = 0; i <= before.timesMs.length; i++) {
      const until = i < before.timesMs.length ? before.timesMs[i]! : Infinity;
      for (; next < late.length && late[next]!.timeMs < until; next++) this.#put(at++, late[next]!.timeMs, late[next]!.item);
      if (i < before.timesMs.length) this.#put(at++, until, before.items[i]!);
    }
    this.#length = at;
    this.#forgetMemo();
  }

  #put(position: number, timeMs: number, item: number): void {
    this.#timesMs[position] = timeMs;
    this.#items[position] = item;
  }

  #forgetMemo(): void {
    this.#counts.fill(0);
    this.#low = this.#high = 0;
    this.#lowMs = this.#highMs = -Infinity;
  }

  #drop(): void {
    const first = this.#after(this.#horizonMs());
    if (first < DROP_AT_LEAST || first < this.#length / 2) return;
    this.#moveHigh(Math.max(this.#highMs, this.#horizonMs()));
    this.#moveLow(Math.max(this.#lowMs, this.#horizonMs()));
    this.#timesMs.copyWithin(0, first, this.#length);
    this.#items.copyWithin(0, first, this.#length);
    this.#length -= first;
    this.#low -= first;
    this.#high -= first;
  }

  #moveHigh(toMs: number): void {
    while (this.#high < this.#length && this.#timesMs[this.#high]! <= toMs) this.#count(this.#items[this.#high++]!, 1);
    while (this.#high > this.#low && this.#timesMs[this.#high - 1]! > toMs) this.#count(this.#items[--this.#high]!, -1);
    if (this.#high === this.#low) this.#high = this.#low = this.#after(toMs); // an empty window may have to go further back
    this.#highMs = toMs;
  }

  #moveLow(toMs: number): void {
    while (this.#low < this.#high && this.#timesMs[this.#low]! <= toMs) this.#count(this.#items[this.#low++]!, -1);
    while (this.#low > 0 && this.#timesMs[this.#low - 1]! > toMs) this.#count(this.#items[--this.#low]!, 1);
    this.#lowMs = toMs;
  }

  #count(item: number, change: number): void {
    if (item >= this.#counts.length) this.#counts = grown(this.#counts, item + 1);
    this.#counts[item] = this.#counts[item]! + change;
  }

  #reserve(length: number): void {
    if (length <= this.#timesMs.length) return;
    this.#timesMs = grown(this.#timesMs, length);
    this.#items = grown(this.#items, length);
  }
}

/** A copy with room for at least `length` values, doubled so that growing is rare. */
export function grown<Values extends Float64Array | Int32Array | Uint32Array>(values: Values, length: number): Values {
  const Kind = values.constructor as new (length: number) => Values; // the same kind of array
  const larger = new Kind(Math.max(length, values.length * 2, 16));
  larger.set(values);
  return larger;
}
