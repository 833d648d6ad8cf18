/**
 * Time comes in through the door: everything that waits or stamps takes a Clock.
 * Times are milliseconds since the Unix epoch. A manual clock lets a month of drift pass in a second.
 */
import { StrataError } from "./errors.ts";

export interface Clock {
  /** Milliseconds since the Unix epoch; may move in jumps on a manual clock. */
  now(): number;
  /** Real elapsed milliseconds from an arbitrary origin, for latencies and deadlines; unlike `now` never simulated outside tests. */
  monotonicMs(): number;
  /** Resolves after `ms` of this clock's time; rejects with ABORTED when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new StrataError("ABORTED", { what: "The wait" }));
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", cancel);
        resolve();
      }, ms);
      const cancel = (): void => {
        clearTimeout(timer);
        reject(new StrataError("ABORTED", { what: "The wait" }));
      };
      signal?.addEventListener("abort", cancel, { once: true });
    }),
};

export interface ManualClock extends Clock {
  /** Moves time forward and wakes every sleeper whose time has come, in order. */
  advance(ms: number): void;
  /** Moves to an absolute time; going back is refused silently (time never runs backwards). */
  set(timeMs: number): void;
}

export function createManualClock(startMs = 0): ManualClock {
  let nowMs = startMs;
  let sleepers: { wakeAtMs: number; wake: () => void }[] = [];
  const set = (timeMs: number): void => {
    if (timeMs <= nowMs) return;
    nowMs = timeMs;
    const due = sleepers.filter((sleeper) => sleeper.wakeAtMs <= nowMs).toSorted((a, b) => a.wakeAtMs - b.wakeAtMs);
    sleepers = sleepers.filter((sleeper) => sleeper.wakeAtMs > nowMs);
    for (const sleeper of due) sleeper.wake();
  };
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    set,
    advance: (ms) => set(nowMs + ms),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(new StrataError("ABORTED", { what: "The wait" }));
        if (ms <= 0) return resolve();
        const sleeper = { wakeAtMs: nowMs + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(new StrataError("ABORTED", { what: "The wait" }));
        }, { once: true });
      }),
  };
}

/** A clock whose `now` is set by a replay while deadlines and latencies stay real. */
export function createReplayClock(startMs: number): ManualClock {
  return { ...createManualClock(startMs), monotonicMs: systemClock.monotonicMs };
}
