/**
 * The index's state as bytes for a checkpoint: a JSON head with names and array lengths, then the numbers as they lie
 * in memory (little-endian on every machine Node runs on).
 */
import { StrataError } from "../../kernel/errors.ts";
import type { CandidateIndexState } from "./candidate-index.ts";
import type { Looks, UserHistoryState } from "./user-history.ts";

const VERSION = 1;
const HEAD_BYTES = 8; // version, length of the JSON

interface Head {
  readonly items: readonly string[];
  readonly users: readonly string[];
  readonly openBaskets: readonly string[];
  readonly newestKnownMs: number | null;
  /** Lengths of the arrays, in the order of ARRAYS. */
  readonly lengths: readonly number[];
}

/** Every number of the state; 8-byte arrays first, so that all are aligned. */
const ARRAYS = [
  ["popularityTimes", Float64Array], ["touchedTimes", Float64Array], ["lookTimes", Float64Array],
  ["popularityItems", Int32Array], ["baskets", Int32Array], ["neighbourCounts", Int32Array], ["neighbours", Int32Array], ["neighbourWeights", Uint32Array],
  ["openCounts", Int32Array], ["openItems", Int32Array], ["boughtCounts", Int32Array], ["boughtItems", Int32Array], ["boughtTimes", Int32Array],
  ["touchedCounts", Int32Array], ["touchedItems", Int32Array], ["lookCounts", Int32Array], ["lookItems", Int32Array],
] as const;

type ArrayName = (typeof ARRAYS)[number][0];
type Numbers = Readonly<Record<ArrayName, ArrayLike<number>>>;

export function encodeCandidateState(state: CandidateIndexState): Uint8Array {
  const numbers = flatten(state);
  const head: Head = {
    items: state.items, users: state.users, openBaskets: state.coOccurrence.open.map(({ basket }) => basket),
    newestKnownMs: Number.isFinite(state.popularity.newestKnownMs) ? state.popularity.newestKnownMs : null,
    lengths: ARRAYS.map(([name]) => numbers[name].length),
  };
  const json = Buffer.from(JSON.stringify(head));
  const start = aligned(HEAD_BYTES + json.length);
  const bytes = new Uint8Array(ARRAYS.reduce((size, [name, Kind]) => size + numbers[name].length * Kind.BYTES_PER_ELEMENT, start));
  new DataView(bytes.buffer).setUint32(0, VERSION, true);
  new DataView(bytes.buffer).setUint32(4, json.length, true);
  bytes.set(json, HEAD_BYTES);
  let at = start;
  for (const [name, Kind] of ARRAYS) {
    const array = new Kind(bytes.buffer, at, numbers[name].length);
    array.set(numbers[name]);
    at += array.byteLength;
  }
  return bytes;
}

/** STATE_CORRUPT when the bytes are of another version or too short. */
export function decodeCandidateState(bytes: Uint8Array, file: string): CandidateIndexState {
  const own = new Uint8Array(bytes); // a copy of its own, so aligned; slice() of a Buffer is none
  const view = new DataView(own.buffer);
  if (own.length < HEAD_BYTES || view.getUint32(0, true) !== VERSION) throw corrupt(file, "it is of another version");
  const jsonBytes = view.getUint32(4, true);
  const start = aligned(HEAD_BYTES + jsonBytes);
  if (own.length < start) throw corrupt(file, "it is too short");
  const head = JSON.parse(Buffer.from(own.buffer, HEAD_BYTES, jsonBytes).toString()) as Head; // written by encodeCandidateState; the store checked the bytes
  let at = start;
  const entries = ARRAYS.map(([name, Kind], index) => {
    const length = head.lengths[index] ?? 0;
    if (at + length * Kind.BYTES_PER_ELEMENT > own.length) throw corrupt(file, "it is too short");
    const array = new Kind(own.buffer, at, length);
    at += array.byteLength;
    return [name, array] as const;
  });
  return unflatten(head, Object.fromEntries(entries) as Record<ArrayName, Float64Array | Int32Array | Uint32Array>);
}

function flatten({ popularity, coOccurrence, histories }: CandidateIndexState): Numbers {
  return {
    popularityTimes: popularity.timesMs, popularityItems: popularity.items, baskets: coOccurrence.baskets,
    neighbourCounts: coOccurrence.neighbours.map((neighbours) => neighbours?.items.length ?? 0),
    neighbours: concatenate(coOccurrence.neighbours.map((neighbours) => neighbours?.items ?? [])),
    neighbourWeights: concatenate(coOccurrence.neighbours.map((neighbours) => neighbours?.weights ?? [])),
    openCounts: coOccurrence.open.map(({ items }) => items.length), openItems: concatenate(coOccurrence.open.map(({ items }) => items)),
    boughtCounts: histories.map(({ bought }) => bought.length),
    boughtItems: histories.flatMap(({ bought }) => bought.map(([item]) => item)), boughtTimes: histories.flatMap(({ bought }) => bought.map(([, times]) => times)),
    touchedCounts: histories.map(({ touched }) => touched.items.length),
    touchedItems: concatenate(histories.map(({ touched }) => touched.items)), touchedTimes: concatenate(histories.map(({ touched }) => touched.timesMs)),
    lookCounts: histories.map(({ looks }) => looks.items.length),
    lookItems: concatenate(histories.map(({ looks }) => looks.items)), lookTimes: concatenate(histories.map(({ looks }) => looks.timesMs)),
  };
}

function unflatten(head: Head, numbers: Readonly<Record<ArrayName, Float64Array | Int32Array | Uint32Array>>): CandidateIndexState {
  const neighbours = slices(numbers.neighbourCounts), open = slices(numbers.openCounts);
  const bought = slices(numbers.boughtCounts), touched = slices(numbers.touchedCounts), looks = slices(numbers.lookCounts);
  const timed = (items: ArrayName, times: ArrayName, [from, to]: Slice): Looks => ({ items: [...numbers[items].subarray(from, to)], timesMs: [...numbers[times].subarray(from, to)] });
  return {
    items: head.items, users: head.users,
    popularity: { timesMs: Float64Array.from(numbers.popularityTimes), items: Int32Array.from(numbers.popularityItems), newestKnownMs: head.newestKnownMs ?? -Infinity },
    coOccurrence: {
      baskets: Int32Array.from(numbers.baskets),
      neighbours: neighbours.map(([from, to]) => (from === to ? undefined : { items: Int32Array.from(numbers.neighbours.subarray(from, to)), weights: Uint32Array.from(numbers.neighbourWeights.subarray(from, to)) })),
      open: open.map(([from, to], index) => ({ basket: head.openBaskets[index]!, items: [...numbers.openItems.subarray(from, to)] })),
    },
    histories: bought.map(([from, to], user): UserHistoryState => ({
      bought: [...numbers.boughtItems.subarray(from, to)].map((item, index) => [item, numbers.boughtTimes[from + index]!]),
      touched: timed("touchedItems", "touchedTimes", touched[user]!), looks: timed("lookItems", "lookTimes", looks[user]!),
    })),
  };
}

type Slice = readonly [from: number, to: number];

function slices(counts: ArrayLike<number>): readonly Slice[] {
  let at = 0;
  return Array.from(counts, (count): Slice => [at, at += count]);
}

function concatenate(parts: readonly ArrayLike<number>[]): readonly number[] | Float64Array {
  const whole = new Float64Array(parts.reduce((length, part) => length + part.length, 0)); // exact for every 32-bit number
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const aligned = (position: number): number => Math.ceil(position / 8) * 8;

function corrupt(file: string, reason: string): StrataError {
  return new StrataError("STATE_CORRUPT", { file, reason });
}
