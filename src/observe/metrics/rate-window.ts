/**
 * Amounts per second over the last seconds: a ring of one-second slots. Only whole, finished seconds count,
 * so a rate never dips just because the present second is young.
 */

/** Slots kept; a power of two above the longest window. */
const SLOTS = 64;
export const LONGEST_WINDOW_SECONDS = 60;

export class RateWindow {
  readonly #slots = new Float64Array(SLOTS);
  #second: number;

  constructor(second: number) {
    this.#second = second;
  }

  add(amount: number, second: number): void {
    if (second > this.#second) this.#moveTo(second);
    const slot = this.#second & (SLOTS - 1);
    this.#slots[slot] = this.#slots[slot]! + amount;
  }

  /** Amount per second over the last `windowSeconds` finished seconds, or since `startedMs` when that is less. */
  perSecond(windowSeconds: number, second: number, startedMs: number): number {
    this.#moveTo(second);
    let total = 0;
    for (let back = 1; back <= windowSeconds; back++) total += this.#slots[(this.#second - back) & (SLOTS - 1)]!;
    const lived = Math.max(1, this.#second - startedMs / 1000);
    return total / Math.min(windowSeconds, lived);
  }

  /** The last `seconds` finished seconds, oldest first. */
  history(seconds: number, second: number): number[] {
    this.#moveTo(second);
    return Array.from({ length: seconds }, (_, i) => this.#slots[(this.#second - seconds + i) & (SLOTS - 1)]!);
  }

  /** A clock that steps back writes into the newest second. */
  #moveTo(second: number): void {
    if (second <= this.#second) return;
    if (second - this.#second >= SLOTS) this.#slots.fill(0);
    else for (let passed = this.#second + 1; passed <= second; passed++) this.#slots[passed & (SLOTS - 1)] = 0;
    this.#second = second;
  }
}
