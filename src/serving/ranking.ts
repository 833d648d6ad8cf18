/** Ordering scored rows and drawing a uniform sample of them: pure, deterministic for a decision id. */
import { createRandom } from "../kernel/random.ts";

/** Indices of the `limit` largest scores, best first; ties go to the earlier row. NaN sorts last. */
export function topIndices(scores: Float64Array, limit: number): readonly number[] {
  const order = Array.from(scores, (_, index) => index);
  const rank = (index: number): number => (Number.isNaN(scores[index]!) ? Number.NEGATIVE_INFINITY : scores[index]!);
  return order.toSorted((a, b) => rank(b) - rank(a) || a - b).slice(0, limit);
}

/** Up to `size` different row numbers below `rows` in random order, the same for the same seed: every prefix is uniform too. */
export function sampleRows(rows: number, size: number, seed: string): readonly number[] {
  const random = createRandom(seed);
  if (rows <= size) return random.shuffle(Array.from({ length: rows }, (_, row) => row));
  const chosen = new Set<number>(); // Floyd's algorithm: size draws, no shuffle of all rows
  for (let bound = rows - size; bound < rows; bound++) {
    const row = random.integer(bound + 1);
    chosen.add(chosen.has(row) ? bound : row);
  }
  return random.shuffle([...chosen]);
}
