/**
 * How many DuckDB calls may run at once. Each holds one of libuv's four worker threads until it ends, and the event
 * log's fsync needs those threads too: two at most, so that a long query never delays an acknowledgement.
 */
export interface Slots {
  /** Runs `work` when a slot is free, in call order; without waiting any longer once the signal fires. */
  use<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting = new Set<() => void>();
  const release = (): void => {
    const [next] = waiting;
    if (next) next();
    else free++;
  };
  const taken = (signal: AbortSignal): Promise<boolean> => {
    if (free > 0) {
      free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const settle = (isTaken: boolean) => (): void => {
        waiting.delete(take);
        signal.removeEventListener("abort", giveUp);
        resolve(isTaken);
      };
      const take = settle(true);
      const giveUp = settle(false);
      waiting.add(take);
      signal.addEventListener("abort", giveUp);
    });
  };
  return {
    use: async (work, signal) => {
      const isTaken = !signal.aborted && await taken(signal);
      if (!isTaken) return work(); // which finds the signal aborted before it does anything
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
