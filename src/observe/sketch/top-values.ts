/**
 * Counts of the most frequent texts in bounded memory. Exact while there are at most 512 different ones; beyond,
 * the rarest half is folded into `other` and `countError` says by how much a kept count may be too low
 * (a batched form of Misra & Gries 1982: at most count / 256). Mergeable.
 */

/** Different values kept after folding; folding happens at twice as many. */
const KEPT = 256;
const MAXIMUM_LENGTH = 200;

export interface TopValuesState {
  /** Most frequent first, equal counts by name. */
  readonly values: readonly (readonly [value: string, count: number])[];
  /** How many values were something else. */
  readonly other: number;
  /** A kept count is at most this much too low. */
  readonly countError: number;
}

export class TopValues {
  #counts = new Map<string, number>();
  #other = 0;
  #countError = 0;

  /** A text as `categoryOf` gives it. */
  add(value: string, amount = 1): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + amount);
    if (this.#counts.size > 2 * KEPT) this.#fold();
  }

  merge(state: TopValuesState): void {
    for (const [value, count] of state.values) this.#counts.set(value, (this.#counts.get(value) ?? 0) + count);
    this.#other += state.other;
    this.#countError += state.countError;
    if (this.#counts.size > 2 * KEPT) this.#fold();
  }

  state(): TopValuesState {
    return { values: this.#ordered(), other: this.#other, countError: this.#countError };
  }

  #ordered(): [string, number][] {
    return [...this.#counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  }

  #fold(): void {
    const ordered = this.#ordered();
    const folded = ordered.slice(KEPT);
    for (const [, count] of folded) this.#other += count;
    this.#countError += folded[0]?.[1] ?? 0;
    this.#counts = new Map(ordered.slice(0, KEPT));
  }
}

/** The text under which a text, number or truth value is counted; undefined for everything else and NaN. */
export function categoryOf(value: unknown): string | undefined {
  if (typeof value === "string") return value.slice(0, MAXIMUM_LENGTH);
  if (typeof value === "number") return Number.isNaN(value) ? undefined : String(value);
  return typeof value === "boolean" || typeof value === "bigint" ? String(value) : undefined;
}
