/**
 * The smallest sum of squares over a few parameters by the simplex method (Nelder & Mead 1965): no derivatives, and
 * enough for curves of three or four parameters over a dozen points. Starts from several places and keeps the best.
 */
export interface Fit {
  readonly parameters: readonly number[];
  /** Root mean square of the residuals. */
  readonly error: number;
}

const ITERATIONS = 2_000;
const TOLERANCE = 1e-10;

/** `residuals` are differences that should be 0; not finite ones count as very wrong. */
export function leastSquares(starts: readonly (readonly number[])[], residuals: (parameters: readonly number[]) => readonly number[]): Fit {
  const cost = (parameters: readonly number[]): number => {
    const differences = residuals(parameters);
    const sum = differences.reduce((total, difference) => total + difference * difference, 0);
    return Number.isFinite(sum) ? sum / differences.length : Number.MAX_VALUE;
  };
  const best = starts.map((start) => simplex(simplex(start, cost), cost)).toSorted((a, b) => cost(a) - cost(b))[0]!;
  return { parameters: best, error: Math.sqrt(cost(best)) };
}

interface Corner {
  readonly at: readonly number[];
  readonly cost: number;
}

function simplex(start: readonly number[], cost: (parameters: readonly number[]) => number): readonly number[] {
  const corner = (at: readonly number[]): Corner => ({ at, cost: cost(at) });
  let corners = [corner(start), ...start.map((value, index) => corner(start.with(index, value === 0 ? 0.25 : value * 1.1 + 0.05)))];
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    corners = corners.toSorted((a, b) => a.cost - b.cost);
    const best = corners[0]!, worst = corners.at(-1)!;
    if (worst.cost - best.cost <= TOLERANCE * (Math.abs(best.cost) + 1e-12)) break;
    const others = corners.slice(0, -1);
    const centre = start.map((_, index) => others.reduce((sum, { at }) => sum + at[index]!, 0) / others.length);
    const along = (factor: number): Corner => corner(centre.map((value, index) => value + factor * (worst.at[index]! - value)));
    const reflected = along(-1);
    const better = improve({ reflected, best, secondWorst: others.at(-1)!, worst, along });
    corners = better === undefined
      ? corners.map(({ at }) => corner(at.map((value, index) => (value + best.at[index]!) / 2)))
      : [...others, better];
  }
  return corners.toSorted((a, b) => a.cost - b.cost)[0]!.at;
}

interface Move {
  readonly reflected: Corner;
  readonly best: Corner;
  readonly secondWorst: Corner;
  readonly worst: Corner;
  readonly along: (factor: number) => Corner;
}

/** The corner that replaces the worst; undefined: shrink. */
function improve({ reflected, best, secondWorst, worst, along }: Move): Corner | undefined {
  if (reflected.cost < best.cost) {
    const expanded = along(-2);
    return expanded.cost < reflected.cost ? expanded : reflected;
  }
  if (reflected.cost < secondWorst.cost) return reflected;
  const contracted = along(reflected.cost < worst.cost ? -0.5 : 0.5);
  return contracted.cost < Math.min(reflected.cost, worst.cost) ? contracted : undefined;
}
