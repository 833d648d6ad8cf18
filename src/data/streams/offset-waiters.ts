/** Callers that wait until everything below an offset is done, woken in order of their offsets. */
import { StrataError } from "../../kernel/errors.ts";

export interface OffsetWaiters {
  /** Resolves when `reached` says at least `offset`; rejects with ABORTED when the signal fires first. */
  wait(offset: number, signal?: AbortSignal): Promise<void>;
  /** Wakes everyone who waits for `offset` or less. */
  reached(offset: number): void;
  /** Rejects everyone who still waits. */
  fail(error: unknown): void;
}

interface Waiter {
  readonly offset: number;
  readonly done: PromiseWithResolvers<void>;
}

export function createOffsetWaiters(): OffsetWaiters {
  let waiters: Waiter[] = []; // ascending offsets

  const insert = (waiter: Waiter): void => {
    let at = waiters.length;
    while (at > 0 && waiters[at - 1]!.offset > waiter.offset) at--;
    waiters.splice(at, 0, waiter);
  };
  const leave = (waiter: Waiter): void => {
    waiters = waiters.filter((other) => other !== waiter);
    waiter.done.reject(new StrataError("ABORTED", { what: `Waiting for offset ${waiter.offset}` }));
  };

  return {
    wait: (offset, signal) => {
      const waiter: Waiter = { offset, done: Promise.withResolvers() };
      insert(waiter);
      if (signal === undefined) return waiter.done.promise;
      const onAbort = (): void => leave(waiter);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      return waiter.done.promise.finally(() => signal.removeEventListener("abort", onAbort));
    },
    reached: (offset) => {
      let woken = 0;
      while (woken < waiters.length && waiters[woken]!.offset <= offset) waiters[woken++]!.done.resolve();
      if (woken > 0) waiters = waiters.slice(woken);
    },
    fail: (error) => {
      for (const waiter of waiters) waiter.done.reject(error);
      waiters = [];
    },
  };
}
