/**
 * Numbers for entities seen in columns: each key part has its own dictionary, and the parts of a crossed view are
 * combined pair by pair, so that millions of rows are numbered without building a joined key for each.
 */
import type { EventColumn } from "../lake/event-columns.ts";
import { keyPart } from "./entity-key.ts";

/** One key part per row: stored columns, or plain text. */
export type KeyColumn = EventColumn | readonly (string | undefined)[];

/** Rows of a key column. */
export function lengthOf(column: KeyColumn): number {
  if (!("kind" in column)) return column.length;
  return column.kind === "text" ? column.codes.length : column.values.length;
}

export interface EntityNumbers {
  readonly size: number;
  /** The entity of each row, new ones included; -1 where a part is missing or `skip` is 1. */
  assign(parts: readonly KeyColumn[], rows: number, skip?: Uint8Array): Int32Array;
  /** The entity of each row; -1 for those never assigned. */
  find(parts: readonly KeyColumn[], rows: number): Int32Array;
}

export function createEntityNumbers(parts: number): EntityNumbers {
  const dictionaries = Array.from({ length: parts }, () => new Map<string, number>());
  const pairs = Array.from({ length: parts - 1 }, createPairTable);

  const number = (columns: readonly KeyColumn[], rows: number, isNew: boolean, skip?: Uint8Array): Int32Array => {
    let entities = encodePart(columns[0]!, rows, dictionaries[0]!, isNew);
    if (skip) for (let row = 0; row < rows; row++) if (skip[row] === 1) entities[row] = -1;
    for (let part = 1; part < parts; part++) {
      combine(entities, encodePart(columns[part]!, rows, dictionaries[part]!, isNew), pairs[part - 1]!, isNew);
    }
    return entities;
  };

  return {
    get size() { return parts === 1 ? dictionaries[0]!.size : pairs.at(-1)!.size; },
    assign: (columns, rows, skip) => number(columns, rows, true, skip),
    find: (columns, rows) => number(columns, rows, false),
  };
}

function combine(entities: Int32Array, codes: Int32Array, pairs: PairTable, isNew: boolean): void {
  for (let row = 0; row < entities.length; row++) {
    const left = entities[row]!;
    const right = codes[row]!;
    entities[row] = left < 0 || right < 0 ? -1 : isNew ? pairs.assign(left, right) : pairs.find(left, right);
  }
}

function encodePart(column: KeyColumn, rows: number, dictionary: Map<string, number>, isNew: boolean): Int32Array {
  const encode = (part: string | undefined): number => {
    if (part === undefined) return -1;
    const code = dictionary.get(part) ?? (isNew ? dictionary.size : -1);
    if (code === dictionary.size) dictionary.set(part, code);
    return code;
  };
  const codes = new Int32Array(rows);
  if (!("kind" in column)) for (let row = 0; row < rows; row++) codes[row] = encode(keyPart(column[row]));
  else if (column.kind === "text") encodeText(column, codes, encode);
  else if (column.kind === "number") for (let row = 0; row < rows; row++) codes[row] = encode(keyPart(column.values[row]));
  else for (let row = 0; row < rows; row++) codes[row] = encode(column.values[row]! < 0 ? undefined : String(column.values[row] === 1));
  return codes;
}

/** Each text is looked up once, at its first row. */
function encodeText({ codes, dictionary }: Extract<EventColumn, { readonly kind: "text" }>, into: Int32Array, encode: (part: string | undefined) => number): void {
  const unknown = -2;
  const byCode = new Int32Array(dictionary.length).fill(unknown);
  for (let row = 0; row < into.length; row++) {
    const code = codes[row]!;
    if (code < 0) into[row] = -1;
    else {
      if (byCode[code] === unknown) byCode[code] = encode(keyPart(dictionary[code]));
      into[row] = byCode[code]!;
    }
  }
}

interface PairTable {
  readonly size: number;
  assign(left: number, right: number): number;
  find(left: number, right: number): number;
}

/** Open addressing with linear probing, at most half full: about 30 ns a pair where a Map of joined keys takes 300. */
function createPairTable(): PairTable {
  let size = 0;
  let mask = 1023;
  let slots = new Int32Array(mask + 1).fill(-1);
  let lefts = new Int32Array(512);
  let rights = new Int32Array(512);

  /** The slot of the pair, or the empty one where it would go. */
  const locate = (left: number, right: number): number => {
    let slot = hashPair(left, right) & mask;
    for (let pair = slots[slot]!; pair >= 0 && (lefts[pair] !== left || rights[pair] !== right); pair = slots[slot]!) slot = (slot + 1) & mask;
    return slot;
  };
  const enlarge = (): void => {
    mask = mask * 2 + 1;
    slots = new Int32Array(mask + 1).fill(-1);
    lefts = doubled(lefts);
    rights = doubled(rights);
    for (let pair = 0; pair < size; pair++) slots[locate(lefts[pair]!, rights[pair]!)] = pair;
  };
  return {
    get size() { return size; },
    find: (left, right) => slots[locate(left, right)]!,
    assign: (left, right) => {
      const slot = locate(left, right);
      if (slots[slot]! >= 0) return slots[slot]!;
      if (size === lefts.length) {
        enlarge();
        slots[locate(left, right)] = size;
      } else slots[slot] = size;
      lefts[size] = left;
      rights[size] = right;
      return size++;
    },
  };
}

function doubled(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}

function hashPair(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}
