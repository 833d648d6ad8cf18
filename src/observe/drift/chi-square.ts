/**
 * Pearson's chi-square tests for counts in categories. The effect is w = √Σ (q − p)² / m with p the reference's and
 * q the live shares and m their mean: Cohen's w for small changes (he divides by p), but symmetric and at most 2
 * where a category appears or vanishes. Unlike the statistic it does not grow with the number of values.
 */
import { StrataError } from "../../kernel/errors.ts";
import { chiSquareTail } from "../statistics/gamma.ts";
import { percent } from "./verdict.ts";
import type { DriftEvidence } from "./verdict.ts";

export interface ChiSquareResult {
  readonly statistic: number;
  readonly degreesOfFreedom: number;
  readonly pValue: number;
}

/**
 * Whether live counts fit the reference's shares, which are taken as known (scipy.stats.chisquare with the
 * reference scaled to the live total). Categories the reference lacks are left out unless live values fall there,
 * which no known share explains: then the p-value is 0.
 */
export function chiSquareGoodnessOfFit(reference: readonly number[], live: readonly number[]): ChiSquareResult {
  const { referenceTotal, liveTotal } = totals(reference, live);
  let statistic = 0;
  let categories = 0;
  for (const [i, count] of reference.entries()) {
    if (count === 0 && live[i] === 0) continue;
    const expected = (count * liveTotal) / referenceTotal;
    statistic += (live[i]! - expected) ** 2 / expected;
    categories++;
  }
  return { statistic, degreesOfFreedom: categories - 1, pValue: chiSquareTail(statistic, categories - 1) };
}

/**
 * Whether both counts come from the same shares, none of them known (scipy.stats.chi2_contingency without
 * continuity correction). The right test when the reference is a sample too. Empty categories are left out.
 */
export function chiSquareHomogeneity(reference: readonly number[], live: readonly number[]): ChiSquareResult {
  const { referenceTotal, liveTotal } = totals(reference, live);
  let statistic = 0;
  let categories = 0;
  for (const [i, count] of reference.entries()) {
    const both = count + live[i]!;
    if (both === 0) continue;
    const difference = count / referenceTotal - live[i]! / liveTotal;
    statistic += (difference * difference * referenceTotal * liveTotal) / both;
    categories++;
  }
  return { statistic, degreesOfFreedom: categories - 1, pValue: chiSquareTail(statistic, categories - 1) };
}

/** The effect w between two sets of counts, from 0 to 2; see the head of this file. */
export function shareShift(reference: readonly number[], live: readonly number[]): number {
  const { referenceTotal, liveTotal } = totals(reference, live);
  let sum = 0;
  for (const [i, count] of reference.entries()) {
    const before = count / referenceTotal;
    const now = live[i]! / liveTotal;
    sum += before === now ? 0 : (now - before) ** 2 / ((before + now) / 2);
  }
  return Math.sqrt(sum);
}

/** The homogeneity test as evidence of drift. */
export function chiSquareEvidence(reference: readonly number[], live: readonly number[]): DriftEvidence {
  const { statistic, pValue } = chiSquareHomogeneity(reference, live);
  return { test: "chi_square", statistic, pValue, effect: shareShift(reference, live), where: "" };
}

/** Shares of missing values: the same test on two categories, with the difference of shares as effect. */
export function missingShareEvidence(reference: MissingCount, live: MissingCount): DriftEvidence {
  const { statistic, pValue } = chiSquareHomogeneity([reference.missing, reference.count], [live.missing, live.count]);
  const before = reference.missing / (reference.missing + reference.count);
  const now = live.missing / (live.missing + live.count);
  return { test: "missing_share", statistic, pValue, effect: Math.abs(now - before), where: `missing values went from ${percent(before)} to ${percent(now)}` };
}

export interface MissingCount {
  readonly count: number;
  readonly missing: number;
}

function totals(reference: readonly number[], live: readonly number[]): { readonly referenceTotal: number; readonly liveTotal: number } {
  const referenceTotal = reference.reduce((sum, count) => sum + count, 0);
  const liveTotal = live.reduce((sum, count) => sum + count, 0);
  if (reference.length !== live.length) throw invalid(`there are ${reference.length} reference and ${live.length} live categories`);
  if (!(referenceTotal > 0 && liveTotal > 0)) throw invalid("one of the two samples has no values");
  return { referenceTotal, liveTotal };
}

function invalid(reason: string): StrataError {
  return new StrataError("STATISTICS_INPUT_INVALID", { what: "The chi-square test", reason });
}
