/**
 * Colour as functions from text to text. A disabled palette returns its input, so rendering code never asks
 * whether colour is on, and piped output is byte for byte what a plain-text test expects.
 */

/** Environment variables as handed in by the entry point. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Paint = (text: string) => string;

export interface Palette {
  readonly enabled: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly underline: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
  readonly magenta: Paint;
  readonly cyan: Paint;
}

/** Select Graphic Rendition codes of ECMA-48: what switches a style on, and what switches it off. */
const STYLES = {
  bold: [1, 22], dim: [2, 22], underline: [4, 24],
  red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], magenta: [35, 39], cyan: [36, 39],
} as const;

export function createPalette(enabled: boolean): Palette {
  const paint = ([on, off]: readonly [number, number]): Paint => (enabled ? (text) => wrap(text, on, off) : (text) => text);
  return {
    enabled,
    bold: paint(STYLES.bold), dim: paint(STYLES.dim), underline: paint(STYLES.underline),
    red: paint(STYLES.red), green: paint(STYLES.green), yellow: paint(STYLES.yellow),
    blue: paint(STYLES.blue), magenta: paint(STYLES.magenta), cyan: paint(STYLES.cyan),
  };
}

export const plainPalette: Palette = createPalette(false);

/**
 * Whether a stream gets colour: FORCE_COLOR decides when set ("0" and "false" switch off), then a non-empty
 * NO_COLOR (no-color.org) and TERM=dumb switch off, then only a terminal gets colour.
 */
export function wantsColor(stream: { readonly isTTY?: boolean | undefined }, environment: Environment): boolean {
  const forced = environment["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  if ((environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb") return false;
  return stream.isTTY === true;
}

/** An inner style that ends with the same code would end the outer one too, so the outer one is opened again. */
function wrap(text: string, on: number, off: number): string {
  if (text === "") return "";
  const open = `\u001B[${on}m`;
  const close = `\u001B[${off}m`;
  return open + text.replaceAll(close, close + open) + close;
}
