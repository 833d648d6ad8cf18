/**
 * What happens to indexes and points, as records of the log `strata_vectors`: everything else is derived from them.
 * A record is a length, JSON, and the dense vectors as 32-bit floats, to which the JSON points.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { Filter } from "./filter.ts";
import type { IndexImage } from "./catalog.ts";
import type { FieldType, IndexSettings } from "./index-settings.ts";
import type { Payload, Point, PointId, PointVector, SparseVector } from "./point.ts";

export type PointsChosen = { readonly ids: readonly PointId[] } | { readonly filter: Filter };

export interface PointVectors {
  readonly id: PointId;
  readonly vectors: ReadonlyMap<string, PointVector>;
}

export type PointOperation =
  | { readonly kind: "upsert"; readonly points: readonly Point[] }
  | { readonly kind: "delete"; readonly chosen: PointsChosen }
  | { readonly kind: "set-payload"; readonly chosen: PointsChosen; readonly payload: Payload; /** Path below which it is set. */ readonly key?: string }
  | { readonly kind: "overwrite-payload"; readonly chosen: PointsChosen; readonly payload: Payload }
  | { readonly kind: "delete-payload"; readonly chosen: PointsChosen; readonly keys: readonly string[] }
  | { readonly kind: "clear-payload"; readonly chosen: PointsChosen }
  | { readonly kind: "update-vectors"; readonly points: readonly PointVectors[] }
  | { readonly kind: "delete-vectors"; readonly chosen: PointsChosen; readonly names: readonly string[] }
  | { readonly kind: "index-field"; readonly field: string; readonly type: FieldType }
  | { readonly kind: "drop-field"; readonly field: string }
  | { readonly kind: "settings"; readonly settings: IndexSettings };

export type CatalogOperation =
  | { readonly kind: "create-index"; readonly settings: IndexSettings }
  | { readonly kind: "drop-index" }
  | { readonly kind: "alias"; readonly alias: string; /** null: the alias is removed. */ readonly target: string | null };

/** The index became what a snapshot holds. */
export interface RestoreOperation {
  readonly kind: "restore";
  readonly image: IndexImage;
}

export type Operation = PointOperation | CatalogOperation | RestoreOperation;

export interface IndexedOperation {
  readonly index: string;
  readonly operation: Operation;
}

type VectorReference = { readonly at: number; readonly length: number } | SparseVector;

/** Point operations replace Maps by plain references; everything else is JSON as it is. */
export function encodeOperation({ index, operation }: IndexedOperation): Uint8Array {
  const floats: Float32Array[] = [];
  let length = 0;
  const refer = (vector: PointVector): VectorReference => {
    if (!(vector instanceof Float32Array)) return vector;
    floats.push(vector);
    length += vector.length;
    return { at: length - vector.length, length: vector.length };
  };
  const plain = "points" in operation
    ? { ...operation, points: operation.points.map((point) => ({ ...point, vectors: Object.fromEntries([...point.vectors].map(([name, vector]) => [name, refer(vector)])) })) }
    : operation;
  const json = Buffer.from(JSON.stringify({ index, operation: plain }));
  const start = Math.ceil((4 + json.length) / 4) * 4;
  const bytes = new Uint8Array(start + length * 4);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  let at = start;
  for (const vector of floats) {
    bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), at);
    at += vector.byteLength;
  }
  return bytes;
}

/** EVENT_UNREADABLE when the bytes are none of ours. */
export function decodeOperation(payload: Uint8Array, offset: number): IndexedOperation {
  try {
    const bytes = new Uint8Array(payload); // its own memory, so that floats are aligned
    const jsonLength = new DataView(bytes.buffer).getUint32(0, true);
    const { index, operation } = JSON.parse(Buffer.from(bytes.buffer, 4, jsonLength).toString()) as { index: string; operation: Operation }; // written by encodeOperation
    if (!("points" in operation)) return { index, operation };
    const floats = new Float32Array(bytes.buffer, Math.ceil((4 + jsonLength) / 4) * 4);
    const vectorOf = (reference: VectorReference): PointVector => ("at" in reference ? floats.slice(reference.at, reference.at + reference.length) : reference);
    const points = operation.points.map((point) => ({ ...point, vectors: new Map(Object.entries(point.vectors as unknown as Record<string, VectorReference>).map(([name, reference]) => [name, vectorOf(reference)])) }));
    return { index, operation: { ...operation, points } as Operation };
  } catch (thrown) {
    throw new StrataError("EVENT_UNREADABLE", { stream: "strata_vectors", offset, reason: thrown instanceof Error ? thrown.message : String(thrown) }, { cause: thrown });
  }
}
