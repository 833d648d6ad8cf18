/**
 * Many tests at once: with 100 columns and a level of 5 %, five alarm by chance.
 * Benjamini & Hochberg (1995) bound the expected share of false alarms among the alarms.
 */

/** Adjusted p-values in the order given: reject those ≤ the wanted false discovery rate. */
export function adjustPValues(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).toSorted((a, b) => pValues[b]! - pValues[a]!);
  const adjusted = Array.from(pValues);
  let smallest = 1;
  for (const [fromTop, index] of order.entries()) {
    const rank = pValues.length - fromTop;
    smallest = Math.min(smallest, (pValues[index]! * pValues.length) / rank);
    adjusted[index] = smallest;
  }
  return adjusted;
}
