/**
 * The span of events that a feature covers when it is read at time t. Every window is a function of the events and of
 * t alone, so the stream, the backfill and the training join see the same one.
 *
 * - Sliding, `.over("7d")`: (t - 7 d, t], exact to the millisecond.
 * - Hopping, `.hopping("7d", { every: "1d" })`: [start, start + 7 d), the latest that has ended at t of the
 *   windows that start at multiples of a day since 1970-01-01T00:00Z. Tumbling, `.tumbling("1d")`, hops by its own length.
 * - Calendar days: the two above with a `timeZone` begin and end at local midnight, so a day has 23 or 25 hours where
 *   clocks change.
 * - Session, `.session("30m")`: the latest event and those before it with no gap above 30 min between neighbours; empty
 *   once t is more than 30 min after the latest event. It reaches back `atMost` from t, which bounds what must be kept.
 * - Without any of these: the entity's whole life, (-∞, t].
 */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import { StrataError } from "../kernel/errors.ts";

/** A window that is not simply the last so many milliseconds. */
export type WindowNode =
  | { readonly kind: "hopping"; readonly sizeMs: number; readonly everyMs: number }
  | { readonly kind: "calendar"; readonly days: number; readonly everyDays: number; readonly timeZone: string }
  | { readonly kind: "session"; readonly gapMs: number; readonly atMostMs: number };

export interface TumblingOptions {
  /** IANA name, such as "Europe/Paris": the window covers whole local days. Its length must be whole days then. */
  readonly timeZone?: string;
}

export interface HoppingOptions extends TumblingOptions {
  /** Distance between the starts of two windows. */
  readonly every: Duration;
}

export interface SessionOptions {
  /** The furthest a session reaches back from the time it is read at. Default: 48 gaps, a day for half an hour. */
  readonly atMost?: Duration;
}

const DAY_MS = 86_400_000;
const GAPS_PER_SESSION = 48;

/** AGGREGATION_INVALID when the time zone is unknown or a length in it is not whole days. */
export function hoppingWindow(size: Duration, { every, timeZone }: HoppingOptions): WindowNode {
  const [sizeMs, everyMs] = [durationMs(size), durationMs(every)];
  if (timeZone === undefined) return { kind: "hopping", sizeMs, everyMs };
  const [days, everyDays] = [sizeMs / DAY_MS, everyMs / DAY_MS];
  if (!Number.isInteger(days) || !Number.isInteger(everyDays)) throw new StrataError("AGGREGATION_INVALID", { reason: `a window in time zone ${timeZone} covers whole days, not ${size} every ${every}` });
  if (!isTimeZone(timeZone)) throw new StrataError("AGGREGATION_INVALID", { reason: `"${timeZone}" is not a time zone` });
  return { kind: "calendar", days, everyDays, timeZone };
}

/** AGGREGATION_INVALID when a session could not hold one gap. */
export function sessionWindow(gap: Duration, { atMost }: SessionOptions): WindowNode {
  const gapMs = durationMs(gap);
  const atMostMs = atMost === undefined ? gapMs * GAPS_PER_SESSION : durationMs(atMost);
  if (atMostMs < gapMs) throw new StrataError("AGGREGATION_INVALID", { reason: `a session of at most ${atMost} is shorter than its gap of ${gap}` });
  return { kind: "session", gapMs, atMostMs };
}

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone !== "";
  } catch {
    return false; // Intl names a RangeError for a zone it does not know
  }
}
