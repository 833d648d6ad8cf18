/** A binary heap of rows by a key, largest on top; equal keys by row, the larger row on top. Grows as it fills. */
export class RowHeap {
  #keys: Float64Array;
  #rows: Int32Array;
  size = 0;

  constructor(capacity = 64) {
    this.#keys = new Float64Array(capacity);
    this.#rows = new Int32Array(capacity);
  }

  get topKey(): number { return this.#keys[0]!; }
  get topRow(): number { return this.#rows[0]!; }

  clear(): void { this.size = 0; }

  push(key: number, row: number): void {
    if (this.size === this.#keys.length) this.#grow();
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isAbove(key, row, this.#keys[parent]!, this.#rows[parent]!)) break;
      this.#keys[at] = this.#keys[parent]!;
      this.#rows[at] = this.#rows[parent]!;
      at = parent;
    }
    this.#keys[at] = key;
    this.#rows[at] = row;
  }

  /** Removes the top. */
  pop(): void {
    const last = --this.size;
    if (last > 0) this.#sink(this.#keys[last]!, this.#rows[last]!);
  }

  replaceTop(key: number, row: number): void {
    this.#sink(key, row);
  }

  #sink(key: number, row: number): void {
    const keys = this.#keys, rows = this.#rows, { size } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && isAbove(keys[child + 1]!, rows[child + 1]!, keys[child]!, rows[child]!)) child++;
      if (!isAbove(keys[child]!, rows[child]!, key, row)) break;
      keys[at] = keys[child]!;
      rows[at] = rows[child]!;
      at = child;
    }
    keys[at] = key;
    rows[at] = row;
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2), rows = new Int32Array(this.#rows.length * 2);
    keys.set(this.#keys);
    rows.set(this.#rows);
    this.#keys = keys;
    this.#rows = rows;
  }
}

function isAbove(key: number, row: number, otherKey: number, otherRow: number): boolean {
  return key > otherKey || (key === otherKey && row > otherRow);
}
