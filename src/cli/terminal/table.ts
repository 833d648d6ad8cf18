/**
 * Tables as text: aligned by terminal columns, two spaces between, one line per row, nothing drawn around them,
 * so that the same output reads well on a screen and in grep and awk. On a terminal the widest columns give way
 * until the table fits; piped tables are never cut.
 */
import { formatNumber, MISSING } from "./format.ts";
import { displayWidth, pad, toSingleLine, truncate } from "./width.ts";
import { plainPalette, type Palette } from "./color.ts";

export type Cell = string | number | boolean | null | undefined;

export interface Column<Row> {
  readonly title: string;
  /** The cell; null and undefined are shown as "–". It may carry colour. */
  readonly value: (row: Row) => Cell;
  /** Numbers are aligned right unless this says otherwise. */
  readonly align?: "left" | "right";
}

export interface TableOptions {
  readonly palette?: Palette;
  /** Columns of the terminal; undefined when piped: nothing is cut. */
  readonly width?: number | undefined;
  /** The line shown instead of a table without rows. Default "none". */
  readonly empty?: string;
}

/** Below this a column says too little to be worth showing. */
const NARROWEST = 6;
const GAP = 2;

export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions = {}): string {
  const palette = options.palette ?? plainPalette;
  if (rows.length === 0) return palette.dim(options.empty ?? "none");
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const aligns = columns.map((column, index) => column.align ?? (isNumeric(cells, index) ? "right" : "left"));
  const texts = cells.map((row) => row.map(cellText));
  const titles = columns.map((column) => column.title);
  const widths = fitWidths(naturalWidths([titles, ...texts]), options.width);
  const line = (row: readonly string[]): string => joinCells(row, widths, aligns);
  return [palette.dim(line(titles)), ...texts.map(line)].join("\n");
}

/** Two aligned columns without titles: names and what they are. */
export function renderPairs(pairs: readonly (readonly [name: string, value: Cell])[], options: TableOptions = {}): string {
  const palette = options.palette ?? plainPalette;
  const nameWidth = Math.max(0, ...pairs.map(([name]) => displayWidth(name)));
  return pairs.map(([name, value]) => {
    const line = `${palette.dim(pad(name, nameWidth))}${" ".repeat(GAP)}${cellText(value)}`;
    return options.width === undefined ? line : truncate(line, options.width);
  }).join("\n");
}

function cellText(cell: Cell): string {
  if (cell === undefined || cell === null) return MISSING;
  return typeof cell === "number" ? formatNumber(cell, 4) : toSingleLine(String(cell));
}

function isNumeric(cells: readonly (readonly Cell[])[], index: number): boolean {
  const present = cells.map((row) => row[index]).filter((cell) => cell !== undefined && cell !== null);
  return present.length > 0 && present.every((cell) => typeof cell === "number");
}

function naturalWidths(lines: readonly (readonly string[])[]): readonly number[] {
  const widths: number[] = [];
  for (const line of lines) {
    for (const [index, text] of line.entries()) widths[index] = Math.max(widths[index] ?? 0, displayWidth(text));
  }
  return widths;
}

/** Takes from the widest columns first, so that short ones (names, counts) stay whole. */
export function fitWidths(natural: readonly number[], available: number | undefined): readonly number[] {
  if (available === undefined) return natural;
  const widths = natural.map((width) => Math.min(width, available));
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1) - available;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) break;
    widths[widths.lastIndexOf(widest)] = widest - 1;
    excess--;
  }
  return widths;
}

function joinCells(row: readonly string[], widths: readonly number[], aligns: readonly ("left" | "right")[]): string {
  return row
    .map((text, index) => pad(truncate(text, widths[index] ?? 0), widths[index] ?? 0, aligns[index] ?? "left"))
    .join(" ".repeat(GAP))
    .trimEnd();
}
