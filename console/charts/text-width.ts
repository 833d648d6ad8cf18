/** How wide a text is in the page's font, in CSS pixels: SVG neither wraps nor shortens by itself. */

export interface TextStyle {
  readonly sizePx: number;
  readonly weight: number;
}

let context: CanvasRenderingContext2D | null | undefined;
const widths = new Map<string, number>();
/** Live figures make ever new texts; the cache starts over rather than grow. */
const MOST_TEXTS = 2_000;
/** Where no canvas can be had: a generous mean over fonts. */
const MEAN_CHARACTER = 0.62;

export function textWidth(text: string, { sizePx, weight }: TextStyle): number {
  const key = `${weight} ${sizePx} ${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  context ??= document.createElement("canvas").getContext("2d");
  if (context === null) return text.length * sizePx * MEAN_CHARACTER;
  context.font = `${weight} ${sizePx}px ${getComputedStyle(document.body).fontFamily}`;
  const width = context.measureText(text).width;
  if (widths.size >= MOST_TEXTS) widths.clear();
  widths.set(key, width);
  return width;
}

/** The text, or as much of its beginning as fits, with an ellipsis. */
export function fitText(text: string, room: number, widthOf: (text: string) => number): string {
  if (widthOf(text) <= room) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (widthOf(`${text.slice(0, middle)}…`) <= room) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}
