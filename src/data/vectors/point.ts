/** Points: an id, a payload, and vectors by name. The unnamed vector has the name "". */

/** A whole number from 0 on, or a UUID in lower case. */
export type PointId = number | string;
export type Payload = Readonly<Record<string, unknown>>;

export interface SparseVector {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

export type PointVector = Float32Array | SparseVector;

export interface Point {
  readonly id: PointId;
  readonly payload: Payload;
  readonly vectors: ReadonlyMap<string, PointVector>;
}

export function isSparse(vector: PointVector): vector is SparseVector {
  return !(vector instanceof Float32Array);
}

/** Points in the order that scrolling shows: numbers by size, then UUIDs by their text. */
export function compareIds(a: PointId, b: PointId): number {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
