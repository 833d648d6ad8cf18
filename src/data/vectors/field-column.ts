/**
 * One payload field of every point as a column: what its conditions scan, about a nanosecond per point. Keywords are
 * numbered; times are microseconds. A point with several values, or of another type, is looked at by the predicate.
 */
import type { RowBits } from "../../ports/vector-index.ts";
import { timeOf } from "./condition-predicate.ts";
import type { FieldCondition, Range } from "./filter.ts";
import type { FieldType } from "./index-settings.ts";
import { addBit } from "./row-bits.ts";

export interface FieldColumn {
  readonly type: FieldType;
  set(slot: number, values: readonly unknown[] | undefined): void;
  /** Slots below `slots` that meet the condition; undefined when the column cannot tell. `odd` decides for slots that are no plain value. */
  find(condition: FieldCondition, slots: number, odd: (slot: number) => boolean): RowBits | undefined;
}

/** A slot whose value the column cannot hold. */
const ODD = -2, NONE = -1;

export function createFieldColumn(type: FieldType): FieldColumn | undefined {
  if (type === "keyword" || type === "uuid" || type === "bool") return createCodeColumn(type);
  if (type === "integer" || type === "float" || type === "datetime") return createNumberColumn(type);
  return undefined;
}

function createCodeColumn(type: FieldType): FieldColumn {
  const codeOf = new Map<unknown, number>();
  let codes = new Int32Array(1_024).fill(NONE);
  return {
    type,
    set: (slot, values) => {
      if (slot >= codes.length) {
        const larger = new Int32Array(Math.max(codes.length * 2, slot + 1)).fill(NONE);
        larger.set(codes);
        codes = larger;
      }
      if (values === undefined) codes[slot] = NONE;
      else if (values.length > 1) codes[slot] = ODD;
      else {
        const code = codeOf.get(values[0]) ?? codeOf.size;
        codeOf.set(values[0], code);
        codes[slot] = code;
      }
    },
    find: ({ match }, slots, odd) => {
      if (!match || !("value" in match || "any" in match || "except" in match)) return undefined;
      const isWanted = new Uint8Array(codeOf.size).fill("except" in match ? 1 : 0);
      for (const value of "value" in match ? [match.value] : "any" in match ? match.any : match.except) {
        const code = codeOf.get(value);
        if (code !== undefined) isWanted[code] = "except" in match ? 0 : 1;
      }
      const bits = new Uint32Array((slots + 31) >>> 5);
      const end = Math.min(slots, codes.length);
      for (let slot = 0; slot < end; slot++) {
        const code = codes[slot]!;
        if (code >= 0 ? isWanted[code] === 1 : code === ODD && odd(slot)) bits[slot >>> 5]! |= 1 << (slot & 31);
      }
      return bits;
    },
  };
}

function createNumberColumn(type: FieldType): FieldColumn {
  let numbers = new Float64Array(1_024).fill(Number.NaN);
  const odds = new Set<number>();
  const numberOf = (value: unknown): number => (type === "datetime" ? timeOf(value) : typeof value === "number" ? value : Number.NaN);
  return {
    type,
    set: (slot, values) => {
      if (slot >= numbers.length) {
        const larger = new Float64Array(Math.max(numbers.length * 2, slot + 1)).fill(Number.NaN);
        larger.set(numbers);
        numbers = larger;
      }
      odds.delete(slot);
      numbers[slot] = values?.length === 1 ? numberOf(values[0]) : Number.NaN;
      if (values !== undefined && values.length > 1) odds.add(slot);
    },
    find: ({ match, range }, slots, odd) => {
      const asked: Range | undefined = range ?? (match && "value" in match && typeof match.value === "number" && type === "integer" ? { gte: match.value, lte: match.value } : undefined);
      if (asked === undefined || isOfOtherKind(asked, type)) return undefined;
      const low = limitOf(asked.gte) ?? -Infinity, above = limitOf(asked.gt) ?? -Infinity, high = limitOf(asked.lte) ?? Infinity, below = limitOf(asked.lt) ?? Infinity;
      const isUnbounded = { above: limitOf(asked.gt) === undefined, below: limitOf(asked.lt) === undefined };
      const bits = new Uint32Array((slots + 31) >>> 5);
      const end = Math.min(slots, numbers.length);
      for (let slot = 0; slot < end; slot++) {
        const number = numbers[slot]!;
        if (number >= low && number <= high && (isUnbounded.above || number > above) && (isUnbounded.below || number < below)) bits[slot >>> 5]! |= 1 << (slot & 31);
      }
      for (const slot of odds) if (slot < slots && odd(slot)) addBit(bits, slot);
      return bits;
    },
  };
}

function limitOf(bound: string | number | null | undefined): number | undefined {
  return bound === undefined || bound === null ? undefined : typeof bound === "string" ? timeOf(bound) : bound;
}

/** Times against numbers: nothing matches, and the predicate says so. */
function isOfOtherKind({ lt, lte, gt, gte }: Range, type: FieldType): boolean {
  return [lt, lte, gt, gte].some((bound) => bound !== undefined && bound !== null && (typeof bound === "string") !== (type === "datetime"));
}

