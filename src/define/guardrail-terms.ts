/** Terms in texts: whole words, whatever their case, width or spacing, also with invisible characters between their letters. */

/** Compatibility forms (Unicode NFKC), lower case, runs of white space as one space, nothing invisible. */
export function plainText(text: string): string {
  return text.normalize("NFKC").replaceAll(/[\p{Cf}\u034F\u115F\u1160\u17B4\u17B5\u3164\uFFA0]/gu, "").replaceAll(/\s+/g, " ").toLowerCase();
}

/** Finds the terms in a text's plain form; undefined when there are none. */
export function termPattern(terms: readonly string[]): RegExp | undefined {
  const plain = terms.map((term) => plainText(term).trim()).filter((term) => term !== "").toSorted((a, b) => b.length - a.length);
  return plain.length === 0 ? undefined : new RegExp(plain.map(wholeWords).join("|"), "u");
}

/** A term that begins or ends with a letter or digit must not continue there. */
function wholeWords(term: string): string {
  const letters = Array.from(term);
  const isWord = (character: string | undefined): boolean => /[\p{L}\p{N}]/u.test(character ?? "");
  const escaped = term.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  return `${isWord(letters[0]) ? "(?<![\\p{L}\\p{N}])" : ""}${escaped}${isWord(letters.at(-1)) ? "(?![\\p{L}\\p{N}])" : ""}`;
}
