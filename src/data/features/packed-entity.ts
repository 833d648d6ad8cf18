/**
 * All that a view keeps of one entity, as bytes and back: the rows its windows need and what evicted events left
 * behind. The bytes stand alone (codes are the entity's own, their scalars included), so any process that knows the
 * view's definition can put them under the same operator and answer the same. Online stores at scale and the spill
 * file hold exactly these bytes.
 *
 *   0 magic u32 | 4 fingerprint of the view's definition u32 | 8 rows u32 | 12 doubles u32 | 16 integers u32 | 20 text bytes u32
 *   | 24 horizon f64 | doubles | integers | flag bytes | text (JSON: the scalars of each code column, in order of their codes)
 *
 * Little-endian, as on every platform Node runs on.
 */
import type { Scalar } from "../../define/index.ts";
import { hashOf } from "../../kernel/hash.ts";
import { MISSING_CODE } from "./dictionary.ts";
import type { EvictedHistory } from "./evicted-history.ts";
import { readHistory, writeHistory } from "./history-cells.ts";
import type { WindowColumns } from "./window-columns.ts";
import type { WindowPlan } from "./window-plan.ts";

/** "SPE1": the last digit is the version of the format. */
const MAGIC = 0x31455053;
const HEAD_BYTES = 32;

export interface PackedHead {
  readonly rows: number;
  /** Events before this may have been dropped: reads at times before `horizonMs` plus the plan's keepMs are refused. */
  readonly horizonMs: number;
}

/** Where an entity stands in the columns: rows `[start, start + count)` in order of time, and its number in the history. */
export interface PlacedEntity {
  readonly entity: number;
  readonly start: number;
  readonly count: number;
}

export interface EntityPacker {
  /** The entity as bytes of their own. */
  pack(placed: PlacedEntity, horizonMs: number): Uint8Array;
  /** The head alone; throws an Error that says what is wrong when the bytes are not an entity of this view. */
  head(bytes: Uint8Array): PackedHead;
  /** Writes the rows from `at.start` on, which must have room, and the history of `at.entity`. */
  unpack(bytes: Uint8Array, at: { readonly entity: number; readonly start: number }): void;
}

/** A packer over columns, which may grow and change between calls. */
export function createEntityPacker(plan: WindowPlan, columns: WindowColumns, history: EvictedHistory | undefined): EntityPacker {
  const fingerprint = fingerprintOf(plan);
  const scratch = createScratch();

  return {
    pack: ({ entity, start, count }, horizonMs) => {
      const texts = plan.bucketLimits.map((limit) => (limit > 0 ? AS_THEY_ARE : createLocalCodes()));
      const doubles: number[] = [];
      const integers: number[] = [];
      if (history !== undefined) {
        writeHistory(history, plan, entity, {
          double: (value) => void doubles.push(value), integer: (value) => void integers.push(value),
          code: (column, code) => void integers.push(texts[column]!.encode(code)),
        });
      }
      const doubleCount = count * (1 + columns.numbers.length) + doubles.length;
      const integerCount = count * columns.codes.length + integers.length;
      const localCodes = columns.codes.map((codes, column) => encodeAll(texts[column]!, { codes, start, count }));
      const text = Buffer.from(JSON.stringify(texts.map((local, column) => local.codes.map((code) => columns.dictionaries[column]!.values[code]!))));
      const size = HEAD_BYTES + doubleCount * 8 + integerCount * 4 + count * columns.flags.length + text.length;
      scratch.reserve(size);
      const { f64, i32, u8 } = scratch;
      i32[0] = MAGIC;
      i32[1] = fingerprint;
      i32.set([count, doubleCount, integerCount, text.length], 2);
      f64[3] = horizonMs;
      let at = HEAD_BYTES / 8;
      for (const column of [columns.times, ...columns.numbers]) at = copyInto(f64, at, column, start, count);
      f64.set(doubles, at);
      at = (at + doubles.length) * 2;
      for (const codes of localCodes) at = copyInto(i32, at, codes, 0, count);
      i32.set(integers, at);
      at = (at + integers.length) * 4;
      for (const column of columns.flags) at = copyInto(u8, at, column, start, count);
      u8.set(text, at);
      return u8.slice(0, size);
    },
    head: (bytes) => readHead(bytes, fingerprint),
    unpack: (bytes, { entity, start }) => {
      const { rows } = readHead(bytes, fingerprint);
      scratch.reserve(bytes.byteLength);
      const { f64, i32, u8 } = scratch;
      u8.set(bytes);
      const [doubleCount, integerCount, textBytes] = [i32[3]!, i32[4]!, i32[5]!];
      const integersAt = HEAD_BYTES / 4 + doubleCount * 2;
      const flagsAt = (integersAt + integerCount) * 4;
      const textAt = flagsAt + rows * columns.flags.length;
      const scalars = JSON.parse(Buffer.from(u8.buffer, textAt, textBytes).toString()) as Scalar[][]; // written by pack: the head fits the bytes
      const newCodes = scalars.map((values, column) => Int32Array.from(values, (value) => columns.dictionaries[column]!.encode(value)));
      let at = HEAD_BYTES / 8;
      for (const column of [columns.times, ...columns.numbers]) at = copyOut(f64, at, column, start, rows);
      let integer = integersAt;
      columns.codes.forEach((codes, column) => {
        const renamed = plan.bucketLimits[column]! > 0 ? undefined : newCodes[column]!;
        for (let row = 0; row < rows; row++) {
          const code = i32[integer++]!;
          codes[start + row] = code < 0 ? MISSING_CODE : renamed === undefined ? code : renamed[code]!;
        }
      });
      let byte = flagsAt;
      for (const column of columns.flags) byte = copyOut(u8, byte, column, start, rows);
      if (history !== undefined) {
        readHistory(history, plan, entity, {
          double: () => f64[at++]!, integer: () => i32[integer++]!,
          code: (column) => newCodes[column]![i32[integer++]!]!,
        });
      }
    },
  };
}

/** Bytes of another definition of the view must not be read: its columns may have the same number and another meaning. */
function fingerprintOf(plan: WindowPlan): number {
  return Number.parseInt(hashOf({
    slots: plan.slots.map(({ storage, type, bucket, of, where }) => ({ storage, type, bucket, of, where })), features: plan.features.map(({ name, columns }) => ({ name, columns })),
    windows: plan.windows.map(({ chain, length }) => ({ chain, length: String(length) })), chains: plan.chains,
  }).slice(-8), 16) | 0;
}

function readHead(bytes: Uint8Array, fingerprint: number): PackedHead {
  if (bytes.byteLength < HEAD_BYTES) throw new Error("it is shorter than a packed entity's head");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt32(0, true) !== MAGIC) throw new Error("it is not a packed entity of this version");
  if (view.getInt32(4, true) !== fingerprint) throw new Error("it was packed under another definition of the view");
  return { rows: view.getInt32(8, true), horizonMs: view.getFloat64(24, true) };
}

type Column = Float64Array | Int32Array | Uint8Array;

function copyInto<T extends Column>(into: T, at: number, column: T, start: number, count: number): number {
  for (let row = 0; row < count; row++) into[at + row] = column[start + row]!;
  return at + count;
}

function copyOut<T extends Column>(from: T, at: number, column: T, start: number, count: number): number {
  for (let row = 0; row < count; row++) column[start + row] = from[at + row]!;
  return at + count;
}

interface Scratch {
  f64: Float64Array;
  i32: Int32Array;
  u8: Uint8Array;
  reserve(bytes: number): void;
}

/** Aligned memory that is used again, seen as doubles, integers and bytes. */
function createScratch(): Scratch {
  const over = (buffer: ArrayBuffer) => ({ f64: new Float64Array(buffer), i32: new Int32Array(buffer), u8: new Uint8Array(buffer) });
  const scratch: Scratch = {
    ...over(new ArrayBuffer(4_096)),
    reserve: (bytes) => {
      if (bytes > scratch.u8.length) Object.assign(scratch, over(new ArrayBuffer(2 ** Math.ceil(Math.log2(bytes)))));
    },
  };
  return scratch;
}

/** The codes of one column that the entity uses, numbered in order of appearance. */
interface LocalCodes {
  readonly codes: number[];
  encode(code: number): number;
}

/** Buckets mean the same everywhere. */
const AS_THEY_ARE: LocalCodes = { codes: [], encode: (code) => code };

function encodeAll({ encode }: LocalCodes, { codes, start, count }: { readonly codes: Int32Array; readonly start: number; readonly count: number }): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => encode(codes[start + row]!));
}

function createLocalCodes(): LocalCodes {
  const numbers = new Map<number, number>();
  const codes: number[] = [];
  const encode = (code: number): number => {
    if (code < 0) return MISSING_CODE;
    const known = numbers.get(code);
    if (known !== undefined) return known;
    numbers.set(code, codes.length);
    return codes.push(code) - 1;
  };
  return { codes, encode };
}
