/**
 * How many terminal columns a text takes, and cutting, padding and wrapping by that measure. Counts grapheme
 * clusters (UAX #29); East Asian wide and fullwidth characters (UAX #11) and emoji take two columns, marks none.
 * Colour codes take no columns. Other control characters are dangerous in a terminal and are removed on the way in.
 */

const ESCAPE = "\u001B";
const COLOR_CODE = String.raw`${ESCAPE}\[[0-9;]*m`;
const COLOR_CODES = new RegExp(COLOR_CODE, "g");
const COLOR_CODE_OR_TEXT = new RegExp(`(${COLOR_CODE})|([^${ESCAPE}]+|${ESCAPE})`, "g");
/** CSI and OSC sequences other than colour, and single control characters: data must not move the cursor or set titles. */
const UNSAFE = new RegExp(
  String.raw`(${COLOR_CODE})|${ESCAPE}\[[0-?]*[ -/]*[@-~]|${ESCAPE}\][^\u0007${ESCAPE}]*(?:\u0007|${ESCAPE}\\)?|[\u0000-\u0008\u000B-\u001F\u007F-\u009F]`,
  "g",
);
const PRINTABLE_ASCII = /^[ -~]*$/;
const ZERO_WIDTH = /^[\p{Mark}\p{Default_Ignorable_Code_Point}\p{Control}]+$/u;
const EMOJI = /\p{Emoji_Presentation}|\uFE0F/u;

/** First and last code points of the East Asian Wide and Fullwidth blocks in use today (Unicode 16, UAX #11). */
const WIDE_RANGES: readonly (readonly [number, number])[] = [
  [0x1100, 0x115F], [0x2E80, 0x303E], [0x3041, 0x33FF], [0x3400, 0x4DBF], [0x4E00, 0x9FFF], [0xA000, 0xA4CF],
  [0xA960, 0xA97C], [0xAC00, 0xD7A3], [0xF900, 0xFAFF], [0xFE30, 0xFE6F], [0xFF00, 0xFF60], [0xFFE0, 0xFFE6],
  [0x17000, 0x18CFF], [0x1AFF0, 0x1B2FB], [0x1F200, 0x1F265], [0x20000, 0x3FFFD],
];

let segmenter: Intl.Segmenter | undefined;

/** Terminal columns of one line of text. */
export function displayWidth(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  const bare = text.replaceAll(COLOR_CODES, "");
  if (PRINTABLE_ASCII.test(bare)) return bare.length;
  let width = 0;
  for (const grapheme of graphemes(bare)) width += graphemeWidth(grapheme);
  return width;
}

/** Cuts to at most `width` columns and ends a cut text with "…"; a colour left open is closed. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width <= 0) return "";
  let kept = "";
  let used = 0;
  let colored = false;
  for (const [, code, run] of text.matchAll(COLOR_CODE_OR_TEXT)) {
    if (code !== undefined) {
      kept += code;
      colored = true;
      continue;
    }
    for (const grapheme of graphemes(run ?? "")) {
      used += graphemeWidth(grapheme);
      if (used > width - 1) return `${kept}…${colored ? `${ESCAPE}[0m` : ""}`;
      kept += grapheme;
    }
  }
  return kept;
}

/** Fills with spaces up to `width` columns; a longer text stays as it is. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + space : space + text;
}

/** Breaks at spaces into lines of at most `width` columns; a longer word stays whole. Line breaks in the text stay. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((paragraph) => wrapParagraph(paragraph, width));
}

function wrapParagraph(paragraph: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ").filter((part) => part !== "")) {
    if (line === "") line = word;
    else if (displayWidth(line) + 1 + displayWidth(word) <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

/** Removes cursor movement, titles and other control sequences; keeps colour, tabs and line breaks. */
export function withoutControls(text: string): string {
  return text.replaceAll(UNSAFE, (_, color: string | undefined) => color ?? "");
}

/** One safe line: control sequences removed, line breaks and tabs turned into single spaces. */
export function toSingleLine(text: string): string {
  return withoutControls(text.replaceAll(/\s*[\r\n\t]+\s*/g, " "));
}

function* graphemes(text: string): Iterable<string> {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  for (const part of segmenter.segment(text)) yield part.segment;
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7F && grapheme.length === 1) return 1;
  if (ZERO_WIDTH.test(grapheme)) return 0;
  if (EMOJI.test(grapheme)) return 2;
  return WIDE_RANGES.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
