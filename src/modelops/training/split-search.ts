/**
 * The best split of one slot of one leaf, from its histogram: numeric bins in order with missing values tried on
 * both sides; categories in order of their gradient ratio, from both ends (Fisher 1958; Ke et al. 2017).
 * Ties keep the first candidate, so the answer does not depend on who computes it.
 */
import { countOf, hessianOf, type FixedPoint } from "./fixed-point.ts";
import type { ResolvedParameters } from "./parameters.ts";
import { CANDIDATE_CATEGORIES, CANDIDATE_FIELDS, type Workspace } from "./workspace.ts";

/** The sums of a leaf's rows, quantised; see fixed-point.ts. */
export interface LeafSums {
  readonly gradient: number;
  readonly packed: number;
}

export interface SearchContext {
  readonly workspace: Workspace;
  readonly histogram: Float64Array;
  readonly sums: LeafSums;
  readonly fixedPoint: FixedPoint;
  /** Which half of the candidate table to write: 0 or 1. */
  readonly leaf: number;
}

export interface SplitCandidate {
  readonly slot: number;
  readonly gain: number;
  /** Numeric: the last bin that goes left. */
  readonly bin: number;
  readonly missingLeft: boolean;
  readonly left: LeafSums;
  /** Categorical: the bins that go left; empty for numeric splits. */
  readonly categories: Uint8Array;
}

/** Writes the slot's best candidate to the table; gain -Infinity when no split is allowed. */
export function searchSlot(context: SearchContext, slot: number): void {
  const { workspace, leaf } = context;
  const { plan, candidates, slotFeature } = workspace;
  candidates[(leaf * plan.slots + slot) * CANDIDATE_FIELDS] = -Infinity;
  const feature = slotFeature[slot]!;
  if (feature < 0) return;
  if (workspace.isCategorical[feature] === 1) searchCategories(context, slot, workspace.binCount[feature]!);
  else searchNumeric(context, slot, workspace.binCount[feature]!);
}

/** The best candidate of a searched leaf over all slots, or undefined when none gains more than minGain. */
export function bestCandidate({ plan, candidates, candidateBins }: Workspace, leaf: number): SplitCandidate | undefined {
  let best = -1, bestGain = plan.parameters.minGain;
  for (let slot = 0; slot < plan.slots; slot++) {
    const gain = candidates[(leaf * plan.slots + slot) * CANDIDATE_FIELDS]!;
    if (gain > bestGain) [best, bestGain] = [slot, gain];
  }
  if (best < 0) return undefined;
  const at = (leaf * plan.slots + best) * CANDIDATE_FIELDS;
  const list = (leaf * plan.slots + best) * CANDIDATE_CATEGORIES;
  return {
    slot: best, gain: bestGain, bin: candidates[at + 1]!, missingLeft: candidates[at + 2] === 1,
    left: { gradient: candidates[at + 3]!, packed: candidates[at + 4]! },
    categories: candidateBins.slice(list, list + candidates[at + 5]!),
  };
}

function searchNumeric(context: SearchContext, slot: number, binCount: number): void {
  const base = slot * context.workspace.plan.stride;
  const missing: LeafSums = { gradient: context.histogram[base]!, packed: context.histogram[base + 1]! };
  const table = candidateWriter(context, slot);
  if (missing.packed === 0) {
    scanBins(context, { base, lastBin: binCount - 1, start: missing }, (bin, gain, gradient, packed) => {
      const goesLeft = 2 * countOf(packed, context.fixedPoint) > countOf(context.sums.packed, context.fixedPoint);
      table.write(gain, bin, goesLeft, gradient, packed); // nothing to learn from: the larger child is the better guess
    });
    return;
  }
  scanBins(context, { base, lastBin: binCount, start: { gradient: 0, packed: 0 } }, (bin, gain, gradient, packed) => table.write(gain, bin, false, gradient, packed));
  scanBins(context, { base, lastBin: binCount - 1, start: missing }, (bin, gain, gradient, packed) => table.write(gain, bin, true, gradient, packed));
}

type Found = (bin: number, gain: number, gradient: number, packed: number) => void;

/** Tries "bins 1 .. b and `start` go left" for each b up to lastBin and reports the best. */
function scanBins(context: SearchContext, scan: { readonly base: number; readonly lastBin: number; readonly start: LeafSums }, found: Found): void {
  const { histogram, sums, fixedPoint: { countUnit, gradientScale, hessianScale } } = context;
  const { minChildSamples, minChildWeight, lambda } = context.workspace.plan.parameters;
  const perUnit = 1 / countUnit, perGradient = 1 / gradientScale, perHessian = 1 / hessianScale;
  const total = sums.gradient, packedTotal = sums.packed;
  const fewest = minChildSamples * countUnit; // packed sums compare by count first, so this is "at least minChildSamples rows"
  const most = packedTotal - fewest;
  const hessianTotal = packedTotal - Math.floor(packedTotal * perUnit) * countUnit;
  let gradient = scan.start.gradient, packed = scan.start.packed;
  let bestGain = -Infinity, bestBin = 0, bestGradient = 0, bestPacked = 0;
  for (let bin = 1, at = scan.base + 2; bin <= scan.lastBin; bin++, at += 2) {
    const cell = histogram[at + 1]!;
    if (cell === 0) continue; // an empty bin repeats the candidate before it
    gradient += histogram[at]!;
    packed += cell;
    if (packed < fewest) continue;
    if (packed > most) break;
    const quantised = packed - Math.floor(packed * perUnit) * countUnit;
    const hessian = quantised * perHessian, hessianRight = (hessianTotal - quantised) * perHessian;
    if (hessian < minChildWeight) continue;
    if (hessianRight < minChildWeight) break;
    const left = gradient * perGradient, right = (total - gradient) * perGradient;
    const gain = (left * left) / (hessian + lambda) + (right * right) / (hessianRight + lambda);
    if (gain > bestGain) {
      bestGain = gain;
      bestBin = bin;
      bestGradient = gradient;
      bestPacked = packed;
    }
  }
  if (bestBin > 0) found(bestBin, gainOver(scoreOf(sums, context.fixedPoint, lambda), bestGain), bestGradient, bestPacked);
}

/** A gain below 1e-12 of the scores it is the difference of is rounding (2^-53 each), not a reason to split. */
function gainOver(parentScore: number, childScores: number): number {
  const gain = childScores - parentScore;
  return gain > 1e-12 * childScores ? gain : -Infinity;
}

/** G² / (H + λ): twice what the leaf's best constant takes off the loss. */
export function scoreOf({ gradient, packed }: LeafSums, fixedPoint: FixedPoint, lambda: number): number {
  const sum = gradient / fixedPoint.gradientScale;
  return sum === 0 ? 0 : (sum * sum) / (hessianOf(packed, fixedPoint) + lambda);
}

/** Categories by ratio; each end's prefixes go left, everything else (missing, unnamed, absent) right. */
function searchCategories(context: SearchContext, slot: number, binCount: number): void {
  const { histogram, workspace: { plan, candidateBins } } = context;
  const base = slot * plan.stride;
  const ordered = orderByRatio(context, base, binCount);
  const hasRest = histogram[base + 1]! > 0;
  const longest = Math.min(plan.parameters.maxCategoriesPerSplit, hasRest ? ordered.length : ordered.length - 1);
  const table = candidateWriter(context, slot);
  for (const bins of [ordered, ordered.toReversed()]) {
    const found = bestPrefix(context, base, bins.slice(0, longest));
    if (!found || !table.write(found.gain, 0, false, found.sums.gradient, found.sums.packed, found.length)) continue;
    candidateBins.set(bins.slice(0, found.length), (context.leaf * plan.slots + slot) * CANDIDATE_CATEGORIES);
  }
}

function orderByRatio({ histogram, fixedPoint, workspace }: SearchContext, base: number, binCount: number): readonly number[] {
  const smoothing = workspace.plan.parameters.categoricalSmoothing;
  const present: { readonly bin: number; readonly ratio: number }[] = [];
  for (let bin = 1; bin <= binCount; bin++) {
    const packed = histogram[base + 2 * bin + 1]!;
    if (packed === 0) continue;
    const denominator = hessianOf(packed, fixedPoint) + smoothing;
    present.push({ bin, ratio: denominator === 0 ? 0 : histogram[base + 2 * bin]! / fixedPoint.gradientScale / denominator });
  }
  return present.toSorted((a, b) => a.ratio - b.ratio || a.bin - b.bin).map((category) => category.bin);
}

function bestPrefix(context: SearchContext, base: number, bins: readonly number[]): { readonly gain: number; readonly length: number; readonly sums: LeafSums } | undefined {
  const { histogram, sums, fixedPoint, workspace: { plan: { parameters } } } = context;
  const regularisation = parameters.lambda + parameters.categoricalLambda;
  const parentScore = scoreOf(sums, fixedPoint, parameters.lambda);
  let best: { gain: number; length: number; sums: LeafSums } | undefined;
  let left: LeafSums = { gradient: 0, packed: 0 };
  for (const [i, bin] of bins.entries()) {
    left = { gradient: left.gradient + histogram[base + 2 * bin]!, packed: left.packed + histogram[base + 2 * bin + 1]! };
    const right: LeafSums = { gradient: sums.gradient - left.gradient, packed: sums.packed - left.packed };
    if (!isAllowed(left, fixedPoint, parameters) || !isAllowed(right, fixedPoint, parameters)) continue;
    const gain = gainOver(parentScore, scoreOf(left, fixedPoint, regularisation) + scoreOf(right, fixedPoint, regularisation));
    if (gain > (best?.gain ?? -Infinity)) best = { gain, length: i + 1, sums: left };
  }
  return best;
}

function isAllowed({ packed }: LeafSums, fixedPoint: FixedPoint, { minChildSamples, minChildWeight }: ResolvedParameters): boolean {
  return countOf(packed, fixedPoint) >= minChildSamples && hessianOf(packed, fixedPoint) >= minChildWeight;
}

/** Writes a candidate when it beats the slot's best so far; says whether it did. */
function candidateWriter({ workspace: { plan, candidates }, leaf }: SearchContext, slot: number) {
  const at = (leaf * plan.slots + slot) * CANDIDATE_FIELDS;
  return {
    write(gain: number, bin: number, missingLeft: boolean, gradient: number, packed: number, categories = 0): boolean {
      if (!(gain > candidates[at]!)) return false;
      candidates.set([gain, bin, missingLeft ? 1 : 0, gradient, packed, categories], at);
      return true;
    },
  };
}
