/** Ordering scored rows and drawing a uniform sample of them: pure, deterministic for a decision id. */
import { createRandom } from "../kernel/random.ts";

/** Indices of the `limit` largest scores, best first; ties go to the earlier row. NaN sorts last. */
export function topIndices(scores: Float64Array, limit: number): readonly number[] {
  const order = Array.from(scores, (_, index) => index);
  const rank = (index: number): number => (Number.isNaN(scores[index]!) ? Number.NEGATIVE_INFINITY : scores[index]!);
  return order.toSorted((a, b) => rank(b) - rank(a) || a - b).slice(0, limit);
}

/** Up to `size` different row numbers below `rows`, uniform, the same ones for the same seed. */
export function sampleRows(rows: number, size: number, seed: string): readonly number[] {
  if (rows <= size) return Array.from({ length: rows }, (_, row) => row);
  const random = createRandom(seed);
  const chosen = new Set<number>(); // Floyd's algorithm: size draws, no shuffle of all rows
  for (let bound = rows - size; bound < rows; bound++) {
    const row = random.integer(bound + 1);
    chosen.add(chosen.has(row) ? bound : row);
  }
  return [...chosen].toSorted((a, b) => a - b);
}
