/** What can be asked of an index: a tree of queries, as Qdrant's `points/query` has it, and keyword search. */
import type { Filter } from "./filter.ts";
import type { PointId, SparseVector } from "./point.ts";

/** A vector, or the id of a point that has one. */
export type VectorInput = readonly number[] | SparseVector | PointId;

export interface ContextPair {
  readonly positive: VectorInput;
  readonly negative: VectorInput;
}

export type RecommendStrategy = "average_vector" | "best_score" | "sum_scores";

export type Query =
  | { readonly kind: "nearest"; readonly vector: VectorInput }
  | { readonly kind: "recommend"; readonly positive: readonly VectorInput[]; readonly negative: readonly VectorInput[]; readonly strategy: RecommendStrategy }
  | { readonly kind: "discover"; readonly target: VectorInput; readonly context: readonly ContextPair[] }
  | { readonly kind: "context"; readonly context: readonly ContextPair[] }
  | { readonly kind: "order"; readonly key: string; readonly isDescending: boolean; /** Where to begin. */ readonly startFrom?: number }
  | { readonly kind: "fusion"; readonly method: "rrf" | "dbsf"; readonly rankConstant?: number }
  | { readonly kind: "sample" }
  /** BM25 over text fields; all that are indexed when none are named. */
  | { readonly kind: "keywords"; readonly text: string; readonly fields?: readonly string[] };

export interface QueryRequest {
  readonly query?: Query;
  readonly prefetch?: readonly QueryRequest[];
  /** Name of the vector; "" when absent. */
  readonly using?: string;
  readonly filter?: Filter;
  readonly limit: number;
  readonly offset?: number;
  readonly scoreThreshold?: number;
  readonly exact?: boolean;
  readonly efSearch?: number;
  /** Where ids of points are looked up, when not in this index. */
  readonly lookup?: { readonly index: string; readonly vector?: string };
}

export interface ScoredSlot {
  readonly slot: number;
  readonly score: number;
  readonly orderValue?: number;
}

export interface Scored {
  readonly hits: readonly ScoredSlot[];
  /** How it was found: one sentence per vector search. */
  readonly plan: readonly string[];
}
