/** Long computations on the event loop give it a turn now and then, and end when they are cancelled. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { StrataError } from "../../kernel/errors.ts";

export interface Turns {
  /** Counts work done; every so much of it lets others run. ABORTED when the signal has fired. */
  spend(work: number): Promise<void> | undefined;
}

/** `workPerTurn` should be about 5 ms of work. */
export function createTurns(workPerTurn: number, signal: AbortSignal | undefined): Turns {
  let spent = 0;
  const giveTurn = async (): Promise<void> => {
    await nextTurn();
    if (signal?.aborted) throw new StrataError("ABORTED", { what: "Building the training set" });
  };
  return {
    spend: (work) => {
      spent += work;
      if (spent < workPerTurn) return undefined;
      spent = 0;
      return giveTurn();
    },
  };
}
