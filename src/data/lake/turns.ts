/** One thing after the other: each piece of work starts when the one before it has ended, whatever became of that. */
export interface Turns {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when everything that was asked for before has ended. */
  idle(): Promise<void>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run: (work) => {
      const result = last.then(work);
      last = result.catch(() => undefined); // the caller gets the failure
      return result;
    },
    idle: async () => { await last; },
  };
}
