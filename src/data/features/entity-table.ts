/** Where each entity of a store is, by its number, in columns: a few bytes each for millions of entities. */

export const NO_CHUNK = -1;
export const NOT_SPILLED = -1;

export interface EntityTable {
  /** First row and log2 of the rows of the chunk, NO_CHUNK for none. */
  chunks: Int32Array;
  sizes: Int8Array;
  /** First live row, live rows, and how many of those are in order with tiles built. */
  starts: Int32Array;
  counts: Int32Array;
  settled: Int32Array;
  /** Number of the entity's bytes in the spill store, NOT_SPILLED for none; its rows and latest event then. */
  spilled: Int32Array;
  spilledRows: Int32Array;
  spilledLatestMs: Float64Array;
  /** 1 = asked for since the spill last looked. */
  touched: Uint8Array;
}

/** Bytes per entity. */
export const TABLE_BYTES = 34;

export function createTable(size: number): EntityTable {
  return {
    chunks: new Int32Array(size), sizes: new Int8Array(size).fill(NO_CHUNK),
    starts: new Int32Array(size), counts: new Int32Array(size), settled: new Int32Array(size),
    spilled: new Int32Array(size).fill(NOT_SPILLED), spilledRows: new Int32Array(size), spilledLatestMs: new Float64Array(size), touched: new Uint8Array(size),
  };
}

/** Twice as many entities; what is there stays. */
export function growTable(table: EntityTable): void {
  const larger = createTable(table.chunks.length * 2);
  for (const column of Object.keys(larger) as (keyof EntityTable)[]) larger[column].set(table[column]); // its own keys
  Object.assign(table, larger);
}
