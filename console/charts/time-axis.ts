/** Axes of time, ready for a line chart. */
import { MINUTE_MS, formatClock, formatMoment, formatTimeMark } from "../format/times.ts";
import type { AxisMark } from "./line-chart.ts";
import { timeTicksOf } from "./scale.ts";

interface TimeAxis {
  readonly formatX: (x: number) => string;
  readonly marksOfX: (from: number, to: number, count: number) => readonly AxisMark[];
}

/** Days and hours of the platform's clock. */
export const PLATFORM_TIME: TimeAxis = {
  formatX: formatMoment,
  marksOfX: (from, to, count) => {
    const { stepMs, values } = timeTicksOf(from, to, count);
    return values.map((value) => ({ value, label: formatTimeMark(value, stepMs) }));
  },
};

/** The last minutes of wall time, counted back from the latest sample. */
export const RECENT_TIME: TimeAxis = {
  formatX: formatClock,
  marksOfX: (from, to, count) => {
    const { stepMs, values } = timeTicksOf(from - to, 0, count);
    return values.map((ago) => ({ value: to + ago, label: ago === 0 ? "now" : agoText(-ago, stepMs) }));
  },
};

function agoText(agoMs: number, stepMs: number): string {
  return stepMs >= MINUTE_MS && agoMs % MINUTE_MS === 0 ? `−${agoMs / MINUTE_MS} min` : `−${agoMs / 1000} s`;
}

/** Steps of a training: 0, 50, 100, … */
export const marksOfSteps = (values: readonly number[]): readonly AxisMark[] => values.map((value) => ({ value, label: String(value) }));
