import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { createRandom } from "../../kernel/random.ts";
import { chooseFixedPoint, quantisePairs } from "./fixed-point.ts";
import { resolveParameters } from "./parameters.ts";
import { PHASE, runPhase, setHistogramStep } from "./phases.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

const ROWS = 1500, FEATURES = 10, BINS = 11;
const fixedPoint = chooseFixedPoint(ROWS, 1, ROWS);

/** Random bins and gradients, the same for the same seed; histogram 1 holds all rows as the parent's would. */
function filledWorkspace(seed: number): Workspace {
  const random = createRandom(seed);
  const workspace = createWorkspace({
    parameters: resolveParameters({ objective: "regression", leaves: 2, minChildSamples: 3 }, false),
    rows: ROWS, features: FEATURES, slots: 12, stride: 24, hasWeight: false, blocks: 1,
  });
  workspace.columnBins.forEach((_, i) => { workspace.columnBins[i] = random.integer(BINS + 1); });
  workspace.slotFeature.set([...Array.from({ length: FEATURES }, (_, i) => i), -1, -1]);
  workspace.binCount.fill(BINS);
  workspace.isCategorical[4] = 1;
  for (let row = 0; row < ROWS; row++) {
    workspace.rowIndex[row] = row;
    workspace.pairs.set([random.next() * 2 - 1, random.next()], 2 * row);
  }
  quantisePairs(workspace.pairs, 0, ROWS, fixedPoint);
  return workspace;
}

const sumsOf = ({ pairs }: Workspace, from: number, to: number) => {
  let gradient = 0, packed = 0;
  for (let row = from; row < to; row++) {
    gradient += pairs[2 * row]!;
    packed += pairs[2 * row + 1]!;
  }
  return { gradient, packed };
};

/** Splits rows 0 .. ROWS at `middle`, with the first part's histogram summed in steps that end at `cuts`, on `threads` threads one after the other. */
function searchParts(workspace: Workspace, middle: number, cuts: readonly number[], threads: number) {
  const run = (phase: number): void => { for (let thread = 0; thread < threads; thread++) runPhase(phase, workspace, { thread, threads }); };
  const all = { histogram: 1, sums: sumsOf(workspace, 0, ROWS), search: false };
  run(PHASE.fillRowBins);
  setHistogramStep(workspace, { from: 0, to: ROWS, isFirst: true, isLast: true, leaf: all, sibling: undefined, fixedPoint });
  run(PHASE.histogram);
  const leaf = { histogram: 0, sums: sumsOf(workspace, 0, middle), search: true }, sibling = { histogram: 1, sums: sumsOf(workspace, middle, ROWS), search: true };
  const edges = [0, ...new Set(cuts.filter((cut) => cut > 0 && cut < middle).toSorted((a, b) => a - b)), middle];
  for (let i = 0; i + 1 < edges.length; i++) {
    setHistogramStep(workspace, { from: edges[i]!, to: edges[i + 1]!, isFirst: i === 0, isLast: i + 2 === edges.length, leaf, sibling, fixedPoint });
    run(PHASE.histogram);
  }
  return { histograms: workspace.histograms.map((one) => Float64Array.from(one)), candidates: Float64Array.from(workspace.candidates), lists: workspace.candidateBins.slice() };
}

it("histograms and candidates do not depend on steps or on threads", () => {
  const cut = fc.integer({ min: 1, max: ROWS - 1 });
  fc.assert(fc.property(fc.integer(), cut, fc.array(cut, { maxLength: 4 }), fc.integer({ min: 2, max: 5 }), (seed, middle, cuts, threads) => {
    assert.deepEqual(searchParts(filledWorkspace(seed), middle, cuts, threads), searchParts(filledWorkspace(seed), middle, [], 1));
  }), { numRuns: 25 });
});
