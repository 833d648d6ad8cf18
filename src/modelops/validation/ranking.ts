/**
 * Measures of rankings, one group (query, decision) at a time and averaged over groups.
 * Equal scores are not broken by the order in which candidates happen to be listed, which often has the answer
 * first: each measure is its expectation over all orders of the tied items (McSherry & Najork 2008), so a model
 * that scores everything alike gets what random order would.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { Numbers } from "./metrics.ts";

export interface RankingGroup {
  readonly scores: Numbers;
  /** 0 for irrelevant; 1, or a grade above 0, for relevant. */
  readonly relevance: Numbers;
  /** Relevant items in all, also those that were not among the candidates; counted in `relevance` unless given. */
  readonly totalRelevant?: number;
}

export interface RankingEvaluation {
  /** Means over the groups that have a relevant item; NaN when there is none. */
  readonly ndcg: number;
  readonly recall: number;
  readonly precision: number;
  readonly meanAveragePrecision: number;
  /** The same per group, in the order given, for intervals and paired comparisons. */
  readonly perGroup: {
    readonly ndcg: readonly number[];
    readonly recall: readonly number[];
    readonly precision: readonly number[];
    readonly averagePrecision: readonly number[];
  };
  readonly groups: number;
  /** Groups left out because nothing in them was relevant: no ranking of them is better than another. */
  readonly skippedGroups: number;
}

/** Evaluates the first k places of each group. */
export function evaluateRanking(groups: readonly RankingGroup[], k: number): RankingEvaluation {
  const judged = groups.map(preparedOf).filter(({ totalRelevant }) => totalRelevant > 0);
  const perGroup = {
    ndcg: judged.map((group) => ndcg(group, k)),
    recall: judged.map((group) => relevantWithin(group, k) / group.totalRelevant),
    precision: judged.map((group) => relevantWithin(group, k) / k),
    averagePrecision: judged.map((group) => averagePrecision(group, k)),
  };
  return {
    ndcg: meanOf(perGroup.ndcg), recall: meanOf(perGroup.recall), precision: meanOf(perGroup.precision),
    meanAveragePrecision: meanOf(perGroup.averagePrecision), perGroup, groups: judged.length, skippedGroups: groups.length - judged.length,
  };
}

/**
 * Normalised discounted cumulative gain of the first k places, gain 2^relevance − 1 and discount log₂(place + 1)
 * (Burges et al. 2005). The ideal order holds missing relevant items as relevance 1. NaN without relevant items.
 */
export function ndcgAt(group: RankingGroup, k: number): number {
  return ndcg(preparedOf(group), k);
}

/** Share of all relevant items that are among the first k. */
export function recallAt(group: RankingGroup, k: number): number {
  const prepared = preparedOf(group);
  return relevantWithin(prepared, k) / prepared.totalRelevant;
}

/** Share of the first k places that hold a relevant item; places beyond the last candidate hold none. */
export function precisionAt(group: RankingGroup, k: number): number {
  return relevantWithin(preparedOf(group), k) / k;
}

/** Mean over groups of the average precision at k: precision at each relevant place, over min(k, relevant items). */
export function meanAveragePrecision(groups: readonly RankingGroup[], k = Number.POSITIVE_INFINITY): number {
  return meanOf(groups.map(preparedOf).filter(({ totalRelevant }) => totalRelevant > 0).map((group) => averagePrecision(group, k)));
}

/** Places [start, end) that share one score. */
interface Tie {
  readonly start: number;
  readonly end: number;
  readonly relevant: number;
  readonly gain: number;
}

interface PreparedGroup {
  /** From the highest score down. */
  readonly ties: readonly Tie[];
  readonly idealGains: readonly number[];
  readonly totalRelevant: number;
}

function preparedOf({ scores, relevance, totalRelevant }: RankingGroup): PreparedGroup {
  checkGroup(scores, relevance);
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i).toSorted((a, b) => scores[b]! - scores[a]!);
  const ties: Tie[] = [];
  for (let start = 0; start < order.length;) {
    let end = start, relevant = 0, gain = 0;
    for (; end < order.length && scores[order[end]!] === scores[order[start]!]; end++) {
      relevant += Number(relevance[order[end]!]! > 0);
      gain += gainOf(relevance[order[end]!]!);
    }
    ties.push({ start, end, relevant, gain });
    start = end;
  }
  const found = ties.reduce((sum, tie) => sum + tie.relevant, 0);
  const total = Math.max(found, totalRelevant ?? found);
  const gains = Array.from(relevance, gainOf).filter((gain) => gain > 0);
  const idealGains = [...gains, ...Array.from({ length: total - found }, () => gainOf(1))].toSorted((a, b) => b - a);
  return { ties, idealGains, totalRelevant: total };
}

function ndcg({ ties, idealGains }: PreparedGroup, k: number): number {
  let gained = 0, ideal = 0;
  for (const { start, end, gain } of ties) {
    for (let place = start; place < Math.min(end, k); place++) gained += gain / (end - start) / Math.log2(place + 2);
  }
  for (const [place, gain] of idealGains.entries()) if (place < k) ideal += gain / Math.log2(place + 2);
  return gained / ideal;
}

/** Expected number of relevant items among the first k. */
function relevantWithin({ ties }: PreparedGroup, k: number): number {
  return ties.reduce((sum, { start, end, relevant }) => sum + (relevant * Math.max(0, Math.min(end, k) - start)) / (end - start), 0);
}

/**
 * Expected Σ precision at relevant places. At a place inside a tie, the expected number of relevant items up to
 * it, given that it holds one itself, is those before the tie, itself, and its share of the others in the tie.
 */
function averagePrecision({ ties, totalRelevant }: PreparedGroup, k: number): number {
  let sum = 0, before = 0;
  for (const { start, end, relevant } of ties) {
    const size = end - start;
    const others = size > 1 ? (relevant - 1) / (size - 1) : 0;
    for (let place = start; relevant > 0 && place < Math.min(end, k); place++) {
      sum += ((relevant / size) * (before + 1 + (place - start) * others)) / (place + 1);
    }
    before += relevant;
  }
  return sum / Math.min(totalRelevant, k);
}

function gainOf(relevance: number): number {
  return 2 ** relevance - 1;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function checkGroup(scores: Numbers, relevance: Numbers): void {
  const reason = scores.length === relevance.length ? undefined : `there are ${scores.length} scores and ${relevance.length} relevances`;
  if (reason !== undefined) throw new StrataError("STATISTICS_INPUT_INVALID", { what: "The ranking", reason });
  for (let i = 0; i < scores.length; i++) {
    if (Number.isFinite(scores[i]) && relevance[i]! >= 0) continue;
    throw new StrataError("STATISTICS_INPUT_INVALID", { what: "The ranking", reason: `item ${i} has score ${scores[i]} and relevance ${relevance[i]}` });
  }
}
