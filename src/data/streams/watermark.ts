/**
 * A stream's watermark by bounded out-of-orderness: nothing earlier than the latest event time minus the delay is
 * expected any more (Akidau et al., "The Dataflow Model", VLDB 2015; Flink's forBoundedOutOfOrderness). It never goes
 * back. A stream that is silent is moved on by `raise`.
 */
export interface WatermarkState {
  /** Latest event time; -Infinity before the first event. */
  readonly latestMs: number;
  /** What `raise` was told last. */
  readonly floorMs: number;
}

export interface Watermark {
  /** ms since the epoch; -Infinity before the first event. */
  readonly valueMs: number;
  readonly state: WatermarkState;
  observe(timeMs: number): void;
  raise(toMs: number): void;
}

export function createWatermark(delayMs: number, start: WatermarkState = { latestMs: -Infinity, floorMs: -Infinity }): Watermark {
  let { latestMs, floorMs } = start;
  return {
    get valueMs() { return Math.max(latestMs - delayMs, floorMs); },
    get state() { return { latestMs, floorMs }; },
    observe: (timeMs) => {
      if (timeMs > latestMs) latestMs = timeMs;
    },
    raise: (toMs) => {
      if (toMs > floorMs) floorMs = toMs;
    },
  };
}
