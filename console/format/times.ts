/** Times in UTC, as in logs, and durations. Times are ms since the epoch. */
import { NO_VALUE, isMeasured } from "./numbers.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number): string => String(value).padStart(2, "0");

/** Nothing for what is not a time; the limits are those of Date. */
const format = (ms: number, write: (date: Date) => string): string => (isMeasured(ms) && Math.abs(ms) <= 8.64e15 ? write(new Date(ms)) : NO_VALUE);
const shortDay = (date: Date): string => `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
const month = (date: Date): string => `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;

/** "12 Mar 2011". */
export const formatDay = (ms: number): string => format(ms, (date) => `${date.getUTCDate()} ${month(date)}`);
/** "14:05". */
export const formatMinute = (ms: number): string => format(ms, (date) => `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`);
/** "14:05:09". */
export const formatClock = (ms: number): string => format(ms, (date) => `${formatMinute(ms)}:${two(date.getUTCSeconds())}`);
/** "12 Mar 2011, 14:05". */
export const formatMoment = (ms: number): string => `${formatDay(ms)}, ${formatMinute(ms)}`;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** A label of a time axis whose marks are `stepMs` apart. */
export function formatTimeMark(ms: number, stepMs: number): string {
  if (stepMs >= 28 * DAY_MS) return format(ms, month);
  if (stepMs >= DAY_MS) return format(ms, shortDay);
  return stepMs >= MINUTE_MS ? formatMinute(ms) : formatClock(ms);
}

const UNITS = [[DAY_MS, "d"], [HOUR_MS, "h"], [MINUTE_MS, "min"], [1000, "s"]] as const;

/** The two largest units: "3 d 4 h", "2 min 5 s", "12 s". */
export function formatDuration(ms: number): string {
  if (!isMeasured(ms)) return NO_VALUE;
  const at = UNITS.findIndex(([size]) => Math.abs(ms) >= size);
  if (at === -1) return "0 s";
  const [size, name] = UNITS[at]!;
  const whole = Math.trunc(ms / size);
  const next = UNITS[at + 1];
  const rest = next === undefined ? 0 : Math.trunc((ms - whole * size) / next[0]);
  return rest === 0 || next === undefined ? `${whole} ${name}` : `${whole} ${name} ${rest} ${next[1]}`;
}

/** "3 min ago" on the clock of `nowMs`. */
export function formatAgo(ms: number, nowMs: number): string {
  const agoMs = nowMs - ms;
  if (!isMeasured(agoMs)) return NO_VALUE;
  if (agoMs < 1000) return "now";
  const [size, name] = UNITS.find(([unit]) => agoMs >= unit)!; // at least one second
  return `${Math.trunc(agoMs / size)} ${name} ago`;
}
