/** Small charts in text: a sparkline for a series, horizontal bars for a ranking, one gauge line for a share. */
import { plainPalette, type Palette } from "./color.ts";
import { formatNumber } from "./format.ts";
import { displayWidth, pad, toSingleLine, truncate } from "./width.ts";

const LEVELS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

export interface SparklineOptions {
  /** At most this many characters; a longer series is averaged into that many groups. */
  readonly width?: number;
  /** Fixed ends of the scale; the series' own smallest and largest value otherwise. */
  readonly minimum?: number;
  readonly maximum?: number;
}

/** One character per value, lowest to highest; a value that is not finite is a space, a flat series a middle line. */
export function sparkline(values: readonly number[], options: SparklineOptions = {}): string {
  const points = averageInto(values, options.width ?? values.length);
  const finite = points.filter((value) => Number.isFinite(value));
  const low = options.minimum ?? finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = options.maximum ?? finite.reduce((a, b) => Math.max(a, b), -Infinity);
  return points.map((value) => {
    if (!Number.isFinite(value)) return " ";
    const share = high > low ? (value - low) / (high - low) : 0.4;
    return LEVELS[Math.min(LEVELS.length - 1, Math.max(0, Math.floor(share * LEVELS.length)))];
  }).join("");
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Text after the bar; the number itself otherwise. */
  readonly text?: string;
}

export interface BarChartOptions {
  readonly palette?: Palette;
  /** Columns for the whole line. Default 60. */
  readonly width?: number | undefined;
  /** The value of a full bar; the largest value otherwise. */
  readonly maximum?: number;
}

/** One line per bar: label, bar, value. Bars share one scale that starts at 0; negative values have an empty bar. */
export function renderBars(bars: readonly Bar[], options: BarChartOptions = {}): string {
  const palette = options.palette ?? plainPalette;
  const width = options.width ?? 60;
  const texts = bars.map((bar) => toSingleLine(bar.text ?? formatNumber(bar.value, 4)));
  const labels = bars.map((bar) => truncate(toSingleLine(bar.label), Math.max(8, Math.floor(width * 0.4))));
  const labelWidth = Math.max(0, ...labels.map((label) => displayWidth(label)));
  const textWidth = Math.max(0, ...texts.map((text) => displayWidth(text)));
  const barWidth = Math.max(4, width - labelWidth - textWidth - 4);
  const maximum = options.maximum ?? Math.max(0, ...bars.map((bar) => bar.value).filter((value) => Number.isFinite(value)));
  return bars.map((bar, index) => {
    const share = maximum > 0 ? bar.value / maximum : 0;
    return `${pad(labels[index] ?? "", labelWidth)}  ${palette.cyan(pad(barOf(share, barWidth), barWidth))}  ${pad(texts[index] ?? "", textWidth, "right")}`;
  }).join("\n");
}

/** A bar of at most `width` characters for a share between 0 and 1, to an eighth of a character. */
export function barOf(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * width * 8);
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}

/** Means of equal groups; a group without a finite value stays NaN. */
function averageInto(values: readonly number[], width: number): readonly number[] {
  if (values.length <= width || width <= 0) return values;
  return Array.from({ length: width }, (_, group) => {
    const start = Math.floor((group * values.length) / width);
    const end = Math.floor(((group + 1) * values.length) / width);
    const finite = values.slice(start, end).filter((value) => Number.isFinite(value));
    return finite.length === 0 ? Number.NaN : finite.reduce((sum, value) => sum + value, 0) / finite.length;
  });
}
