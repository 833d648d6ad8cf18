/** Framing for a few lines that must be seen: a box around them, or a heading above them. */
import { plainPalette, type Palette } from "./color.ts";
import { displayWidth, pad, truncate, withoutControls } from "./width.ts";

export interface FrameOptions {
  readonly palette?: Palette;
  /** Columns of the terminal; undefined when piped: nothing is cut. */
  readonly width?: number | undefined;
}

/** A rounded box; the title sits in its upper edge. */
export function renderBox(title: string, body: string, options: FrameOptions = {}): string {
  const palette = options.palette ?? plainPalette;
  const most = options.width === undefined ? Infinity : Math.max(4, options.width - 4);
  const name = truncate(withoutControls(title), most - 2);
  const lines = withoutControls(body).replaceAll("\t", "  ").split("\n").map((line) => truncate(line, most));
  const inner = Math.max(displayWidth(name) + 2, ...lines.map((line) => displayWidth(line)));
  const edge = palette.dim("│");
  const top = palette.dim("╭─ ") + palette.bold(name) + palette.dim(` ${"─".repeat(Math.max(0, inner - displayWidth(name) - 1))}╮`);
  const bottom = palette.dim(`╰${"─".repeat(inner + 2)}╯`);
  return [top, ...lines.map((line) => `${edge} ${pad(line, inner)} ${edge}`), bottom].join("\n");
}

/** A heading and its body, indented by two. */
export function renderSection(title: string, body: string, options: FrameOptions = {}): string {
  const palette = options.palette ?? plainPalette;
  return [palette.bold(title), ...body.split("\n").map((line) => (line === "" ? "" : `  ${line}`))].join("\n");
}
