/**
 * All working memory of one training run in one SharedArrayBuffer, so that worker threads see the same bytes and
 * nothing is copied between them. A plan (plain data) says how large everything is; attaching the same plan to the
 * same buffer gives the same views in every thread.
 */
import type { ResolvedParameters } from "./parameters.ts";

export interface WorkspacePlan {
  readonly parameters: ResolvedParameters;
  readonly rows: number;
  /** Columns that a split can use; those with a single bin are left out before planning. */
  readonly features: number;
  /** Width of a row of `rowBins`: the columns a tree may use, rounded up to four for the unrolled histogram kernel. */
  readonly slots: number;
  /** Float64 numbers from one slot's histogram to the next. */
  readonly stride: number;
  readonly hasWeight: boolean;
  /** Rows are processed in blocks whose partial sums are added in order; for lambdarank a block is a query. */
  readonly blocks: number;
}

/** A split candidate: gain, bin, missing goes left, left gradient sum, left packed sum, number of categories listed. */
export const CANDIDATE_FIELDS = 6;
/** Cells of a candidate's category list; there are at most 255 bins. */
export const CANDIDATE_CATEGORIES = 256;
/** The two leaves that a search covers: the smaller child (or the root) and the larger. */
const SEARCHED_LEAVES = 2;
const ARGUMENTS = 16;
const CONTROL_WORDS = 16;

/** Rows per block for objectives that look at one row at a time. */
export const BLOCK_ROWS = 8192;

/** Numbers between two slots' histograms: an odd number of cache lines, so that equal bins of different slots do not compete for one cache set. */
export const strideFor = (mostBins: number): number => (Math.ceil((2 * (mostBins + 1)) / 8) | 1) * 8;

export interface Workspace {
  readonly plan: WorkspacePlan;
  readonly buffer: SharedArrayBuffer;
  /** Feature-major bins, [feature * rows + row]: for partitions and for scoring rows by bins. */
  readonly columnBins: Uint8Array;
  /** Row-major bins of this tree's columns, [row * slots + slot]: for histograms. */
  readonly rowBins: Uint8Array;
  /** Rows of the current tree, each leaf's rows side by side; then the rows left out by bagging. */
  readonly rowIndex: Int32Array;
  readonly rowScratch: Int32Array;
  readonly label: Float64Array;
  /** Empty when every weight is 1. */
  readonly weight: Float64Array;
  /** Raw scores, [output * rows + row]. */
  readonly scores: Float64Array;
  /** multiclass only: class probabilities at the start of the iteration, laid out like scores. */
  readonly probabilities: Float64Array;
  /** (gradient, hessian) of each row, later quantised. */
  readonly pairs: Float64Array;
  readonly blockStarts: Int32Array;
  readonly blockLargestGradient: Float64Array;
  readonly blockHessianSum: Float64Array;
  /** One histogram per growing leaf: [slot * stride + 2 * bin] gradient, and packed hessian and count beside it. */
  readonly histograms: readonly Float64Array[];
  /** Feature of each slot of this tree; -1 pads. */
  readonly slotFeature: Int32Array;
  readonly binCount: Int32Array;
  /** 1 for categorical features. */
  readonly isCategorical: Uint8Array;
  readonly candidates: Float64Array;
  /** Bins a categorical candidate sends left, CANDIDATE_CATEGORIES per leaf and slot. */
  readonly candidateBins: Uint8Array;
  /** Arguments of the phase being run; see phases.ts. */
  readonly arguments: Float64Array;
  /** Words the threads synchronise on; see thread-team.ts. */
  readonly control: Int32Array;
}

type View = Uint8Array | Int32Array | Float64Array;
type Allocate = <T extends View>(Type: { readonly BYTES_PER_ELEMENT: number; new (buffer: SharedArrayBuffer, offset: number, length: number): T }, length: number) => T;

export function createWorkspace(plan: WorkspacePlan): Workspace {
  let size = 0;
  viewsOf(plan, (Type, length) => {
    size = aligned(size) + Type.BYTES_PER_ELEMENT * length;
    return new Type(new SharedArrayBuffer(0), 0, 0);
  });
  return attachWorkspace(plan, new SharedArrayBuffer(aligned(size)));
}

export function attachWorkspace(plan: WorkspacePlan, buffer: SharedArrayBuffer): Workspace {
  let at = 0;
  const views = viewsOf(plan, (Type, length) => {
    const view = new Type(buffer, aligned(at), length);
    at = aligned(at) + view.byteLength;
    return view;
  });
  return { plan, buffer, ...views };
}

/** Each array starts on a cache line of its own. */
const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;

function viewsOf(plan: WorkspacePlan, allocate: Allocate): Omit<Workspace, "plan" | "buffer"> {
  const { rows, features, slots, blocks, parameters: { objective, outputs, leaves } } = plan;
  const searched = SEARCHED_LEAVES * slots;
  return {
    columnBins: allocate(Uint8Array, rows * features),
    rowBins: allocate(Uint8Array, rows * slots),
    rowIndex: allocate(Int32Array, rows),
    rowScratch: allocate(Int32Array, rows),
    label: allocate(Float64Array, rows),
    weight: allocate(Float64Array, plan.hasWeight ? rows : 0),
    scores: allocate(Float64Array, rows * outputs),
    probabilities: allocate(Float64Array, objective === "multiclass" ? rows * outputs : 0),
    pairs: allocate(Float64Array, rows * 2),
    blockStarts: allocate(Int32Array, blocks + 1),
    blockLargestGradient: allocate(Float64Array, blocks),
    blockHessianSum: allocate(Float64Array, blocks),
    histograms: Array.from({ length: leaves }, () => allocate(Float64Array, slots * plan.stride)),
    slotFeature: allocate(Int32Array, slots),
    binCount: allocate(Int32Array, features),
    isCategorical: allocate(Uint8Array, features),
    candidates: allocate(Float64Array, searched * CANDIDATE_FIELDS),
    candidateBins: allocate(Uint8Array, searched * CANDIDATE_CATEGORIES),
    arguments: allocate(Float64Array, ARGUMENTS),
    control: allocate(Int32Array, CONTROL_WORDS),
  };
}
