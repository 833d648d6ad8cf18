/**
 * How many different values there were, in 4 KiB: HyperLogLog (Flajolet et al. 2007) with 4,096 registers and linear
 * counting below 2.5 values a register. Standard error 1.04/√4096 = 1.6 %. Mergeable: the larger of each register.
 */
import { hashKey } from "../key-hash.ts";

const INDEX_BITS = 12;
const REGISTERS = 2 ** INDEX_BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);
/** Bits of the hash that are left for the rank. */
const RANK_BITS = 53 - INDEX_BITS;

export class DistinctSketch {
  readonly #registers: Uint8Array;

  /** Goes on with a sketch's text, if given. */
  constructor(text?: string) {
    this.#registers = new Uint8Array(REGISTERS);
    if (text !== undefined) this.#registers.set(Buffer.from(text, "base64"));
  }

  add(value: string | number | boolean): void {
    const hash = hashKey([value]);
    const index = hash % REGISTERS;
    const rest = Math.floor(hash / REGISTERS);
    const rank = rest === 0 ? RANK_BITS + 1 : RANK_BITS - Math.floor(Math.log2(rest));
    if (rank > this.#registers[index]!) this.#registers[index] = rank;
  }

  merge(other: DistinctSketch): void {
    for (let at = 0; at < REGISTERS; at++) this.#registers[at] = Math.max(this.#registers[at]!, other.#registers[at]!);
  }

  estimate(): number {
    let sum = 0, empty = 0;
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty += 1;
    }
    const raw = (ALPHA * REGISTERS ** 2) / sum;
    return Math.round(raw <= 2.5 * REGISTERS && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw);
  }

  text(): string {
    return Buffer.from(this.#registers).toString("base64");
  }
}
