/**
 * Progress of long work, on stderr so that results stay clean. On a terminal one line is redrawn in place;
 * piped, a plain line appears every few seconds and at the end, so that a log stays readable. There are no
 * timers: a line changes when work reports, and a stalled job looks stalled.
 */
import type { Clock } from "../../kernel/clock.ts";
import { barOf } from "./chart.ts";
import { plainPalette, type Palette } from "./color.ts";
import { formatElapsed, formatNumber, formatPercent, formatRate } from "./format.ts";
import { pad, toSingleLine, truncate } from "./width.ts";

export interface ProgressState {
  readonly label: string;
  readonly done: number;
  /** Unknown when work is open-ended: then there is no bar and no estimate. */
  readonly total?: number | undefined;
  readonly elapsedMs: number;
  /** How a count is written; formatNumber unless given (formatBytes for bytes). */
  readonly format?: ((count: number) => string) | undefined;
}

/** The line for a state: label, bar, share, counts, rate, time left. Pure. */
export function renderProgress(state: ProgressState, options: { readonly palette?: Palette; readonly width?: number | undefined } = {}): string {
  const palette = options.palette ?? plainPalette;
  const { done, total } = state;
  const format = state.format ?? ((count: number) => formatNumber(count, 0));
  const label = toSingleLine(state.label);
  const perSecond = state.elapsedMs > 0 ? (done * 1_000) / state.elapsedMs : 0;
  const rate = state.format ? `${format(perSecond)}/s` : formatRate(perSecond);
  const fit = (line: string): string => (options.width === undefined ? line : truncate(line, options.width - 1));
  if (total === undefined) return fit(`${label}  ${format(done)}  ${palette.dim(`${rate}  ${formatElapsed(state.elapsedMs)}`)}`);
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const bar = palette.cyan(pad(barOf(share, BAR_WIDTH), BAR_WIDTH, "left").replaceAll(" ", "░"));
  const left = perSecond > 0 ? `  ${formatElapsed(((total - done) * 1_000) / perSecond)} left` : "";
  return fit(`${label}  ${bar}  ${formatPercent(share, 0).padStart(4)}  ${format(done)}/${format(total)}  ${palette.dim(`${rate}${done < total ? left : ""}`)}`);
}

const BAR_WIDTH = 24;
/** About twelve frames a second: smooth to the eye, and far below what a slow remote terminal chokes on. */
const REDRAW_MS = 80;
/** A line this often keeps a CI log short and still shows life. */
const PLAIN_LINE_MS = 5_000;

/** Where progress is drawn; terminal.ts provides it. */
export interface ProgressSurface {
  /** Replaces the live line in place; only called when interactive. */
  readonly draw: (line: string) => void;
  /** Removes the live line. */
  readonly clear: () => void;
  /** Writes a permanent line. */
  readonly print: (line: string) => void;
  readonly interactive: boolean;
  readonly palette: Palette;
  readonly width: number | undefined;
  readonly clock: Clock;
}

export interface Progress extends Disposable {
  /** Sets how much is done; `total` may become known or change on the way. */
  update(done: number, total?: number): void;
  /** Adds to what is done. */
  advance(count?: number): void;
  /** Ends with a permanent line: the given text, or the last state. Later calls do nothing. */
  finish(summary?: string): void;
}

export interface ProgressOptions {
  readonly label: string;
  readonly total?: number;
  readonly format?: (count: number) => string;
}

/** Disposing without `finish` (after a failure) only removes the live line. */
export function createProgress(options: ProgressOptions, surface: ProgressSurface): Progress {
  const startedMs = surface.clock.now();
  let done = 0;
  let total = options.total;
  let shownMs = -Infinity;
  let ended = false;

  const line = (width: number | undefined, palette: Palette): string =>
    renderProgress({ label: options.label, done, total, elapsedMs: surface.clock.now() - startedMs, format: options.format }, { width, palette });
  const show = (): void => {
    const nowMs = surface.clock.now();
    if (ended || nowMs - shownMs < (surface.interactive ? REDRAW_MS : PLAIN_LINE_MS)) return;
    shownMs = nowMs;
    if (surface.interactive) surface.draw(line(surface.width, surface.palette));
    else surface.print(line(undefined, plainPalette));
  };
  const end = (): boolean => {
    if (ended) return false;
    ended = true;
    if (surface.interactive) surface.clear();
    return true;
  };
  return {
    update: (count, newTotal) => {
      done = count;
      total = newTotal ?? total;
      show();
    },
    advance: (count = 1) => {
      done += count;
      show();
    },
    finish: (summary) => {
      if (end()) surface.print(summary ?? line(surface.width, surface.palette));
    },
    [Symbol.dispose]: () => void end(),
  };
}
