/** A typed array that doubles as rows arrive, because a streamed result does not tell its length. */
import type { ColumnKind } from "../../ports/analytics.ts";

type Numbers = Float64Array | Int32Array | Int8Array;

const FIRST_CAPACITY = 2_048; // one chunk of DuckDB

const ARRAYS = {
  number: (capacity: number): Numbers => new Float64Array(capacity),
  text: (capacity: number): Numbers => new Int32Array(capacity),
  boolean: (capacity: number): Numbers => new Int8Array(capacity),
};

export class GrowingArray {
  readonly #make: (capacity: number) => Numbers;
  #values: Numbers;

  constructor(kind: ColumnKind) {
    this.#make = ARRAYS[kind];
    this.#values = this.#make(FIRST_CAPACITY);
  }

  /** The array with room for `length` values; earlier values are kept. */
  reserve(length: number): Numbers {
    if (length > this.#values.length) {
      const larger = this.#make(Math.max(length, this.#values.length * 2));
      larger.set(this.#values);
      this.#values = larger;
    }
    return this.#values;
  }

  /** The first `length` values in an array of just that length. */
  take(length: number): Numbers {
    return this.#values.slice(0, length);
  }
}
