/** The contrast of every text that is seen against what lies behind it, by WCAG 2.2's formula. */

/** As much of a browser's page as this needs. */
export interface EvaluatingPage {
  evaluate(script: string): Promise<unknown>;
}

interface SeenText {
  readonly text: string;
  readonly color: string;
  /** Of the element and those around it, innermost first. */
  readonly backgrounds: readonly string[];
}

type Rgba = readonly [number, number, number, number];

/** Texts whose contrast is below the bound: "3.9: the text". */
export async function lowestContrasts(page: EvaluatingPage, bound: number): Promise<readonly string[]> {
  const seen = await page.evaluate(COLLECT) as readonly SeenText[];
  if (seen.length < 100) throw new Error(`only ${seen.length} texts were found`);
  const poor = seen.map(({ text, color, backgrounds }) => ({ text, contrast: contrastOf(rgba(color), backdrop(backgrounds.map(rgba))) })).filter(({ contrast }) => contrast < bound);
  return [...new Set(poor.map(({ text, contrast }) => `${contrast.toFixed(2)}: ${text}`))];
}

/** Runs in the page. SVG texts take the first filled rectangle of their group as their ground. */
const COLLECT = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const plain = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data].join(","); };
  const seen = [];
  const walker = document.createTreeWalker(document.querySelector(".page"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
    if (!node.data.trim() || box.width === 0 || style.visibility === "hidden" || element.closest(".visually-hidden, title, .skip, [disabled]")) continue;
    const isDrawn = element instanceof SVGElement;
    const rectangle = isDrawn ? element.closest(".mark, .edge-label, .node")?.querySelector("rect:not(.node-focus)") : null;
    const backgrounds = rectangle ? [plain(getComputedStyle(rectangle).fill)] : [];
    for (let at = element; at; at = at.parentElement) backgrounds.push(plain(getComputedStyle(at).backgroundColor));
    seen.push({ text: node.data.trim().slice(0, 60), color: plain(isDrawn ? style.fill : style.color), backgrounds });
  }
  return seen;
})()`;

function rgba(text: string): Rgba {
  const [red = 0, green = 0, blue = 0, alpha = 0] = text.split(",").map(Number);
  return [red, green, blue, alpha / 255];
}

/** What is seen of grounds over each other; white below all. */
function backdrop(grounds: readonly Rgba[]): Rgba {
  return grounds.reduceRight((below, above) => over(above, below), [255, 255, 255, 1]);
}

function over(above: Rgba, below: Rgba): Rgba {
  const mix = (at: 0 | 1 | 2): number => above[at] * above[3] + below[at] * (1 - above[3]);
  return [mix(0), mix(1), mix(2), 1];
}

function contrastOf(text: Rgba, ground: Rgba): number {
  const [bright, dark] = [luminance(over(text, ground)), luminance(ground)].toSorted((a, b) => b - a) as [number, number]; // two in, two out
  return (bright + 0.05) / (dark + 0.05);
}

function luminance([red, green, blue]: Rgba): number {
  const linear = (value: number): number => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
