/** Several rankings made one. Scores follow Qdrant's, so that its clients see what they expect. */
import type { ScoredSlot } from "./query.ts";

/** Cormack, Clarke & Buettcher 2009 has 60; Qdrant has 2, which lets the first places weigh more. */
const RANK_CONSTANT = 2;

/** Reciprocal rank fusion: the sum of 1 / (constant + rank), ranks from 0. */
export function fuseByRank(rankings: readonly (readonly ScoredSlot[])[], constant = RANK_CONSTANT): readonly ScoredSlot[] {
  return fuse(rankings.map((ranking) => ranking.map(({ slot }, rank) => ({ slot, score: 1 / (constant + rank) }))));
}

/** Distribution-based score fusion: each ranking's scores between its mean -3 and +3 standard deviations, then summed. */
export function fuseByDistribution(rankings: readonly (readonly ScoredSlot[])[]): readonly ScoredSlot[] {
  return fuse(rankings.map((ranking) => {
    const mean = ranking.reduce((sum, { score }) => sum + score, 0) / ranking.length;
    const deviation = Math.sqrt(ranking.reduce((sum, { score }) => sum + (score - mean) ** 2, 0) / Math.max(1, ranking.length - 1));
    return ranking.map(({ slot, score }) => ({ slot, score: deviation === 0 ? 0.5 : (score - mean + 3 * deviation) / (6 * deviation) }));
  }));
}

function fuse(rankings: readonly (readonly ScoredSlot[])[]): readonly ScoredSlot[] {
  const scores = new Map<number, number>();
  for (const ranking of rankings) for (const { slot, score } of ranking) scores.set(slot, (scores.get(slot) ?? 0) + score);
  return [...scores].map(([slot, score]) => ({ slot, score })).toSorted((a, b) => b.score - a.score);
}
