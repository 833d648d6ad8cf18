/**
 * What one column looked like, for comparing later data with it: counts, moments, and the distribution over
 * cells that the column's own quantiles define. Plain JSON, tens of kB whatever the number of values; mergeable.
 *
 * The edges of a numeric profile are its 201 quantiles 0 %, 0.5 %, … 100 %, without repetitions. Values are
 * counted per edge and per gap between edges: cell 2i + 1 holds values equal to edge i, cell 2i those between
 * edge i − 1 and edge i. So a spike (60 % zeros) is told apart from its neighbourhood.
 */
import { StrataError } from "../../kernel/errors.ts";
import { hashOf } from "../../kernel/hash.ts";
import { Moments } from "./moments.ts";
import type { MomentsState } from "./moments.ts";
import { QuantileSketch } from "./quantile-sketch.ts";
import type { QuantileSketchState } from "./quantile-sketch.ts";
import { TopValues, categoryOf } from "./top-values.ts";
import type { TopValuesState } from "./top-values.ts";

export type ColumnKind = "numeric" | "categorical";

export interface NumericProfile extends MomentsState {
  readonly kind: "numeric";
  /** Values that were not finite numbers; `count` has the others. */
  readonly missing: number;
  readonly edges: readonly number[];
  /** Values per cell, 2 · edges + 1 of them. Exact after profileColumn, within the sketch's error after a merge. */
  readonly cells: readonly number[];
  /** The 10 %, 20 %, … 90 % quantiles without repetitions: a subset of the edges. */
  readonly deciles: readonly number[];
  readonly sketch: QuantileSketchState;
  /** Names the edges, so that only comparable counts are compared. */
  readonly digest: string;
}

export interface CategoricalProfile extends TopValuesState {
  readonly kind: "categorical";
  readonly count: number;
  readonly missing: number;
  readonly digest: string;
}

export type ColumnProfile = NumericProfile | CategoricalProfile;

/** 200 gaps: a KS distance read from the cells is at most 0.5 % too small. */
const GRID_STEPS = 200;
const GRID = Array.from({ length: GRID_STEPS + 1 }, (_, i) => i / GRID_STEPS);
const STEPS_PER_DECILE = GRID_STEPS / 10;

/**
 * Profile of a column. Numeric: finite numbers and booleans (1, 0) count, everything else is missing.
 * Categorical: texts, numbers and truth values count by their text (its first 200 characters); everything else
 * and NaN is missing.
 */
export function profileColumn(values: ArrayLike<unknown>, options: { readonly kind: "numeric" }): NumericProfile;
export function profileColumn(values: ArrayLike<unknown>, options: { readonly kind: "categorical" }): CategoricalProfile;
export function profileColumn(values: ArrayLike<unknown>, options: { readonly kind: ColumnKind }): ColumnProfile;
export function profileColumn(values: ArrayLike<unknown>, options: { readonly kind: ColumnKind }): ColumnProfile {
  return options.kind === "numeric" ? profileNumbers(values) : profileCategories(values);
}

/** The profile of both columns one after the other; STATISTICS_INPUT_INVALID when they are of different kinds. */
export function mergeProfiles<P extends ColumnProfile>(a: P, b: P): P;
export function mergeProfiles(a: ColumnProfile, b: ColumnProfile): ColumnProfile {
  if (a.kind === "numeric" && b.kind === "numeric") return mergeNumbers(a, b);
  if (a.kind === "categorical" && b.kind === "categorical") return mergeCategories(a, b);
  throw new StrataError("STATISTICS_INPUT_INVALID", { what: "The merged profile", reason: `one column is ${a.kind}, the other ${b.kind}` });
}

/** A finite number (never −0, which JSON cannot hold), or undefined when the value is missing from a numeric column. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : undefined;
  return typeof value === "boolean" ? Number(value) : undefined;
}

/** The cell a value falls into; see the head of this file. */
export function cellOf(edges: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low < edges.length && edges[low] === value ? 2 * low + 1 : 2 * low;
}

/** Cell counts summed into the bins (−∞, d₁], (d₁, d₂], … (dₙ, ∞) of the deciles. */
export function decileBins(profile: Pick<NumericProfile, "edges" | "deciles">, cells: ArrayLike<number>): number[] {
  const bins = Array.from({ length: profile.deciles.length + 1 }, () => 0);
  let bin = 0;
  for (let cell = 0; cell < cells.length; cell++) {
    const upperEdge = profile.edges[cell >> 1] ?? Number.POSITIVE_INFINITY;
    while (bin < profile.deciles.length && profile.deciles[bin]! < upperEdge) bin++;
    bins[bin] = bins[bin]! + cells[cell]!;
  }
  return bins;
}

function profileNumbers(values: ArrayLike<unknown>): NumericProfile {
  const moments = new Moments();
  const sketch = new QuantileSketch();
  for (let i = 0; i < values.length; i++) {
    const value = numberOf(values[i]);
    if (value === undefined) continue;
    moments.add(value);
    sketch.add(value);
  }
  const frame = frameOf(sketch, moments);
  const edges = Float64Array.from(frame.edges);
  const cells = new Float64Array(2 * edges.length + 1);
  for (let i = 0; i < values.length; i++) {
    const value = numberOf(values[i]);
    if (value === undefined) continue;
    const cell = cellOf(edges, value);
    cells[cell] = cells[cell]! + 1;
  }
  return { kind: "numeric", ...moments.state(), missing: values.length - moments.count, ...frame, cells: Array.from(cells), sketch: sketch.state() };
}

function mergeNumbers(a: NumericProfile, b: NumericProfile): NumericProfile {
  const moments = new Moments();
  moments.merge(a);
  moments.merge(b);
  const sketch = QuantileSketch.from(a.sketch);
  sketch.merge(b.sketch);
  const state = sketch.state();
  const frame = frameOf(sketch, moments);
  return { kind: "numeric", ...moments.state(), missing: a.missing + b.missing, ...frame, cells: cellsOfSketch(frame.edges, state), sketch: state };
}

/** Edges and deciles; the outermost edges are the true extremes, which the sketch may have lost. */
function frameOf(sketch: QuantileSketch, moments: Moments): Pick<NumericProfile, "edges" | "deciles" | "digest"> {
  const grid = sketch.quantiles(GRID);
  if (grid.length > 0) {
    grid[0] = moments.minimum;
    grid[GRID_STEPS] = moments.maximum;
  }
  const edges = withoutRepetitions(grid);
  const deciles = withoutRepetitions(grid.filter((_, i) => i > 0 && i < GRID_STEPS && i % STEPS_PER_DECILE === 0));
  return { edges, deciles, digest: hashOf(edges).slice(0, 16) };
}

function cellsOfSketch(edges: readonly number[], sketch: QuantileSketchState): number[] {
  const cells = Array.from({ length: 2 * edges.length + 1 }, () => 0);
  for (const [height, values] of sketch.levels.entries()) {
    for (const value of values) cells[cellOf(edges, value)]! += 2 ** height;
  }
  return cells;
}

function withoutRepetitions(ascending: readonly number[]): number[] {
  return ascending.filter((value, i) => i === 0 || value !== ascending[i - 1]);
}

function profileCategories(values: ArrayLike<unknown>): CategoricalProfile {
  const top = new TopValues();
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const category = categoryOf(values[i]);
    if (category === undefined) continue;
    count++;
    top.add(category);
  }
  return categorical(top, count, values.length - count);
}

function mergeCategories(a: CategoricalProfile, b: CategoricalProfile): CategoricalProfile {
  const top = new TopValues();
  top.merge(a);
  top.merge(b);
  return categorical(top, a.count + b.count, a.missing + b.missing);
}

function categorical(top: TopValues, count: number, missing: number): CategoricalProfile {
  const state = top.state();
  const digest = hashOf({ values: state.values.map(([value]) => value), closed: state.other === 0 }).slice(0, 16);
  return { kind: "categorical", count, missing, ...state, digest };
}
