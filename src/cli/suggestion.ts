/** "Did you mean": the known word nearest to a mistyped one, when it is near enough to be a likely slip. */

/** The nearest candidate, or undefined when none is within a third of the word's length (at least one edit). */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const typed = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(typed, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best ?? onlyContinuation(typed, candidates);
}

/** " (did you mean x?)", or nothing. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}

/** A word that was started right and not finished, when only one candidate continues it. */
function onlyContinuation(typed: string, candidates: readonly string[]): string | undefined {
  const continued = typed.replace(/^-+/, "").length < 2 ? [] : candidates.filter((candidate) => candidate.toLowerCase().startsWith(typed));
  return continued.length === 1 ? continued[0] : undefined;
}

/**
 * Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours cost one each
 * (Damerau 1964; Oommen & Loke 1997 for the restricted form).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current: number[] = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1),
        swapped ? beforeLast[column - 2]! + 1 : Infinity,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length]!;
}
