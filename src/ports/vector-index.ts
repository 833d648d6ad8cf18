/**
 * Vectors of one length in numbered rows, searched by closeness: what an index of points keeps its vectors in.
 *
 * Contract, judged by test/conformance/vector-rows.ts on every engine:
 * - Closeness is larger for what is nearer: dot the product, cosine the product of unit vectors, euclid minus the
 *   distance, manhattan minus the sum of absolute differences. Cosine keeps unit vectors; a zero vector stays zero.
 * - `search` gives the min(k, matching) closest rows of those that are set and allowed, nearest first, equal ones by row.
 *   `exact: true` gives the true ones. Otherwise the engine may approximate, and its plan says how it looked.
 * - A row that was removed is never found, whatever happens at the same time.
 * - A removed row may be set anew only when `canReuse(row)`: until then the engine still walks through it.
 * - `maintain` brings the engine's structures up to date beside reads and writes; it never changes what is set.
 * - `sections` and `restore` carry everything; a section's version changes when its bytes would.
 * - Vectors have the agreed length and finite numbers: the caller checks. No room: VECTOR_MEMORY_FULL. After `close`: CLOSED.
 */

export type VectorDistance = "cosine" | "dot" | "euclid" | "manhattan";

export interface HnswParameters {
  /** Links per row and layer; the lowest layer has twice as many. */
  readonly m: number;
  /** Rows kept in sight while a row is linked. */
  readonly efConstruction: number;
  /** Rows kept in sight while searching, where the engine has not found out itself how many the data need. */
  readonly efSearch: number;
}

export interface VectorRowsOptions {
  readonly dimensions: number;
  readonly distance: VectorDistance;
  readonly hnsw: HnswParameters;
  /** A graph is built when there are so many rows; before, scans are faster. Default: as many as a scan takes about a millisecond for. */
  readonly graphFromRows?: number;
}

/** A set of rows: bit `row & 31` of word `row >> 5`. */
export type RowBits = Uint32Array;

export interface VectorSearch {
  readonly k: number;
  /** Only these rows; all when absent. */
  readonly allowed?: { readonly bits: RowBits; readonly count: number };
  readonly exact?: boolean;
  readonly efSearch?: number;
  /** Rows less close than this are left out. */
  readonly minimum?: number;
}

export interface VectorHits {
  readonly rows: readonly number[];
  readonly closeness: readonly number[];
  readonly plan: VectorPlan;
}

export interface VectorPlan {
  readonly way: "scan" | "graph";
  /** A sentence with the numbers that decided. */
  readonly reason: string;
}

export interface VectorSection {
  readonly key: string;
  readonly version: number;
  bytes(): Uint8Array;
}

export interface VectorRowsStatistics {
  /** Rows that are set. */
  readonly rows: number;
  /** Of them, rows that the graph links. */
  readonly linked: number;
  /** Removed rows that the graph still walks through. */
  readonly removedInGraph: number;
  readonly memoryBytes: number;
  readonly isMaintaining: boolean;
}

export interface VectorRows extends AsyncDisposable {
  readonly options: VectorRowsOptions;
  set(row: number, vector: Float32Array): void;
  remove(row: number): void;
  has(row: number): boolean;
  canReuse(row: number): boolean;
  /** A copy, as kept: of unit length for cosine. undefined where nothing is set. */
  vector(row: number): Float32Array | undefined;
  search(query: Float32Array, search: VectorSearch): VectorHits;
  /** Exact closeness of the query to each of these rows, which are set. */
  closeness(query: Float32Array, rows: readonly number[] | Int32Array): Float32Array;
  statistics(): VectorRowsStatistics;
  /** Whether `maintain` would do something. */
  needsMaintenance(): boolean;
  /** Ends early when the signal fires; what is linked by then stays linked. Sections may be read meanwhile. */
  maintain(signal?: AbortSignal): Promise<void>;
  /** Holds maintenance still while sections are read. */
  hold(): Promise<AsyncDisposable>;
  sections(): readonly VectorSection[];
  /** Into an empty one. Raises STATE_CORRUPT when a section does not fit. */
  restore(key: string, bytes: Uint8Array): void;
  close(): Promise<void>;
}

export interface VectorEngine {
  open(options: VectorRowsOptions): VectorRows;
}
