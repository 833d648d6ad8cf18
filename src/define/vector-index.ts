/** A vector index: points with vectors and payloads, searched by nearness and by filters. */
import type { Problem } from "../kernel/errors.ts";

export interface VectorIndexOptions {
  readonly description?: string;
  /** Numbers per vector. */
  readonly dimensions: number;
}

export interface VectorIndex<Name extends string = string> {
  readonly kind: "vector-index";
  readonly name: Name;
  readonly description: string;
  readonly dimensions: number;
}

/** Declares a vector index. */
export function defineVectorIndex<const Name extends string>(name: Name, options: VectorIndexOptions): VectorIndex<Name> {
  return Object.freeze({ kind: "vector-index" as const, name, description: options.description ?? "", dimensions: options.dimensions });
}

export function describeVectorIndex(index: VectorIndex): object {
  return { description: index.description, dimensions: index.dimensions };
}

export function checkVectorIndex(index: VectorIndex): readonly Problem[] {
  const isWhole = Number.isInteger(index.dimensions) && index.dimensions >= 1 && index.dimensions <= 65_536;
  return isWhole ? [] : [{ path: `vectorIndexes.${index.name}.dimensions`, message: `${index.dimensions} is not a whole number from 1 to 65,536`, code: "out-of-range" }];
}
