/**
 * LambdaMART gradients (Burges 2010, "From RankNet to LambdaRank to LambdaMART"): each pair of documents of a query
 * with different labels pulls apart by its logistic loss times the NDCG that swapping them would change.
 * Only pairs with a document near the top count: past ndcgAt + 3 positions a swap moves little of what is measured.
 */
import type { Workspace } from "./workspace.ts";

const EXTRA_POSITIONS = 3;

/** Labels go up to 30; both tables are asked once per pair, where a power or a logarithm took most of the time. */
const GAINS = Float64Array.from({ length: 31 }, (_, label) => 2 ** label - 1);
const DISCOUNTS = Float64Array.from({ length: 4_096 }, (_, position) => 1 / Math.log2(position + 2));

/** 2^label - 1. */
export const labelGain = (label: number): number => GAINS[label]!;
/** 1 / log2(position + 2), positions from 0. */
export const discount = (position: number): number => DISCOUNTS[position] ?? 1 / Math.log2(position + 2);

/** Rows from .. to by descending score; equal scores keep row order. */
export function rankRows(scores: Float64Array, from: number, to: number): Int32Array {
  const order = new Int32Array(to - from);
  for (let i = 0; i < order.length; i++) order[i] = from + i;
  return order.toSorted((a, b) => scores[b]! - scores[a]! || a - b);
}

/** DCG of the first `depth` of the best order the labels allow. */
export function idealDcg(label: Float64Array, from: number, to: number, depth: number): number {
  const counts = new Uint32Array(GAINS.length);
  for (let row = from; row < to; row++) counts[label[row]!]! += 1;
  let sum = 0;
  for (let grade = GAINS.length - 1, position = 0; grade > 0; grade--) {
    for (let i = 0; i < counts[grade]! && position < depth; i++, position++) sum += GAINS[grade]! * discount(position);
  }
  return sum;
}

/** Writes the pairs of one query's rows. */
export function lambdaGradients({ plan, scores, label, pairs }: Workspace, from: number, to: number): void {
  pairs.fill(0, 2 * from, 2 * to);
  const depth = plan.parameters.ndcgAt + EXTRA_POSITIONS;
  const ideal = idealDcg(label, from, to, depth);
  if (ideal === 0) return;
  const order = rankRows(scores, from, to);
  const spread = scores[order[0]!]! !== scores[order.at(-1)!]!;
  let lambdaSum = 0;
  for (let i = 0; i < Math.min(order.length, depth); i++) {
    const first = order[i]!, gain = GAINS[label[first]!]!, weight = discount(i);
    for (let j = i + 1; j < order.length; j++) {
      const second = order[j]!;
      const gainGap = gain - GAINS[label[second]!]!;
      if (gainGap === 0) continue;
      const better = gainGap > 0 ? first : second, worse = gainGap > 0 ? second : first;
      const distance = scores[better]! - scores[worse]!;
      let change = (Math.abs(gainGap) * (weight - discount(j))) / ideal;
      if (spread) change /= 0.01 + Math.abs(distance); // keeps far-apart pairs from dominating once scores have grown
      const wrong = 1 / (1 + Math.exp(distance));
      const lambda = wrong * change, hessian = wrong * (1 - wrong) * change;
      pairs[2 * better]! -= lambda;
      pairs[2 * worse]! += lambda;
      pairs[2 * better + 1]! += hessian;
      pairs[2 * worse + 1]! += hessian;
      lambdaSum += 2 * lambda;
    }
  }
  if (lambdaSum > 0) scale(pairs, from, to, Math.log2(1 + lambdaSum) / lambdaSum);
}

/** Long queries have many pairs; the logarithm keeps them from drowning short ones. */
function scale(pairs: Float64Array, from: number, to: number, factor: number): void {
  for (let i = 2 * from; i < 2 * to; i++) pairs[i]! *= factor;
}
