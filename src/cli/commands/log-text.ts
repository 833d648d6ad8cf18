/** A server's log line for a person at a terminal: time, level, message, fields. */
import type { LogLine } from "../../platform/api.ts";
import type { Palette } from "../terminal/color.ts";
import { toSingleLine } from "../terminal/width.ts";

export function renderLogLine({ timeMs, level, message, fields }: LogLine, palette: Palette): string {
  const time = new Date(timeMs).toISOString().replace("T", " ");
  const paint = { debug: palette.dim, info: palette.cyan, warn: palette.yellow, error: palette.red }[level];
  const details = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
  return `${palette.dim(time)} ${paint(level.padEnd(5))} ${toSingleLine(message)}${details === "" ? "" : `  ${palette.dim(toSingleLine(details))}`}`;
}
