/** Wakes everyone who waits for the next change; a ring with nobody waiting is not remembered. */

export interface Bell {
  ring(): void;
  /** Resolves at the next ring, or when the signal fires (the caller looks at the signal itself). */
  wait(signal?: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  const waiting = new Set<() => void>();
  return {
    ring: () => {
      for (const wake of waiting) wake();
    },
    wait: (signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = (): void => {
          waiting.delete(wake);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        waiting.add(wake);
        signal?.addEventListener("abort", wake, { once: true });
      }),
  };
}
