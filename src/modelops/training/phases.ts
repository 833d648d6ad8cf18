/**
 * The steps of training that threads share, as functions of (workspace, thread, threads): every thread runs the same
 * step on its own blocks, rows or slots. Arguments travel in workspace.arguments, because a blocked worker thread
 * cannot receive messages.
 */
import { quantisePairs, type FixedPoint } from "./fixed-point.ts";
import { accumulate, subtractSlot, type SlotRange } from "./histogram.ts";
import { blockGradients } from "./objective.ts";
import { searchSlot, type LeafSums } from "./split-search.ts";
import type { Workspace } from "./workspace.ts";

export interface Share {
  readonly thread: number;
  readonly threads: number;
}

/** Steps by number, as they are announced to worker threads; 0 ends the thread. */
export const PHASE = { stop: 0, gradients: 1, quantise: 2, fillRowBins: 3, histogram: 4 } as const;

export function runPhase(phase: number, workspace: Workspace, share: Share): void {
  switch (phase) {
    case PHASE.gradients: return gradientsPhase(workspace, share);
    case PHASE.quantise: return quantisePhase(workspace, share);
    case PHASE.fillRowBins: return fillRowBinsPhase(workspace, share);
    case PHASE.histogram: return histogramPhase(workspace, share);
  }
}

/** The thread's part of 0 .. count, in whole units. */
function partOf(count: number, unit: number, { thread, threads }: Share): { readonly from: number; readonly to: number } {
  const units = Math.ceil(count / unit);
  const edge = (index: number): number => Math.min(count, Math.floor((units * index) / threads) * unit);
  return { from: edge(thread), to: thread + 1 === threads ? count : edge(thread + 1) };
}

/** Arguments of PHASE.gradients: the output, and the blocks to do now. */
export function setGradients({ arguments: words }: Workspace, output: number, firstBlock: number, endBlock: number): void {
  words.set([output, firstBlock, endBlock]);
}

function gradientsPhase(workspace: Workspace, share: Share): void {
  const [output, firstBlock, endBlock] = workspace.arguments;
  const { from, to } = partOf(endBlock! - firstBlock!, 1, share);
  blockGradients(workspace, output!, { first: firstBlock! + from, end: firstBlock! + to });
}

/** Arguments of PHASE.quantise. */
export function setFixedPoint({ arguments: words }: Workspace, fixedPoint: FixedPoint): void {
  words.set([fixedPoint.gradientScale, fixedPoint.hessianScale, fixedPoint.countUnit]);
}

function quantisePhase(workspace: Workspace, share: Share): void {
  const [gradientScale, hessianScale, countUnit] = workspace.arguments;
  const { from, to } = partOf(workspace.plan.rows, 64, share);
  quantisePairs(workspace.pairs, from, to, { gradientScale: gradientScale!, hessianScale: hessianScale!, countUnit: countUnit! });
}

/** Copies the columns in slotFeature to row-major order. PHASE.fillRowBins has no arguments. */
function fillRowBinsPhase({ plan: { rows, slots }, slotFeature, columnBins, rowBins }: Workspace, share: Share): void {
  const { from, to } = partOf(rows, 1024, share);
  const step = 1024; // a stretch of the row-major matrix that stays in the cache while its columns are filled in
  for (let start = from; start < to; start += step) {
    const end = Math.min(to, start + step);
    for (let slot = 0; slot < slots; slot++) {
      const column = slotFeature[slot]! * rows;
      if (column < 0) continue;
      for (let row = start; row < end; row++) rowBins[row * slots + slot] = columnBins[column + row]!;
    }
  }
}

/** One leaf whose split is searched: its histogram and its sums. */
export interface SearchedLeaf {
  readonly histogram: number;
  readonly sums: LeafSums;
  /** False when the leaf may not be split; its histogram may still be needed for its sibling's. */
  readonly search: boolean;
}

export interface HistogramStep {
  /** Stretch of rowIndex to add now; a large leaf is added in several steps. */
  readonly from: number;
  readonly to: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly leaf: SearchedLeaf;
  /** Its histogram holds the parent's, from which the leaf's is taken away. */
  readonly sibling: SearchedLeaf | undefined;
  readonly fixedPoint: FixedPoint;
}

/** Arguments of PHASE.histogram. */
export function setHistogramStep({ arguments: words }: Workspace, { from, to, isFirst, isLast, leaf, sibling, fixedPoint }: HistogramStep): void {
  words.set([
    from, to, +isFirst, +isLast, leaf.histogram, leaf.sums.gradient, leaf.sums.packed, +leaf.search,
    sibling ? sibling.histogram : -1, sibling?.sums.gradient ?? 0, sibling?.sums.packed ?? 0, +(sibling?.search ?? false),
    fixedPoint.gradientScale, fixedPoint.hessianScale, fixedPoint.countUnit,
  ]);
}

function histogramStepOf({ arguments: words }: Workspace): HistogramStep {
  const leaf = (at: number): SearchedLeaf => ({ histogram: words[at]!, sums: { gradient: words[at + 1]!, packed: words[at + 2]! }, search: words[at + 3] === 1 });
  return {
    from: words[0]!, to: words[1]!, isFirst: words[2] === 1, isLast: words[3] === 1,
    leaf: leaf(4), sibling: words[8]! < 0 ? undefined : leaf(8),
    fixedPoint: { gradientScale: words[12]!, hessianScale: words[13]!, countUnit: words[14]! },
  };
}

/** Adds rows to the leaf's histogram; after the last of them derives the sibling's and searches both for splits. */
function histogramPhase(workspace: Workspace, share: Share): void {
  const { plan: { slots, stride }, rowBins, rowIndex, pairs } = workspace;
  const step = histogramStepOf(workspace);
  const { from: firstSlot, to: endSlot } = partOf(slots, 4, share);
  const histogram = workspace.histograms[step.leaf.histogram]!;
  if (step.isFirst) histogram.fill(0, firstSlot * stride, endSlot * stride);
  accumulate({ rowBins, rowIndex, pairs, slots, stride }, { from: step.from, to: step.to }, { firstSlot, endSlot }, histogram);
  if (step.isLast) searchSlots(workspace, step, { firstSlot, endSlot });
}

function searchSlots(workspace: Workspace, { leaf, sibling, fixedPoint }: HistogramStep, { firstSlot, endSlot }: SlotRange): void {
  const { histograms, slotFeature, binCount, plan: { stride } } = workspace;
  for (let slot = firstSlot; slot < endSlot; slot++) {
    const feature = slotFeature[slot]!;
    if (sibling && feature >= 0) subtractSlot(histograms[sibling.histogram]!, histograms[leaf.histogram]!, slot * stride, binCount[feature]! + 1);
    [leaf, sibling].forEach((searched, index) => {
      if (!searched?.search) return;
      searchSlot({ workspace, histogram: histograms[searched.histogram]!, sums: searched.sums, fixedPoint, leaf: index }, slot);
    });
  }
}
