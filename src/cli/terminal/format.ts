/**
 * Numbers, sizes, shares and times as people read them. Pure, the same on every machine whatever its locale.
 * Values that are not finite are shown as "–". For spans in the notation of durations see kernel/duration.ts.
 */

export const MISSING = "–";

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

/** Groups thousands and keeps at most `decimals` digits after the point: 1234567.891 → "1,234,567.89". */
export function formatNumber(value: number, decimals = 2): string {
  if (!Number.isFinite(value)) return MISSING;
  if (Math.abs(value) >= 1e15) return value.toExponential(2);
  const rounded = Math.abs(value).toFixed(decimals);
  const [whole = "0", fraction = ""] = rounded.split(".");
  const grouped = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
  const kept = fraction.replace(/0+$/, "");
  const sign = value < 0 && Number(rounded) !== 0 ? "-" : "";
  return sign + grouped + (kept === "" ? "" : `.${kept}`);
}

/** Three significant digits and a unit of thousands: 12345 → "12.3k". */
export function formatCompact(value: number): string {
  return scaled(value, { base: 1_000, units: ["", "k", "M", "G", "T"] });
}

/** Binary units: 1536 → "1.5 KiB". */
export function formatBytes(sizeBytes: number): string {
  return scaled(sizeBytes, { base: 1_024, units: [" B", " KiB", " MiB", " GiB", " TiB"] });
}

/** A share of one: 0.1234 → "12.3%". */
export function formatPercent(share: number, decimals = 1): string {
  return Number.isFinite(share) ? `${formatNumber(share * 100, decimals)}%` : MISSING;
}

/** Events per second: "950/s", "1.25k/s"; below one per second two significant digits. */
export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return MISSING;
  return perSecond >= 1 ? `${formatCompact(perSecond)}/s` : `${Number(perSecond.toPrecision(2))}/s`;
}

/** A measured span: "0.4ms", "850ms", "3.2s", "1m 05s", "2h 03m", "3d 04h". */
export function formatElapsed(elapsedMs: number): string {
  if (!Number.isFinite(elapsedMs)) return MISSING;
  const ms = Math.max(0, elapsedMs);
  if (ms < 10) return `${Number(ms.toFixed(1))}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < MINUTE - 50) return `${(ms / SECOND).toFixed(1)}s`;
  if (ms < HOUR - 500) return pair(ms, { unit: MINUTE, part: SECOND, names: ["m", "s"] });
  if (ms < DAY - MINUTE / 2) return pair(ms, { unit: HOUR, part: MINUTE, names: ["h", "m"] });
  return pair(ms, { unit: DAY, part: HOUR, names: ["d", "h"] });
}

/** A moment in UTC to the second: "2026-02-03 04:05:06Z". */
export function formatTime(timeMs: number): string {
  if (!(Math.abs(timeMs) <= 8.64e15)) return MISSING;
  return new Date(timeMs).toISOString().replace("T", " ").replace(/\.\d+Z$/, "Z");
}

/** How long ago, in one unit: "just now", "42s ago", "3m ago", "5h ago", "12d ago"; the future is "in 3m". */
export function formatAge(timeMs: number, nowMs: number): string {
  const ageMs = nowMs - timeMs;
  if (!Number.isFinite(ageMs)) return MISSING;
  const span = Math.abs(ageMs);
  if (span < SECOND) return "just now";
  const [unit, name] = ([[DAY, "d"], [HOUR, "h"], [MINUTE, "m"], [SECOND, "s"]] as const).find(([size]) => span >= size) ?? [SECOND, "s"];
  const text = `${Math.floor(span / unit)}${name}`;
  return ageMs > 0 ? `${text} ago` : `in ${text}`;
}

/** "1 event", "2 events"; the plural is the word with an "s" unless given. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count, 0)} ${count === 1 ? one : many}`;
}

interface Scale { readonly base: number; readonly units: readonly string[] }

/** The next unit starts where three digits would round up to it: 999.9 → "1k", never "1000". */
function scaled(value: number, { base, units }: Scale): string {
  if (!Number.isFinite(value)) return MISSING;
  let size = Math.abs(value);
  let step = 0;
  while (step < units.length - 1 && roundTo3(size) >= base) {
    size /= base;
    step++;
  }
  return `${value < 0 && size > 0 ? "-" : ""}${formatNumber(roundTo3(size), 2)}${units[step]}`;
}

function roundTo3(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

interface Pair { readonly unit: number; readonly part: number; readonly names: readonly [string, string] }

function pair(ms: number, { unit, part, names }: Pair): string {
  const parts = Math.round(ms / part);
  const perUnit = unit / part;
  return `${Math.floor(parts / perUnit)}${names[0]} ${String(parts % perUnit).padStart(2, "0")}${names[1]}`;
}
