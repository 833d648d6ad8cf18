/** The watermark of every stream as it is now, from the events that became durable. Derived windows keep their own, by which they can be replayed; this one is for people and metrics. */
import type { Clock } from "../../kernel/clock.ts";
import type { Stream } from "../../define/index.ts";

export interface StreamTimes {
  /** Latest event time; undefined before the first event. */
  readonly latestMs: number | undefined;
  readonly watermarkMs: number | undefined;
  /** When the last event became durable in this process. */
  readonly lastStoredMs: number | undefined;
}

export interface WatermarkBoard {
  observe(stream: string, records: readonly { readonly timeMs: number }[]): void;
  times(stream: Stream): StreamTimes;
}

interface Seen {
  latestMs: number;
  lastStoredMs: number;
}

export function createWatermarkBoard(clock: Clock): WatermarkBoard {
  const streams = new Map<string, Seen>();
  return {
    observe: (stream, records) => {
      const seen = streams.get(stream) ?? { latestMs: -Infinity, lastStoredMs: 0 };
      for (const { timeMs } of records) if (timeMs > seen.latestMs) seen.latestMs = timeMs;
      seen.lastStoredMs = clock.now();
      streams.set(stream, seen);
    },
    times: ({ name, watermark: { delayMs, idleAfterMs } }) => {
      const seen = streams.get(name);
      if (seen === undefined) return { latestMs: undefined, watermarkMs: undefined, lastStoredMs: undefined };
      const isIdle = clock.now() - seen.lastStoredMs >= idleAfterMs;
      return { ...seen, watermarkMs: Math.max(seen.latestMs, isIdle ? clock.now() : -Infinity) - delayMs };
    },
  };
}
