/** Scores of points against several examples, from their closeness to each; formulas as Qdrant documents them. */
import type { RecommendStrategy } from "./query.ts";

/** Closeness of every point in question to one example. */
export type Closeness = ArrayLike<number>;

export function recommendScores(strategy: Exclude<RecommendStrategy, "average_vector">, { positive, negative, count }: { readonly positive: readonly Closeness[]; readonly negative: readonly Closeness[]; readonly count: number }): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    if (strategy === "sum_scores") return positive.reduce((sum, close) => sum + close[i]!, 0) - negative.reduce((sum, close) => sum + close[i]!, 0);
    const best = Math.max(-Infinity, ...positive.map((close) => close[i]!)), worst = Math.max(-Infinity, ...negative.map((close) => close[i]!));
    return best > worst ? halfSigmoid(best) : -halfSigmoid(worst);
  });
}

export function discoverScores(target: Closeness, context: readonly { readonly positive: Closeness; readonly negative: Closeness }[]): Float64Array {
  return Float64Array.from({ length: target.length }, (_, i) => context.reduce((rank, { positive, negative }) => rank + Math.sign(positive[i]! - negative[i]!), 0) + halfSigmoid(target[i]!));
}

/** Smallest difference of 32-bit floats at 1, which keeps equal closeness out. */
const EPSILON = 1.192_092_9e-7;

export function contextScores(context: readonly { readonly positive: Closeness; readonly negative: Closeness }[], count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => context.reduce((sum, { positive, negative }) => sum + sigmoid(Math.min(0, positive[i]! - negative[i]! - EPSILON)), 0));
}

function sigmoid(x: number): number {
  return Number.isFinite(x) ? x / (1 + Math.abs(x)) : x;
}

function halfSigmoid(x: number): number {
  return 0.5 * (sigmoid(x) + 1);
}
