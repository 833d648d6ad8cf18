/**
 * What a command talks to instead of the streams: results go to stdout, steps, warnings and progress to stderr.
 * In JSON mode prose for stdout is dropped, because stdout then belongs to the document; stderr stays alive.
 * Every text passes the renderers of this folder, so colour, width and unsafe characters are settled in one place.
 */
import type { Clock } from "../../kernel/clock.ts";
import { renderBars, type Bar } from "./chart.ts";
import { renderBox, renderSection } from "./box.ts";
import { createPalette, wantsColor, type Environment, type Palette } from "./color.ts";
import { formatElapsed } from "./format.ts";
import { createProgress, type Progress, type ProgressOptions } from "./progress.ts";
import { renderPairs, renderTable, type Cell, type Column } from "./table.ts";
import { toSingleLine, truncate, withoutControls } from "./width.ts";

/** The part of a writable stream the command line uses. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Columns, when it is a terminal. */
  readonly columns?: number | undefined;
}

export interface TerminalOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Environment;
  readonly clock: Clock;
  /** stdout carries a JSON document: prose for it is dropped. */
  readonly json?: boolean;
}

export interface StepText<Result> {
  /** Shown while it runs, on a terminal: "training ranker". */
  readonly running: string;
  /** Shown after success: "trained ranker v1"; `running` unless given. */
  readonly done?: (result: Result) => string;
}

export interface Terminal {
  /** Colours for stdout; does nothing when stdout has none. */
  readonly palette: Palette;
  /** Columns of stdout; undefined when it is not a terminal. */
  readonly width: number | undefined;
  /** One or more lines of a result, to stdout. */
  print(text?: string): void;
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options?: { readonly empty?: string }): void;
  /** Aligned names and values, to stdout. */
  pairs(pairs: readonly (readonly [name: string, value: Cell])[]): void;
  bars(bars: readonly Bar[]): void;
  box(title: string, body: string): void;
  section(title: string, body: string): void;
  /** Runs work and says "✓ trained ranker v1 in 3.2s", or "✗ training ranker after 3.2s" and rethrows; to stderr. */
  step<Result>(text: string | StepText<Result>, work: () => Result | Promise<Result>): Promise<Result>;
  /** "✓ text", to stderr. */
  success(text: string): void;
  /** "! text", to stderr. */
  warn(text: string): void;
  /** A plain line that is not part of the result, to stderr. */
  note(text: string): void;
  progress(options: ProgressOptions): Progress;
}

const ERASE_LINE = "\r\u001B[2K";

export function createTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, environment, clock } = options;
  const palette = createPalette(wantsColor(stdout, environment));
  const aside = createPalette(wantsColor(stderr, environment));
  const width = widthOf(stdout);
  const live = createLiveLine(stderr, environment);

  const print = (text = ""): void => {
    if (options.json === true) return;
    live.around(() => stdout.write(`${withoutControls(text)}\n`));
  };
  const note = (text: string): void => live.around(() => stderr.write(`${withoutControls(text)}\n`));

  return {
    palette, width, print, note,
    table: (columns, rows, { empty } = {}) => print(renderTable(columns, rows, { palette, width, ...(empty === undefined ? {} : { empty }) })),
    pairs: (pairs) => print(renderPairs(pairs, { palette, width })),
    bars: (bars) => print(renderBars(bars, { palette, width: Math.min(width ?? 80, 80) })),
    box: (title, body) => print(renderBox(title, body, { palette, width })),
    section: (title, body) => print(renderSection(title, body, { palette })),
    success: (text) => note(`${aside.green("✓")} ${text}`),
    warn: (text) => note(`${aside.yellow("!")} ${text}`),
    step: (text, work) => runStep(text, work, { live, note, palette: aside, clock }),
    progress: (progressOptions) => createProgress(progressOptions, {
      draw: live.draw, clear: live.clear, print: note, interactive: live.interactive, palette: aside, width: widthOf(stderr), clock,
    }),
  };
}

/** Some terminals (serial lines, recorders) report no columns or none yet: then the usual 80. */
function widthOf(stream: OutputStream): number | undefined {
  return stream.isTTY === true ? stream.columns || 80 : undefined;
}

/** The one line on stderr that is redrawn in place; permanent text makes it step aside and come back. */
interface LiveLine {
  readonly interactive: boolean;
  readonly width: number;
  readonly draw: (line: string) => void;
  readonly clear: () => void;
  readonly around: (write: () => void) => void;
}

function createLiveLine(stderr: OutputStream, environment: Environment): LiveLine {
  const interactive = stderr.isTTY === true && environment["TERM"] !== "dumb";
  let shown: string | undefined;
  return {
    interactive,
    width: widthOf(stderr) ?? 80,
    draw: (line) => {
      shown = line;
      if (interactive) stderr.write(ERASE_LINE + line);
    },
    clear: () => {
      if (interactive && shown !== undefined) stderr.write(ERASE_LINE);
      shown = undefined;
    },
    around: (write) => {
      if (interactive && shown !== undefined) stderr.write(ERASE_LINE);
      write();
      if (interactive && shown !== undefined) stderr.write(shown);
    },
  };
}

interface StepSurface {
  readonly live: LiveLine;
  readonly note: (text: string) => void;
  readonly palette: Palette;
  readonly clock: Clock;
}

async function runStep<Result>(
  text: string | StepText<Result>, work: () => Result | Promise<Result>, { live, note, palette, clock }: StepSurface,
): Promise<Result> {
  const step: StepText<Result> = typeof text === "string" ? { running: text } : text;
  const startedMs = clock.now();
  const elapsed = (): string => formatElapsed(clock.now() - startedMs);
  live.draw(truncate(`${palette.dim("·")} ${toSingleLine(step.running)}`, live.width - 1));
  try {
    const result = await work();
    live.clear();
    note(`${palette.green("✓")} ${step.done?.(result) ?? step.running} ${palette.dim(`in ${elapsed()}`)}`);
    return result;
  } catch (thrown) {
    live.clear();
    note(`${palette.red("✗")} ${step.running} ${palette.dim(`after ${elapsed()}`)}`);
    throw thrown;
  }
}
