/**
 * Which of the latest event ids were seen, in flat memory: open addressing with linear probing over 96-bit hashes
 * (id-hash.ts), 16 bytes a slot, at most half full. Two generations of `capacity` ids each: when the younger is full
 * the elder is forgotten, so the last `capacity` ids (released ones count) are always known, and never more than twice as many.
 * A generation is 64 tables that grow one by one: growing one table of a million ids at once would stop the process for 45 ms.
 */
import type { IdHash } from "./id-hash.ts";

export interface RecentIds {
  /** 0 when the id is new: it now belongs to `claim`, a number from 1 to MAX_CLAIM. Otherwise the claim it belongs to. */
  claim(id: string, claim: number): number;
  /** Forgets an id whose event was not stored after all. */
  release(id: string): void;
}

/** The largest claim number; the one above marks a released slot. */
export const MAX_CLAIM = 0xffff_fffe;

const RELEASED = 0xffff_ffff;
const WORDS_PER_SLOT = 4; // three of hash, one of claim; claim 0 is an empty slot
const TABLES = 64;
const FIRST_SLOTS = 16;

interface Table {
  words: Uint32Array;
  /** Released slots included. */
  taken: number;
}

export function createRecentIds(capacity: number, hash: IdHash): RecentIds {
  let young = newGeneration();
  let old = newGeneration();
  let youngIds = 0;
  const key = new Uint32Array(3);

  const insert = (table: Table, at: number, claim: number): void => {
    put(table.words, at, key, claim);
    if (++table.taken * 2 * WORDS_PER_SLOT > table.words.length) table.words = doubled(table.words);
    if (++youngIds < capacity) return;
    old = young;
    young = newGeneration();
    youngIds = 0;
  };

  return {
    claim: (id, claim) => {
      hash(id, key);
      const table = tableOf(young, key);
      const at = locate(table.words, key);
      const holder = table.words[at + 3]!;
      if (holder !== 0 && holder !== RELEASED) return holder;
      const elder = claimOf(old, key);
      if (elder !== 0 && elder !== RELEASED) return elder;
      if (holder === RELEASED) table.words[at + 3] = claim;
      else insert(table, at, claim);
      return 0;
    },
    release: (id) => {
      hash(id, key);
      for (const generation of [young, old]) {
        const { words } = tableOf(generation, key);
        const at = locate(words, key);
        if (words[at + 3] !== 0) words[at + 3] = RELEASED;
      }
    },
  };
}

function newGeneration(): readonly Table[] {
  return Array.from({ length: TABLES }, () => ({ words: new Uint32Array(FIRST_SLOTS * WORDS_PER_SLOT), taken: 0 }));
}

/** The third word chooses the table, the first the slot. */
function tableOf(generation: readonly Table[], key: Uint32Array): Table {
  return generation[key[2]! & (TABLES - 1)]!;
}

function claimOf(generation: readonly Table[], key: Uint32Array): number {
  const { words } = tableOf(generation, key);
  return words[locate(words, key) + 3]!;
}

/** Position of the slot that holds the key, or of the empty slot where it belongs. */
function locate(words: Uint32Array, key: Uint32Array): number {
  const h0 = key[0]!, h1 = key[1]!, h2 = key[2]!;
  const last = words.length - WORDS_PER_SLOT;
  for (let at = (h0 * WORDS_PER_SLOT) & last; ; at = (at + WORDS_PER_SLOT) & last) {
    if (words[at + 3] === 0 || (words[at] === h0 && words[at + 1] === h1 && words[at + 2] === h2)) return at;
  }
}

function put(words: Uint32Array, at: number, key: Uint32Array, claim: number): void {
  words[at] = key[0]!;
  words[at + 1] = key[1]!;
  words[at + 2] = key[2]!;
  words[at + 3] = claim;
}

function doubled(words: Uint32Array): Uint32Array {
  const larger = new Uint32Array(words.length * 2);
  const key = new Uint32Array(3);
  for (let at = 0; at < words.length; at += WORDS_PER_SLOT) {
    if (words[at + 3] === 0) continue;
    for (let word = 0; word < 3; word++) key[word] = words[at + word]!;
    put(larger, locate(larger, key), key, words[at + 3]!);
  }
  return larger;
}
