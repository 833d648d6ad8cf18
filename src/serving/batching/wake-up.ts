/** One alarm that can be moved forward: for a queue that must look again at a certain moment and not before. */
import type { Clock } from "../../kernel/clock.ts";

export interface WakeUp {
  /** Wakes at this monotonic time, unless an earlier alarm is set. */
  at(timeMs: number): void;
  cancel(): void;
}

export function createWakeUp(clock: Clock, wake: () => void): WakeUp {
  let alarmMs = Number.POSITIVE_INFINITY;
  let abort: AbortController | undefined;
  const cancel = (): void => {
    alarmMs = Number.POSITIVE_INFINITY;
    abort?.abort();
    abort = undefined;
  };
  return {
    cancel,
    at: (timeMs) => {
      if (!(timeMs < alarmMs)) return;
      cancel();
      alarmMs = timeMs;
      const mine = (abort = new AbortController());
      clock.sleep(Math.max(0, timeMs - clock.monotonicMs()), mine.signal).then(() => {
        if (abort !== mine) return;
        abort = undefined;
        alarmMs = Number.POSITIVE_INFINITY;
        wake();
      }, () => undefined); // moved or cancelled
    },
  };
}
