/** Words of a text in any script: letters and digits that stand together, normalised (NFKC) and in lower case. */
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

export function tokensOf(text: string): readonly string[] {
  return text.normalize("NFKC").toLowerCase().match(WORD) ?? [];
}
