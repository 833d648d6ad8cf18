/**
 * Keeps training from occupying the event loop: work is counted in histogram cells, and after each quantum the
 * trainer steps aside once. Counting work instead of time needs no clock and is the same in every run.
 */
import { StrataError } from "../../kernel/errors.ts";

/** Cells per quantum: at 2-4 ns each, 8-16 ms. */
export const QUANTUM_CELLS = 4_000_000;

export interface Pacer {
  /** Counts work done. A returned promise must be awaited: it lets the event loop run, and rejects with ABORTED when the signal has fired. */
  spend(cells: number): Promise<void> | undefined;
  /** Raises ABORTED when the signal has fired. */
  check(): void;
}

export function createPacer(signal: AbortSignal | undefined): Pacer {
  let spent = 0;
  const check = (): void => {
    if (signal?.aborted) throw new StrataError("ABORTED", { what: "Training" }, { cause: signal.reason });
  };
  return {
    check,
    spend: (cells) => {
      spent += cells;
      if (spent < QUANTUM_CELLS) return undefined;
      spent = 0;
      return new Promise<void>((resolve) => setImmediate(resolve)).then(check);
    },
  };
}
