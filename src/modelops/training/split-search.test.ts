import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { chooseFixedPoint, countOf, quantisePairs } from "./fixed-point.ts";
import { accumulate, subtractSlot } from "./histogram.ts";
import { resolveParameters, type GradientBoostingParameters } from "./parameters.ts";
import { bestCandidate, searchSlot, type SplitCandidate } from "./split-search.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

interface Row { readonly bin: number; readonly gradient: number; readonly hessian: number }

/** A workspace of one column in slot 0 whose rows are all in one leaf; rows carry bins and gradients. */
function leafOf(rows: readonly Row[], kind: "numeric" | "categorical", binCount: number, parameters: Partial<GradientBoostingParameters>) {
  const workspace = createWorkspace({
    parameters: resolveParameters({ objective: "regression", leaves: 2, minChildWeight: 0, ...parameters }, false),
    rows: rows.length, features: 1, slots: 4, stride: 24, hasWeight: false, blocks: 1,
  });
  workspace.slotFeature.set([0, -1, -1, -1]);
  workspace.binCount[0] = binCount;
  workspace.isCategorical[0] = kind === "categorical" ? 1 : 0;
  const fixedPoint = chooseFixedPoint(rows.length, Math.max(...rows.map((row) => Math.abs(row.gradient))), rows.reduce((sum, row) => sum + row.hessian, 0));
  rows.forEach(({ bin, gradient, hessian }, i) => {
    workspace.rowIndex[i] = i;
    workspace.rowBins[4 * i] = bin;
    workspace.pairs.set([gradient, hessian], 2 * i);
  });
  quantisePairs(workspace.pairs, 0, rows.length, fixedPoint);
  const histogram = workspace.histograms[0]!;
  accumulate({ ...workspace, slots: 4, stride: 24 }, { from: 0, to: rows.length }, { firstSlot: 0, endSlot: 4 }, histogram);
  return { workspace, fixedPoint, histogram };
}

function search(rows: readonly Row[], kind: "numeric" | "categorical", binCount: number, parameters: Partial<GradientBoostingParameters>): SplitCandidate | undefined {
  const { workspace, fixedPoint, histogram } = leafOf(rows, kind, binCount, parameters);
  const sums = sumOf(workspace, rows.map((_, i) => i));
  for (let slot = 0; slot < 4; slot++) searchSlot({ workspace, histogram, sums, fixedPoint, leaf: 0 }, slot);
  const candidate = bestCandidate(workspace, 0);
  if (candidate) {
    const left = rows.flatMap((row, i) => (goesLeft(candidate, kind, row.bin) ? [i] : []));
    assert.deepEqual(candidate.left, sumOf(workspace, left), "the candidate's sums are those of the rows it sends left");
    assert.equal(countOf(candidate.left.packed, fixedPoint), left.length);
  }
  return candidate;
}

const sumOf = ({ pairs }: Workspace, rows: readonly number[]) => ({
  gradient: rows.reduce((sum, row) => sum + pairs[2 * row]!, 0), packed: rows.reduce((sum, row) => sum + pairs[2 * row + 1]!, 0),
});

function goesLeft({ bin: last, missingLeft, categories }: SplitCandidate, kind: "numeric" | "categorical", bin: number): boolean {
  if (kind === "categorical") return categories.includes(bin);
  return bin === 0 ? missingLeft : bin <= last;
}

/** The gain of sending `left` left, from the definition; undefined when a child is too small. */
function gainOf(rows: readonly Row[], isLeft: (row: Row) => boolean, lambda: number, fewest: number): number | undefined {
  const score = (part: readonly Row[]): number => {
    const gradient = part.reduce((sum, row) => sum + row.gradient, 0), hessian = part.reduce((sum, row) => sum + row.hessian, 0);
    return gradient === 0 ? 0 : gradient ** 2 / (hessian + lambda);
  };
  const left = rows.filter(isLeft), right = rows.filter((row) => !isLeft(row));
  return left.length < fewest || right.length < fewest ? undefined : score(left) + score(right) - score(rows);
}

const rowsWith = (bins: number) => fc.array(fc.record({
  bin: fc.integer({ min: 0, max: bins }), gradient: fc.integer({ min: -20, max: 20 }), hessian: fc.integer({ min: 1, max: 4 }),
}), { minLength: 2, maxLength: 60 });

describe("searchSlot", () => {
  it("finds the numeric split of largest gain, missing values on either side", () => {
    fc.assert(fc.property(rowsWith(7), fc.integer({ min: 1, max: 5 }), (rows, minChildSamples) => {
      const gains: number[] = [];
      for (let last = 0; last <= 7; last++) for (const missingLeft of [true, false]) {
        const gain = gainOf(rows, ({ bin }) => (bin === 0 ? missingLeft : bin <= last), 1, minChildSamples);
        if (gain !== undefined) gains.push(gain);
      }
      const best = Math.max(0, ...gains), found = search(rows, "numeric", 7, { lambda: 1, minChildSamples });
      assert.ok(Math.abs((found?.gain ?? 0) - best) <= 1e-6 * Math.max(1, best), `${found?.gain} against ${best}`);
    }));
  });

  it("finds the best of all subsets of categories when order is by gradient ratio (Fisher 1958)", () => {
    const parameters = { lambda: 0, categoricalLambda: 0, categoricalSmoothing: 0, minChildSamples: 1 };
    fc.assert(fc.property(rowsWith(5), (rows) => {
      const gains = Array.from({ length: 32 }, (_, subset) => gainOf(rows, ({ bin }) => bin > 0 && ((subset >> (bin - 1)) & 1) === 1, 0, 1)).filter((gain) => gain !== undefined);
      const best = Math.max(0, ...gains), found = search(rows, "categorical", 5, parameters)?.gain ?? 0;
      const fromMissing = rows.some((row) => row.bin === 0); // bin 0 is outside the order, so only a bound holds then
      assert.ok(found <= best * (1 + 1e-6) + 1e-6);
      if (!fromMissing) assert.ok(found >= best * (1 - 1e-6) - 1e-6, `${found} against ${best}`);
    }));
  });

  it("lists no more categories than allowed and keeps missing values on the unlisted side", () => {
    fc.assert(fc.property(rowsWith(9), fc.integer({ min: 1, max: 4 }), (rows, maxCategoriesPerSplit) => {
      const found = search(rows, "categorical", 9, { maxCategoriesPerSplit, minChildSamples: 1 });
      if (!found) return;
      assert.ok(found.categories.length >= 1 && found.categories.length <= maxCategoriesPerSplit && !found.categories.includes(0));
    }));
  });

  it("lists categories from either end of the order when only few may be listed", () => {
    for (const odd of [-9, 9]) {
      const rows = Array.from({ length: 60 }, (_, i) => ({ bin: 1 + (i % 6), gradient: i % 6 === 3 ? odd : 1, hessian: 1 }));
      assert.deepEqual([...search(rows, "categorical", 6, { maxCategoriesPerSplit: 1, minChildSamples: 1 })!.categories], [4]);
    }
  });

  it("sees no gain in rows that all pull the same way", () => {
    const rows = Array.from({ length: 50 }, (_, i) => ({ bin: 1 + (i % 7), gradient: 0.1, hessian: 1 }));
    assert.equal(search(rows, "numeric", 7, { lambda: 0, minChildSamples: 1 }), undefined);
  });
});

describe("histograms", () => {
  it("parent minus smaller child is the larger child, to the bit", () => {
    fc.assert(fc.property(rowsWith(7), fc.func(fc.boolean()), (rows, isSmall) => {
      const { workspace, histogram } = leafOf(rows, "numeric", 7, {});
      const [small, large] = [true, false].map((wanted) => Int32Array.from(Array.from(rows.keys()).filter((row) => isSmall(row) === wanted)));
      const sum = (index: Int32Array): Float64Array => {
        const part = new Float64Array(histogram.length);
        accumulate({ ...workspace, rowIndex: index, slots: 4, stride: 24 }, { from: 0, to: index.length }, { firstSlot: 0, endSlot: 4 }, part);
        return part;
      };
      subtractSlot(histogram, sum(small!), 0, 8);
      assert.deepEqual(histogram.subarray(0, 16), sum(large!).subarray(0, 16));
    }));
  });
});
