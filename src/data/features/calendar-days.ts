/**
 * Days of a time zone as instants: a local day begins at the first instant of its date, so it has 23 or 25 hours where
 * clocks change, also where the change falls on midnight. What the zone's rules were is told by the runtime's own data
 * (Intl); every day is worked out once.
 */

export interface CalendarDays {
  /** The day (days since 1970-01-01, in local dates) that the instant belongs to. */
  dayAt(timeMs: number): number;
  /** The first instant of the day. */
  startOf(day: number): number;
}

const DAY_MS = 86_400_000;
/** No zone is further than this from UTC, and none has jumped by more at once. */
const FURTHEST_MS = 36 * 3_600_000;
/** Days worth remembering: 150 years. */
const MOST_KNOWN = 55_000;

export function createCalendarDays(timeZone: string): CalendarDays {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, calendar: "gregory", numberingSystem: "latn", era: "short", year: "numeric", month: "numeric", day: "numeric" });
  const starts = new Map<number, number>();

  const dateAt = (timeMs: number): number => {
    const parts = Object.fromEntries(format.formatToParts(timeMs).map(({ type, value }) => [type, value]));
    const year = parts["era"]?.startsWith("B") === true ? 1 - Number(parts["year"]) : Number(parts["year"]);
    return new Date(0).setUTCFullYear(year, Number(parts["month"]) - 1, Number(parts["day"])) / DAY_MS;
  };

  /** The first millisecond with this date or a later one. */
  const findStart = (day: number): number => {
    let low = day * DAY_MS - FURTHEST_MS; // an earlier date
    let high = day * DAY_MS + FURTHEST_MS; // this date or a later one
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (dateAt(middle) >= day) high = middle;
      else low = middle;
    }
    return high;
  };

  const startOf = (day: number): number => {
    const known = starts.get(day);
    if (known !== undefined) return known;
    if (starts.size >= MOST_KNOWN) starts.clear();
    const start = findStart(day);
    starts.set(day, start);
    return start;
  };

  return {
    startOf,
    dayAt: (timeMs) => {
      let day = Math.floor(timeMs / DAY_MS);
      while (startOf(day) > timeMs) day--;
      while (startOf(day + 1) <= timeMs) day++;
      return day;
    },
  };
}
