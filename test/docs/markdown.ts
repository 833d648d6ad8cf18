/** What the tests of the guides read out of Markdown: fenced blocks with the mark before them, links, anchors, tables, codes. Pure. */

export interface CodeBlock {
  /** File name of the page. */
  readonly page: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** What the HTML comment right before the block says, e.g. "run app.ts"; "" when there is none. */
  readonly mark: string;
  readonly text: string;
}

export interface Link {
  readonly line: number;
  readonly target: string;
}

const FENCE = /^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n([\s\S]*?)^```$/gm;

export function codeBlocks(page: string, markdown: string): readonly CodeBlock[] {
  return Array.from(markdown.matchAll(FENCE), ({ 1: mark = "", 2: language = "", 3: text = "", index }) => ({
    page, language, mark, text, line: markdown.slice(0, index).split("\n").length + (mark === "" ? 0 : 1),
  }));
}

/** Lines keep their numbers; what stands in fences and in code spans is blanked. */
export function proseOf(markdown: string): string {
  const blank = (code: string): string => code.replaceAll(/[^\n]/g, " ");
  return markdown.replaceAll(/^```[\s\S]*?^```$/gm, blank).replaceAll(/`[^`\n]+`/g, blank);
}

/** Targets of links and images, `[text](target)`, outside of code. */
export function linksOf(markdown: string): readonly Link[] {
  return proseOf(markdown).split("\n").flatMap((text, index) =>
    Array.from(text.matchAll(/\]\(([^()\s]+)\)/g), ([, target = ""]) => ({ line: index + 1, target })));
}

/** Anchors of the headings, made as GitHub makes them: lower case, punctuation dropped, spaces to dashes. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = markdown.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/^#{1,6} +(.+)$/gm);
  return new Set(Array.from(headings, ([, title = ""]) => title.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(/\s/g, "-")));
}

/** The text between `<!-- table: name -->` and `<!-- end -->`; undefined when the page has no such table. */
export function tableOf(name: string, markdown: string): string | undefined {
  const start = `<!-- table: ${name} -->\n`;
  const at = markdown.indexOf(start);
  return at < 0 ? undefined : markdown.slice(at + start.length, markdown.indexOf("<!-- end -->", at));
}

/** What stands in code spans and code blocks. */
export function codeOf(markdown: string): readonly string[] {
  return [...Array.from(markdown.matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code), ...codeBlocks("", markdown).map(({ text }) => text)];
}
