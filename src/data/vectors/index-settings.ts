/** What an index is made of, as plain data: it stands in the log and in the catalog. */
import type { HnswParameters, VectorDistance } from "../../ports/vector-index.ts";

export type FieldType = "keyword" | "integer" | "float" | "bool" | "datetime" | "uuid" | "geo" | "text";

export interface DenseSettings {
  readonly dimensions: number;
  readonly distance: VectorDistance;
  readonly hnsw: HnswParameters;
}

export interface SparseSettings {
  /** Weighs query values by how rare their index is. */
  readonly usesIdf: boolean;
}

export interface IndexSettings {
  readonly vectors: Readonly<Record<string, DenseSettings>>;
  readonly sparse: Readonly<Record<string, SparseSettings>>;
  /** Payload fields that are indexed: path to type. */
  readonly fields: Readonly<Record<string, FieldType>>;
  /** A graph is built from so many points on; the engine decides when absent. */
  readonly graphFromRows?: number;
  /** What the caller said beside that, to be shown again. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export const DEFAULT_HNSW: HnswParameters = { m: 16, efConstruction: 128, efSearch: 128 };
