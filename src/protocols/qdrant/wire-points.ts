/** Points, ids and vectors between Qdrant's JSON and the index. Vectors are checked by hand: they are most of a body. */
import { StrataError } from "../../kernel/errors.ts";
import { isSparseVector, parseFilter } from "../../data/index.ts";
import type { IndexPoints, IndexSettings, Payload, Point, PointId, PointVector, PointsChosen, SparseVector } from "../../data/index.ts";
import { invalid } from "./envelope.ts";

const UUID = /^(?:urn:uuid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i;

export type Json = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown, what: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid(`${what} must be an object`);
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw invalid(`${what} must be a list`);
}

export function wholeNumber(value: unknown, what: string, fallback?: number): number {
  if ((value === undefined || value === null) && fallback !== undefined) return fallback;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`${what} must be a whole number from 0 on`);
}

export function idOf(value: unknown): PointId {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const parts = typeof value === "string" ? UUID.exec(value) : null;
  if (parts) return parts.slice(1).join("-").toLowerCase();
  throw invalid(`value ${JSON.stringify(value)} is not a valid point ID, valid values are either an unsigned integer or a UUID`);
}

export function isId(value: unknown): boolean {
  return typeof value === "number" || typeof value === "string";
}

function floatsOf(value: readonly unknown[], dimensions: number): Float32Array {
  if (value.length !== dimensions) throw new StrataError("VECTOR_DIMENSION_WRONG", { expected: dimensions, given: value.length });
  const vector = new Float32Array(dimensions);
  for (let i = 0; i < dimensions; i++) {
    const number = value[i];
    if (typeof number !== "number" || !Number.isFinite(Math.fround(number))) throw invalid(Array.isArray(number) ? "lists of vectors per point (multivectors) are not supported" : `a vector holds ${JSON.stringify(number)}, which is no 32-bit number`);
    vector[i] = number;
  }
  return vector;
}

export function sparseOf(value: unknown): SparseVector {
  const { indices, values } = objectOf(value, "a sparse vector");
  const at = listOf(indices, "indices"), weights = listOf(values, "values");
  if (at.length !== weights.length) throw invalid("a sparse vector has as many indices as values");
  if (!at.every((index) => typeof index === "number" && Number.isInteger(index) && index >= 0 && index < 2 ** 32)) throw invalid("indices are whole numbers below 2^32");
  if (!weights.every((weight) => typeof weight === "number" && Number.isFinite(weight))) throw invalid("the values of a sparse vector are numbers");
  if (new Set(at).size !== at.length) throw invalid("the indices of a sparse vector must be unique");
  return { indices: at as readonly number[], values: weights as readonly number[] };
}

function namedVector(name: string, value: unknown, settings: IndexSettings): PointVector {
  const dense = settings.vectors[name];
  if (dense) return floatsOf(listOf(value, `vector "${name}"`), dense.dimensions);
  if (settings.sparse[name]) return sparseOf(value);
  throw new StrataError("VECTOR_NAME_UNKNOWN", { name, known: [...Object.keys(settings.vectors), ...Object.keys(settings.sparse)].map((known) => `"${known}"`).join(", ") || "none" });
}

/** One vector for the unnamed one, or an object of named ones. */
export function vectorsOf(value: unknown, settings: IndexSettings): Map<string, PointVector> {
  if (value === undefined || value === null) return new Map();
  if (Array.isArray(value)) return new Map([["", namedVector("", value, settings)]]);
  return new Map(Object.entries(objectOf(value, "vector")).map(([name, vector]) => [name, namedVector(name, vector, settings)]));
}

function payloadOf(value: unknown): Payload {
  return value === undefined || value === null ? {} : objectOf(value, "payload");
}

/** Both forms of an upsert: a list of points, or ids, vectors and payloads side by side. */
export function pointsOf(body: Json, settings: IndexSettings): readonly Point[] {
  if (body["batch"] !== undefined) {
    const { ids, vectors, payloads } = objectOf(body["batch"], "batch");
    const all = listOf(ids, "ids");
    const vectorAt = (i: number): unknown => (Array.isArray(vectors) ? vectors[i] : Object.fromEntries(Object.entries(objectOf(vectors, "vectors")).map(([name, list]) => [name, listOf(list, name)[i]])));
    const count = Array.isArray(vectors) ? vectors.length : all.length;
    if (count !== all.length) throw invalid("ids and vectors must have the same length");
    return all.map((id, i) => ({ id: idOf(id), vectors: vectorsOf(vectorAt(i), settings), payload: payloadOf(Array.isArray(payloads) ? payloads[i] : undefined) }));
  }
  return listOf(body["points"], "points").map((given) => {
    const { id, vector, payload } = objectOf(given, "a point");
    return { id: idOf(id), vectors: vectorsOf(vector, settings), payload: payloadOf(payload) };
  });
}

export function chosenOf(body: Json): PointsChosen {
  if (Array.isArray(body["points"])) return { ids: body["points"].map(idOf) };
  const filter = parseFilter(body["filter"]);
  if (filter) return { filter };
  throw invalid("points or a filter must say which points are meant");
}

export type Selector = boolean | readonly string[] | { readonly include?: readonly string[]; readonly exclude?: readonly string[] };

export function vectorsShown(points: IndexPoints, slot: number, selector: unknown): unknown {
  if (selector === undefined || selector === null || selector === false) return undefined;
  const wanted = Array.isArray(selector) ? selector as readonly string[] : [...points.dense.keys(), ...points.sparse.keys()];
  const shown = Object.fromEntries(wanted.flatMap((name) => {
    const vector = points.vector(slot, name);
    return vector === undefined ? [] : [[name, isSparseVector(vector) ? vector : [...vector]]];
  }));
  return points.dense.size === 1 && points.sparse.size === 0 && points.dense.has("") && !Array.isArray(selector) ? shown[""] ?? {} : shown;
}
