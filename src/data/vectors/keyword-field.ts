/** Keyword search over one text field: BM25 (Robertson & Zaragoza 2009; k1 = 1.2, b = 0.75) and the points that have all words, or some. */
import type { RowBits } from "../../ports/vector-index.ts";
import { createPostingIndex } from "./posting-index.ts";
import { addBit, emptyBits } from "./row-bits.ts";
import { tokensOf } from "./tokens.ts";

export interface KeywordField {
  set(slot: number, values: readonly unknown[] | undefined): void;
  find(words: readonly string[], slots: number, needsAll: boolean): RowBits;
  score(query: string, allowed: RowBits | undefined): Map<number, number>;
}

const K1 = 1.2, B = 0.75;

export function createKeywordField(): KeywordField {
  const index = createPostingIndex<string>();
  const lengths = new Map<number, number>();
  let totalLength = 0;
  return {
    set: (slot, values) => {
      totalLength -= lengths.get(slot) ?? 0;
      lengths.delete(slot);
      index.remove(slot);
      const words = (values ?? []).filter((value) => typeof value === "string").flatMap(tokensOf);
      if (words.length === 0) return;
      const counts = new Map<string, number>();
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
      index.set(slot, counts);
      lengths.set(slot, words.length);
      totalLength += words.length;
    },
    find: (words, slots, needsAll) => {
      const bits = emptyBits(slots);
      const lists = words.map((word) => index.postings(word));
      if (lists.length === 0 || (needsAll && lists.includes(undefined))) return bits;
      if (!needsAll) {
        for (const list of lists) for (const slot of list?.keys() ?? []) addBit(bits, slot);
        return bits;
      }
      const [shortest, ...others] = lists.map((list) => list!).toSorted((a, b) => a.size - b.size);
      for (const slot of shortest!.keys()) if (others.every((list) => list.has(slot))) addBit(bits, slot);
      return bits;
    },
    score: (query, allowed) => {
      const mean = totalLength / Math.max(1, index.points);
      const rarity = new Map([...new Set(tokensOf(query))].map((word) => [word, Math.log(1 + (index.points - index.frequency(word) + 0.5) / (index.frequency(word) + 0.5))]));
      return index.score(rarity.keys(), (word, count, slot) => (rarity.get(word)! * count * (K1 + 1)) / (count + K1 * (1 - B + (B * lengths.get(slot)!) / mean)), allowed);
    },
  };
}
