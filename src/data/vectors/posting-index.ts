/**
 * Weights by term: the inverted index behind sparse vectors (terms are numbers) and keyword search (terms are words).
 * Scores are sums over the terms that query and point share; points that share none do not appear.
 */
import type { RowBits } from "../../ports/vector-index.ts";
import { hasBit } from "./row-bits.ts";

export interface PostingIndex<Term> {
  readonly points: number;
  set(slot: number, terms: ReadonlyMap<Term, number>): void;
  remove(slot: number): void;
  has(slot: number): boolean;
  termsOf(slot: number): ReadonlyMap<Term, number> | undefined;
  /** How many points have the term. */
  frequency(term: Term): number;
  postings(term: Term): ReadonlyMap<number, number> | undefined;
  /** Sum of `weight` over shared terms, for allowed slots. */
  score(terms: Iterable<Term>, weight: (term: Term, value: number, slot: number) => number, allowed: RowBits | undefined): Map<number, number>;
}

export function createPostingIndex<Term>(): PostingIndex<Term> {
  const postings = new Map<Term, Map<number, number>>();
  const bySlot = new Map<number, ReadonlyMap<Term, number>>();
  const remove = (slot: number): void => {
    for (const term of bySlot.get(slot)?.keys() ?? []) {
      const list = postings.get(term)!;
      list.delete(slot);
      if (list.size === 0) postings.delete(term);
    }
    bySlot.delete(slot);
  };
  return {
    get points() { return bySlot.size; },
    set: (slot, terms) => {
      remove(slot);
      bySlot.set(slot, terms);
      for (const [term, value] of terms) {
        const list = postings.get(term);
        if (list) list.set(slot, value);
        else postings.set(term, new Map([[slot, value]]));
      }
    },
    remove,
    has: (slot) => bySlot.has(slot),
    termsOf: (slot) => bySlot.get(slot),
    frequency: (term) => postings.get(term)?.size ?? 0,
    postings: (term) => postings.get(term),
    score: (terms, weight, allowed) => {
      const scores = new Map<number, number>();
      for (const term of terms) {
        for (const [slot, value] of postings.get(term) ?? []) {
          if (allowed === undefined || hasBit(allowed, slot)) scores.set(slot, (scores.get(slot) ?? 0) + weight(term, value, slot));
        }
      }
      return scores;
    },
  };
}
