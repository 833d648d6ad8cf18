/**
 * The population stability index: Σ (live − reference) · ln(live / reference) over bins, the symmetric
 * Kullback-Leibler divergence of two histograms. 0 for equal shares, without an upper bound.
 */
import { StrataError } from "../../kernel/errors.ts";
import { chiSquareHomogeneity } from "./chi-square.ts";
import { percent } from "./verdict.ts";
import type { DriftEvidence } from "./verdict.ts";

/** Stands in for the share of an empty bin, whose logarithm would be infinite. */
const EMPTY_BIN_SHARE = 1e-4;

/** PSI of counts (or shares) in the same bins; STATISTICS_INPUT_INVALID when lengths differ or a side is empty. */
export function populationStabilityIndex(reference: readonly number[], live: readonly number[]): number {
  let index = 0;
  for (const share of binShares(reference, live)) index += contribution(share);
  return index;
}

/**
 * PSI of two samples, binned by the reference's deciles (the usual definition) or, like Evidently 0.7, by equal
 * widths over both samples together with Sturges' number of bins. Values that are not finite are left out.
 */
export function populationStabilityOfSamples(
  reference: ArrayLike<number>, live: ArrayLike<number>, options: { readonly bins: "reference-deciles" | "sturges" } = { bins: "reference-deciles" },
): number {
  const a = Float64Array.from(reference).filter(Number.isFinite).toSorted();
  const b = Float64Array.from(live).filter(Number.isFinite).toSorted();
  const edges = options.bins === "sturges" ? sturgesEdges(a, b) : decileEdges(a);
  return populationStabilityIndex(countBetween(a, edges), countBetween(b, edges));
}

/** PSI as evidence of drift; its p-value is that of the chi-square test on the same bins. */
export function populationStabilityEvidence(reference: readonly number[], live: readonly number[], names: readonly string[]): DriftEvidence {
  const statistic = populationStabilityIndex(reference, live);
  return { test: "psi", statistic, pValue: chiSquareHomogeneity(reference, live).pValue, effect: statistic, where: largestChange(reference, live, names) };
}

interface BinShare {
  readonly reference: number;
  readonly live: number;
}

function* binShares(reference: readonly number[], live: readonly number[]): Generator<BinShare> {
  if (reference.length !== live.length) throw invalid(`there are ${reference.length} reference bins and ${live.length} live bins`);
  const referenceTotal = reference.reduce((sum, count) => sum + count, 0);
  const liveTotal = live.reduce((sum, count) => sum + count, 0);
  if (!(referenceTotal > 0 && liveTotal > 0)) throw invalid("one of the two samples has no values");
  for (const [bin, count] of reference.entries()) {
    yield { reference: count / referenceTotal, live: live[bin]! / liveTotal };
  }
}

function contribution(share: BinShare): number {
  const reference = share.reference === 0 ? EMPTY_BIN_SHARE : share.reference;
  const live = share.live === 0 ? EMPTY_BIN_SHARE : share.live;
  return (live - reference) * Math.log(live / reference);
}

function largestChange(reference: readonly number[], live: readonly number[], names: readonly string[]): string {
  const shares = [...binShares(reference, live)];
  const contributions = shares.map(contribution);
  const bin = contributions.indexOf(Math.max(...contributions));
  const { reference: before, live: now } = shares[bin]!;
  return before === now ? "" : `${names[bin] ?? `bin ${bin}`} went from ${percent(before)} to ${percent(now)}`;
}

/** Quantiles by linear interpolation (type 7), the inner nine. */
function decileEdges(sorted: Float64Array): number[] {
  return Array.from({ length: 9 }, (_, i) => {
    const position = ((i + 1) / 10) * (sorted.length - 1);
    const low = sorted[Math.floor(position)] ?? 0;
    return low + ((sorted[Math.ceil(position)] ?? 0) - low) * (position - Math.floor(position));
  });
}

function sturgesEdges(a: Float64Array, b: Float64Array): number[] {
  const minimum = Math.min(a[0] ?? Infinity, b[0] ?? Infinity);
  const maximum = Math.max(a.at(-1) ?? -Infinity, b.at(-1) ?? -Infinity);
  const bins = Math.max(1, Math.ceil(Math.log2(a.length + b.length) + 1));
  return Array.from({ length: bins - 1 }, (_, i) => minimum + ((maximum - minimum) * (i + 1)) / bins);
}

/** How many sorted values lie in each bin [edge, next edge); the outer bins are open. */
function countBetween(sorted: Float64Array, edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  let bin = 0;
  for (const value of sorted) {
    while (bin < edges.length && value >= edges[bin]!) bin++;
    counts[bin]!++;
  }
  return counts;
}

function invalid(reason: string): StrataError {
  return new StrataError("STATISTICS_INPUT_INVALID", { what: "The population stability index", reason });
}
