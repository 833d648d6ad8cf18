/** Durations as people write them: "250ms", "30s", "15m", "6h", "7d". Days are 24 hours of elapsed time. */
import { StrataError } from "./errors.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export type Duration = `${number}${keyof typeof UNIT_MS}`;

/** Milliseconds of a duration; DURATION_INVALID when it is not one. */
export function durationMs(value: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  const ms = match ? Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS] : Number.NaN;
  if (!(ms > 0)) throw new StrataError("DURATION_INVALID", { value });
  return ms;
}

/** The shortest exact-looking form of a span, for people: 90000 → "1.5m". */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms >= UNIT_MS[unit]) return `${trimNumber(ms / UNIT_MS[unit])}${unit}`;
  }
  return `${trimNumber(ms)}ms`;
}

function trimNumber(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
