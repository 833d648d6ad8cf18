/**
 * An item's neighbours and how strongly they belong together: open addressing over two flat arrays, 8 bytes a slot,
 * at most 512 slots (4 KiB). When 384 are taken, the 128 strongest stay (ties: the smaller name); a neighbour that
 * keeps coming back survives, as in lossy counting (Manku & Motwani 2002).
 */
import type { Names } from "./names.ts";
import { compareText } from "./names.ts";

const EMPTY = -1;
const FIRST_SLOTS = 8;
const MOST_SLOTS = 512;
/** Neighbours that survive a pruning, which happens at MOST_SLOTS * 3/4. */
export const KEPT_NEIGHBOURS = 128;
const STRONGEST = 2 ** 32 - 1;

export interface Neighbours {
  readonly items: Int32Array;
  readonly weights: Uint32Array;
}

const NO_NEIGHBOURS: Neighbours = { items: new Int32Array(0), weights: new Uint32Array(0) };

export class NeighbourTable {
  #items: Int32Array;
  #weights: Uint32Array;
  #used = 0;

  constructor({ items, weights }: Neighbours = NO_NEIGHBOURS) {
    let slots = FIRST_SLOTS;
    while (items.length > (slots / 4) * 3) slots *= 2;
    this.#items = new Int32Array(slots).fill(EMPTY);
    this.#weights = new Uint32Array(slots);
    for (let i = 0; i < items.length; i++) this.#put(items[i]!, weights[i]!);
  }

  get size(): number { return this.#used; }

  /** Strengthens a neighbour; weights stop at 2^32 - 1. */
  add(item: number, weight: number, names: Names): void {
    const slot = this.#slotOf(item);
    if (this.#items[slot] === item) {
      this.#weights[slot] = Math.min(STRONGEST, this.#weights[slot]! + weight);
      return;
    }
    this.#items[slot] = item;
    this.#weights[slot] = weight;
    if (++this.#used >= (this.#items.length / 4) * 3) this.#makeRoom(names);
  }

  /** Adds each neighbour's weight times `factor` times its own factor to its score, and lists those that had none. */
  addScores(factor: number, factors: Float64Array, scores: Float64Array, found: number[]): void {
    for (let slot = 0; slot < this.#items.length; slot++) {
      const item = this.#items[slot]!;
      if (item === EMPTY) continue;
      if (scores[item] === 0) found.push(item);
      scores[item] = scores[item]! + this.#weights[slot]! * factor * factors[item]!;
    }
  }

  /** The neighbours and their weights, in no particular order. */
  entries(): Neighbours {
    const items = new Int32Array(this.#used);
    const weights = new Uint32Array(this.#used);
    for (let slot = 0, at = 0; slot < this.#items.length; slot++) {
      if (this.#items[slot] === EMPTY) continue;
      items[at] = this.#items[slot]!;
      weights[at++] = this.#weights[slot]!;
    }
    return { items, weights };
  }

  #slotOf(item: number): number {
    const mask = this.#items.length - 1;
    let slot = Math.imul(item, 0x9e3779b1) >>> 16 & mask; // Fibonacci hashing spreads consecutive numbers
    while (this.#items[slot] !== EMPTY && this.#items[slot] !== item) slot = (slot + 1) & mask;
    return slot;
  }

  #put(item: number, weight: number): void {
    const slot = this.#slotOf(item);
    this.#items[slot] = item;
    this.#weights[slot] = weight;
    this.#used++;
  }

  #makeRoom(names: Names): void {
    const { items, weights } = this.entries();
    const isFull = this.#items.length >= MOST_SLOTS;
    const least = isFull ? weights.toSorted()[weights.length - KEPT_NEIGHBOURS]! : 0;
    this.#items = new Int32Array(isFull ? MOST_SLOTS : this.#items.length * 2).fill(EMPTY);
    this.#weights = new Uint32Array(this.#items.length);
    this.#used = 0;
    const ties: number[] = [];
    for (let i = 0; i < items.length; i++) {
      if (!isFull || weights[i]! > least) this.#put(items[i]!, weights[i]!);
      else if (weights[i] === least) ties.push(items[i]!);
    }
    const byName = ties.toSorted((a, b) => compareText(names.name(a), names.name(b)));
    for (const item of byName.slice(0, KEPT_NEIGHBOURS - this.#used)) this.#put(item, least);
  }
}
