/**
 * Whether a key was seen within a span of event time before or after. Keys are held in the order they were last seen,
 * so those that are too old, and the oldest beyond the bound, leave from the front in constant time.
 */
import { decodeNumbers, encodeNumbers } from "./numbers-text.ts";

export interface SeenKeys {
  /** True when the key was seen with a time no further away than the span; remembers it. */
  see(key: number, timeMs: number): boolean;
  /** Keys that left because there were too many: until then only so many of the latest are compared. */
  readonly dropped: number;
  state(): SeenKeysState;
}

export interface SeenKeysState {
  readonly keys: string;
  readonly timesMs: string;
  readonly newestMs: number;
  readonly dropped: number;
}

/** Entries looked at per event when leaving: twice what comes in, so that the front never lags behind. */
const VISITS = 2;

export function createSeenKeys({ withinMs, keys: most }: { readonly withinMs: number; readonly keys: number }, saved?: SeenKeysState): SeenKeys {
  const times = new Map<number, number>();
  let newestMs = saved?.newestMs ?? -Number.MAX_VALUE;
  let dropped = saved?.dropped ?? 0;
  if (saved !== undefined) {
    const [keys, timesMs] = [decodeNumbers(saved.keys), decodeNumbers(saved.timesMs)];
    for (let at = 0; at < keys.length; at++) times.set(keys[at]!, timesMs[at]!);
  }

  const leave = (): void => {
    let visits = 0;
    for (const [key, timeMs] of times) {
      const isOld = newestMs - timeMs > withinMs;
      if (!isOld && times.size <= most) return;
      times.delete(key);
      if (!isOld) dropped += 1;
      if (++visits >= VISITS && times.size <= most) return;
    }
  };

  return {
    see: (key, timeMs) => {
      const before = times.get(key);
      times.delete(key); // moves it to the end
      times.set(key, before === undefined ? timeMs : Math.max(before, timeMs));
      newestMs = Math.max(newestMs, timeMs);
      leave();
      return before !== undefined && Math.abs(timeMs - before) <= withinMs;
    },
    get dropped() { return dropped; },
    state: () => ({ keys: encodeNumbers(times.keys()), timesMs: encodeNumbers(times.values()), newestMs, dropped }),
  };
}
