/** Sets of slots as bits: the result of a filter. All of one index have the same number of words. */
import type { RowBits } from "../../ports/vector-index.ts";

export function emptyBits(slots: number): RowBits {
  return new Uint32Array((slots + 31) >>> 5);
}

export function hasBit(bits: RowBits, slot: number): boolean {
  return ((bits[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
}

export function addBit(bits: RowBits, slot: number): void {
  bits[slot >>> 5]! |= 1 << (slot & 31);
}

export function removeBit(bits: RowBits, slot: number): void {
  bits[slot >>> 5]! &= ~(1 << (slot & 31));
}

export function countBits(bits: RowBits): number {
  let count = 0;
  for (let word of bits) {
    word -= (word >>> 1) & 0x5555_5555;
    word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
  }
  return count;
}

/** In place. */
export function keepCommon(bits: RowBits, others: RowBits): RowBits {
  for (let i = 0; i < bits.length; i++) bits[i]! &= others[i] ?? 0;
  return bits;
}

export function addAll(bits: RowBits, others: RowBits): RowBits {
  for (let i = 0; i < bits.length; i++) bits[i]! |= others[i] ?? 0;
  return bits;
}

export function removeAll(bits: RowBits, others: RowBits): RowBits {
  for (let i = 0; i < bits.length; i++) bits[i]! &= ~(others[i] ?? 0);
  return bits;
}

/** Calls for every slot, ascending, until the visitor says false. */
export function visitBits(bits: RowBits, visit: (slot: number) => unknown): void {
  for (let word = 0; word < bits.length; word++) {
    for (let left = bits[word]!; left !== 0; left &= left - 1) if (visit(word * 32 + 31 - Math.clz32(left & -left)) === false) return;
  }
}
