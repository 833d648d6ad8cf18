/** A long reason cut at a word, for one line of a terminal; the console and `strata monitor` show all of it. */
export function brief(text: string, most = 230): string {
  if (text.length <= most) return text;
  return `${text.slice(0, text.lastIndexOf(" ", most))} …`;
}
