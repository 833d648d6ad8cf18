/** Events per second over the last ten to twenty seconds, in two counters. */
import type { Clock } from "../../kernel/clock.ts";

const SPAN_MS = 10_000;

export interface EventRate {
  add(events: number): void;
  perSecond(): number;
}

export function createEventRate(clock: Clock): EventRate {
  let spanStartMs = clock.now();
  let current = 0, previous = 0;

  const turn = (): number => {
    const elapsedMs = clock.now() - spanStartMs;
    if (elapsedMs < SPAN_MS) return elapsedMs;
    previous = elapsedMs < 2 * SPAN_MS ? current : 0;
    current = 0;
    spanStartMs += Math.floor(elapsedMs / SPAN_MS) * SPAN_MS;
    return elapsedMs % SPAN_MS;
  };

  return {
    add: (events) => {
      turn();
      current += events;
    },
    /** The previous span counts for as much of it as the current one has not covered yet. */
    perSecond: () => {
      const share = turn() / SPAN_MS;
      return (current + previous * (1 - share)) / (SPAN_MS / 1_000);
    },
  };
}
