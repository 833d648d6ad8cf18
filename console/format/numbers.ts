/** Numbers as people read them: few digits, units, thin spaces. A value that was not measured (NaN, null) is a dash. */

export const NO_VALUE = "–";
/** A narrow space that does not break. */
const SPACE = "\u202f";

const fixed = (value: number, digits: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: 0, maximumFractionDigits: digits });

/** JSON has no NaN: what was not measured arrives as null, whatever the type says. */
export const isMeasured = (value: number | null | undefined): value is number => typeof value === "number" && Number.isFinite(value);

const STEPS = [[1e9, "G"], [1e6, "M"], [1e4, "k"]] as const;

/** 9,999 in full, then 12.3 k, 1.24 M, 3.1 G. */
export function formatCount(value: number): string {
  if (!isMeasured(value)) return NO_VALUE;
  const step = STEPS.find(([from]) => Math.abs(value) >= from);
  if (step === undefined) return fixed(value, 0);
  const scaled = value / (step[0] === 1e4 ? 1e3 : step[0]);
  return `${fixed(scaled, Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2)}${SPACE}${step[1]}`;
}

/** "1 event", "1,204 events". */
export function counted(value: number, noun: string): string {
  return `${formatCount(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Per second: 0.42, 8.1, 43, 1,204. */
export function formatRate(value: number): string {
  if (!isMeasured(value)) return NO_VALUE;
  if (value > 0 && value < 0.01) return "<0.01";
  return value < 10 ? fixed(value, value < 1 ? 2 : 1) : formatCount(Math.round(value));
}

/** A share of 1 in percent; never 100 % or 0 % for what is only near. */
export function formatShare(value: number): string {
  if (!isMeasured(value)) return NO_VALUE;
  if (value > 0 && value < 0.0001) return `<0.01${SPACE}%`;
  if (value > 0.999 && value < 1) return `>99.9${SPACE}%`;
  return `${fixed(value * 100, value < 0.01 ? 2 : 1)}${SPACE}%`;
}

/** In percent with one decimal always, for columns. */
export const formatShareInColumn = (value: number): string => (isMeasured(value) ? `${(value * 100).toFixed(1)}${SPACE}%` : NO_VALUE);

/** 0.42 ms, 18.3 ms, 182 ms, 1.25 s. */
export function formatMilliseconds(value: number): string {
  if (!isMeasured(value)) return NO_VALUE;
  if (value >= 999.5) return `${fixed(value / 1000, 2)}${SPACE}s`;
  return `${fixed(value, value < 1 ? 2 : value < 99.95 ? 1 : 0)}${SPACE}ms`;
}

/** Dollars: $0.00042, $0.018, $1.25, $1,204. */
export function formatUsd(value: number): string {
  if (!isMeasured(value)) return NO_VALUE;
  if (value === 0) return "$0";
  if (value < 1e-6) return "<$0.000001";
  if (value >= 1_000) return `$${fixed(value, 0)}`;
  return `$${value >= 0.1 ? value.toFixed(2) : Number(value.toPrecision(2)).toFixed(6).replace(/0+$/, "")}`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(value: number): string {
  if (!isMeasured(value)) return NO_VALUE;
  let scaled = value;
  let unit = 0;
  while (scaled >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${fixed(scaled, unit === 0 || scaled >= 99.5 ? 0 : 1)}${SPACE}${BYTE_UNITS[unit]}`;
}

/** A metric of a model: four digits that matter. */
export function formatMetric(value: number | null | undefined): string {
  if (!isMeasured(value)) return NO_VALUE;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  return size >= 1000 ? fixed(value, 0) : fixed(value, Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(size)))));
}

/** With its sign, for differences. */
export function formatDifference(value: number): string {
  if (!isMeasured(value)) return NO_VALUE;
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${formatMetric(Math.abs(value))}`;
}

/** A population stability index. */
export const formatPsi = (value: number | null | undefined): string => (isMeasured(value) ? value.toFixed(3) : NO_VALUE);
