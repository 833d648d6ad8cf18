/**
 * The two-sample Kolmogorov-Smirnov test: the largest distance between two empirical distribution functions.
 * From samples the distance is exact; from profiles it is read at the cells' edges and is at most one gap of
 * the reference (0.5 %) too small, never too large.
 */
import { StrataError } from "../../kernel/errors.ts";
import { smirnovAsymptoticTail, smirnovExactTail } from "../statistics/kolmogorov.ts";
import { shortNumber } from "./verdict.ts";
import type { DriftEvidence } from "./verdict.ts";

/** Counting paths takes about 2 ns per pair of values: 2 ms at most. */
const LARGEST_EXACT_PRODUCT = 1_000_000;

export interface KolmogorovSmirnovResult {
  readonly statistic: number;
  readonly pValue: number;
  /** A value at which the distance is largest. */
  readonly location: number;
}

/**
 * Exact distance of two samples; values that are not finite are left out. The p-value is counted exactly up to a
 * million pairs and asymptotic above, unless `method` says. With ties it is on the safe side.
 */
export function kolmogorovSmirnovTest(
  reference: ArrayLike<number>, live: ArrayLike<number>, options: { readonly method?: "exact" | "asymptotic" } = {},
): KolmogorovSmirnovResult {
  const a = Float64Array.from(reference).filter(Number.isFinite).toSorted();
  const b = Float64Array.from(live).filter(Number.isFinite).toSorted();
  if (a.length === 0 || b.length === 0) throw new StrataError("STATISTICS_INPUT_INVALID", { what: "The Kolmogorov-Smirnov test", reason: "one of the two samples has no values" });
  const { distance, location } = largestDistance(a, b);
  const exact = (options.method ?? (a.length * b.length <= LARGEST_EXACT_PRODUCT ? "exact" : "asymptotic")) === "exact";
  const pValue = exact ? smirnovExactTail(distance, a.length, b.length) : smirnovAsymptoticTail(distance, a.length, b.length);
  return { statistic: distance, pValue, location };
}

/** The distance between two sets of counts over the same cells (see NumericProfile.cells), at the edges' values. */
export function kolmogorovSmirnovOfCells(reference: ArrayLike<number>, live: ArrayLike<number>, edges: readonly number[]): KolmogorovSmirnovResult {
  const referenceTotal = sum(reference);
  const liveTotal = sum(live);
  if (!(referenceTotal > 0 && liveTotal > 0)) throw new StrataError("STATISTICS_INPUT_INVALID", { what: "The Kolmogorov-Smirnov test", reason: "one of the two samples has no values" });
  let below = 0, liveBelow = 0, distance = 0, location = edges[0] ?? 0;
  for (let cell = 0; cell < reference.length; cell++) {
    below += reference[cell]!;
    liveBelow += live[cell]!;
    const here = Math.abs(below / referenceTotal - liveBelow / liveTotal);
    if (here <= distance) continue;
    distance = here;
    location = edges[cell >> 1] ?? location;
  }
  return { statistic: distance, pValue: smirnovAsymptoticTail(distance, referenceTotal, liveTotal), location };
}

/** The test on cells as evidence of drift. */
export function kolmogorovSmirnovEvidence(reference: ArrayLike<number>, live: ArrayLike<number>, edges: readonly number[]): DriftEvidence {
  const { statistic, pValue, location } = kolmogorovSmirnovOfCells(reference, live, edges);
  const where = `the share up to ${shortNumber(location)} differs by ${shortNumber(statistic * 100)} points of a hundred`;
  return { test: "ks", statistic, pValue, effect: statistic, where };
}

function largestDistance(a: Float64Array, b: Float64Array): { readonly distance: number; readonly location: number } {
  let i = 0, j = 0, distance = 0, location = a[0]!;
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i] === value) i++; // step over ties on both sides before measuring
    while (j < b.length && b[j] === value) j++;
    const here = Math.abs(i / a.length - j / b.length);
    if (here > distance) {
      distance = here;
      location = value;
    }
  }
  return { distance, location };
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
