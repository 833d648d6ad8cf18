/** The strongest dimensions of a symmetric sparse matrix: a random start, multiplied and made orthonormal again and again. */
import type { Random } from "../../kernel/random.ts";

/** Entries in any order; symmetric, so both halves are there. */
export interface SparseMatrix {
  readonly size: number;
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

export interface SubspaceOptions {
  readonly dimensions: number;
  readonly iterations: number;
  readonly random: Random;
}

/** One row per row of the matrix: its place in the subspace, each dimension weighed by the root of its strength. */
export function topSubspace(matrix: SparseMatrix, { dimensions, iterations, random }: SubspaceOptions): Float32Array {
  const { size } = matrix;
  let basis: Float64Array[] = Array.from({ length: dimensions }, () => Float64Array.from({ length: size }, () => random.normal()));
  makeOrthonormal(basis);
  for (let iteration = 0; iteration < iterations; iteration++) {
    basis = basis.map((column) => multiply(matrix, column));
    makeOrthonormal(basis);
  }
  const strengths = basis.map((column) => Math.sqrt(lengthOf(multiply(matrix, column))));
  const rows = new Float32Array(size * dimensions);
  for (const [dimension, column] of basis.entries()) for (let row = 0; row < size; row++) rows[row * dimensions + dimension] = column[row]! * strengths[dimension]!;
  return rows;
}

function multiply({ size, rows, columns, values }: SparseMatrix, vector: Float64Array): Float64Array {
  const product = new Float64Array(size);
  for (let entry = 0; entry < values.length; entry++) product[rows[entry]!]! += values[entry]! * vector[columns[entry]!]!;
  return product;
}

/** Modified Gram-Schmidt, twice, which is enough (Giraud et al. 2005). In place. */
function makeOrthonormal(columns: readonly Float64Array[]): void {
  for (const [at, column] of columns.entries()) {
    for (let round = 0; round < 2; round++) {
      for (const other of columns.slice(0, at)) {
        const share = dot(column, other);
        for (let i = 0; i < column.length; i++) column[i]! -= share * other[i]!;
      }
    }
    const length = lengthOf(column);
    if (length > 0) for (let i = 0; i < column.length; i++) column[i]! /= length;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function lengthOf(column: Float64Array): number {
  return Math.sqrt(dot(column, column));
}
