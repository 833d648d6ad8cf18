/**
 * Reads the import lines of TypeScript or JavaScript text without a compiler: static, side-effect, re-exporting and
 * dynamic imports, each with whether it vanishes at run time. Comments, strings, templates and regular expressions
 * are blanked out first, so that code quoted in them is not taken for code.
 */

export interface ImportLine {
  readonly specifier: string;
  readonly kind: "import" | "export" | "dynamic";
  /** Leaves no trace at run time: `import type`, `export type`, `import("x").Type`. */
  readonly typeOnly: boolean;
  /** What is taken, as written: "{ a, b as c }"; empty for side effects and dynamic imports. */
  readonly clause: string;
  /** Counted from 1. */
  readonly line: number;
  /** Where the specifier begins in the text. */
  readonly position: number;
}

/** `import x from "y"`, `export * from "y"`: the clause holds only names, commas, braces and stars. */
const STATIC = /(?<![\w$.#])(import|export)(?:\s+(type)\s+(?!from\s*["'])(?=[\w$*{])|\s*(?=[\s*{]))([\w$\s{},*]*?)\bfrom\s*(["'])/g;
const SIDE_EFFECT = /(?<![\w$.#])import\s*(["'])/g;
const DYNAMIC = /(?<![\w$.#])(typeof\s+)?import\s*\(\s*(["'`])/g;
/** What follows `import("x")` when it stands for a type. */
const TYPE_MEMBER = /^["'`]\s*\)\s*\.\s*[A-Z]/;

/** All import lines in the order they stand. A dynamic import of a computed name is left out. */
export function importLines(text: string): readonly ImportLine[] {
  const code = codeOnly(text);
  const found: (Omit<ImportLine, "line" | "specifier" | "position"> & { readonly quoteAt: number })[] = [];
  for (const match of code.matchAll(STATIC)) {
    const kind = match[1] === "import" ? "import" : "export";
    found.push({ kind, typeOnly: match[2] !== undefined, clause: (match[3] ?? "").trim(), quoteAt: endOf(match) });
  }
  for (const match of code.matchAll(SIDE_EFFECT)) found.push({ kind: "import", typeOnly: false, clause: "", quoteAt: endOf(match) });
  for (const match of code.matchAll(DYNAMIC)) {
    const quoteAt = endOf(match);
    const close = code.indexOf(code[quoteAt]!, quoteAt + 1);
    found.push({ kind: "dynamic", typeOnly: match[1] !== undefined || TYPE_MEMBER.test(code.slice(close)), clause: "", quoteAt });
  }
  return found
    .toSorted((a, b) => a.quoteAt - b.quoteAt)
    .map(({ quoteAt, ...rest }) => {
      const specifier = text.slice(quoteAt + 1, code.indexOf(code[quoteAt]!, quoteAt + 1));
      return { ...rest, specifier, line: lineAt(text, quoteAt), position: quoteAt + 1 };
    })
    .filter((found) => !found.specifier.includes("${"));
}

/** The line of a position, counted from 1. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < position; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

function endOf(match: RegExpExecArray): number {
  return match.index + match[0].length - 1;
}

/** What may stand before a `/` that begins a regular expression rather than a division. */
const BEFORE_REGEX = /(?:^|[^\w$)\]}"'`\s]|(?<![\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|do|else|yield|await))\s*$/;
/** Enough to see the word before a slash. */
const LOOK_BACK = 40;

/**
 * The text with everything that is not code replaced by spaces: same length, same lines, quotes kept. A `/` after
 * `)` or `}` is taken as a division, which misreads only a regular expression that begins a statement.
 */
export function codeOnly(text: string): string {
  const code = Array.from({ length: text.length }, (_, at) => text[at]!);
  const blank = (from: number, to: number): number => {
    for (let at = from; at < to; at++) if (code[at] !== "\n") code[at] = " ";
    return to;
  };
  /** Depth of open braces within each `${` that is open. */
  const templates: number[] = [];
  let at = text.startsWith("#!") ? blank(0, endOfLine(text, 0)) : 0;
  while (at < text.length) {
    const character = text[at]!;
    const two = text.slice(at, at + 2);
    if (two === "//") at = blank(at, endOfLine(text, at));
    else if (two === "/*") at = blank(at, endAfter(text, "*/", at + 2));
    else if (character === "\"" || character === "'") at = blank(at + 1, endOfString(text, at)) + 1;
    else if (character === "`" || (character === "}" && templates.at(-1) === 0)) {
      if (character === "}") templates.pop();
      const end = endOfTemplatePart(text, at + 1);
      blank(at + 1, end);
      if (text[end] === "$") templates.push(0);
      at = end + (text[end] === "$" ? 2 : 1);
    } else if (character === "/" && BEFORE_REGEX.test(code.slice(Math.max(0, at - LOOK_BACK), at).join(""))) at = blank(at, endOfRegex(text, at));
    else {
      if (templates.length > 0 && character === "{") templates[templates.length - 1]!++;
      if (templates.length > 0 && character === "}") templates[templates.length - 1]!--;
      at++;
    }
  }
  return code.join("");
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}

function endAfter(text: string, mark: string, from: number): number {
  const end = text.indexOf(mark, from);
  return end === -1 ? text.length : end + mark.length;
}

/** The closing quote; an unclosed string ends with its line. */
function endOfString(text: string, quoteAt: number): number {
  let at = quoteAt + 1;
  while (at < text.length && text[at] !== text[quoteAt] && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

/** The closing backtick, or the `$` of the next `${`. */
function endOfTemplatePart(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

/** One past the closing slash; a slash within a class does not close, and neither does a line end: then it was a division. */
function endOfRegex(text: string, slashAt: number): number {
  let inClass = false;
  for (let at = slashAt + 1; at < text.length && text[at] !== "\n"; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
    else if (text[at] === "/" && !inClass) return at + 1;
  }
  return slashAt + 1;
}
