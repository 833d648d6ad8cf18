/** Answers a query over the points of one index: filter first, then vectors, words or both. Reads only. */
import { StrataError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import type { RowBits, VectorRows } from "../../ports/vector-index.ts";
import { timeOf } from "./condition-predicate.ts";
import { contextScores, discoverScores, recommendScores } from "./example-scores.ts";
import { fuseByDistribution, fuseByRank } from "./fusion.ts";
import type { IndexPoints } from "./index-points.ts";
import { parsePath, valuesAt } from "./payload-path.ts";
import { compareIds, isSparse } from "./point.ts";
import type { PointVector, SparseVector } from "./point.ts";
import type { PostingIndex } from "./posting-index.ts";
import type { ContextPair, Query, QueryRequest, Scored, ScoredSlot, VectorInput } from "./query.ts";
import { addBit, countBits, emptyBits, keepCommon, removeBit, visitBits } from "./row-bits.ts";

export interface QueryContext {
  readonly points: IndexPoints;
  readonly random: Random;
  /** Points of another index, for `lookup`. */
  readonly other: (index: string) => IndexPoints;
}

/** REQUEST_INVALID, POINT_NOT_FOUND, VECTOR_NAME_UNKNOWN, VECTOR_DIMENSION_WRONG. */
export function runQuery(context: QueryContext, request: QueryRequest): Scored {
  const prefetched = (request.prefetch ?? []).map((inner) => runQuery(context, inner));
  const plan = prefetched.flatMap((result) => result.plan);
  const { query } = request;
  if (prefetched.length > 0 && query === undefined) throw invalid("a query is needed to merge prefetches");
  if (query?.kind === "fusion") {
    if (prefetched.length === 0) throw invalid("fusion needs prefetches");
    const rankings = prefetched.map(({ hits }) => hits);
    const fused = query.method === "rrf" ? fuseByRank(rankings, query.rankConstant) : fuseByDistribution(rankings);
    return { hits: page(fused.filter(({ score }) => score >= (request.scoreThreshold ?? -Infinity)), request), plan };
  }
  const allowed = context.points.find(request.filter);
  if (prefetched.length > 0) {
    const merged = emptyBits(context.points.slots);
    for (const { slot } of prefetched.flatMap(({ hits }) => hits)) addBit(merged, slot);
    keepCommon(allowed, merged);
  }
  const isAll = request.filter === undefined && prefetched.length === 0;
  const found = answer(context, request, { allowed, isAll });
  return { hits: page(found.hits, request), plan: [...plan, ...found.plan] };
}

function page<T>(hits: readonly T[], { offset = 0, limit }: QueryRequest): readonly T[] {
  return hits.slice(offset, offset + limit);
}

interface Within {
  readonly allowed: RowBits;
  /** Nothing was filtered out. */
  readonly isAll: boolean;
}

function answer(context: QueryContext, request: QueryRequest, within: Within): Scored {
  const { query } = request;
  if (query === undefined) return { hits: slotsById(context.points, within.allowed).map((slot) => ({ slot, score: 0 })), plan: [] };
  switch (query.kind) {
    case "order": return { hits: orderedSlots(context.points, within.allowed, query), plan: [] };
    case "sample": return { hits: sample(context, within.allowed, request.limit + (request.offset ?? 0)), plan: [] };
    case "keywords": return keywords(context.points, query, { ...within, request });
    case "fusion": throw invalid("fusion needs prefetches");
    default: return byVectors(context, request, { ...within, query });
  }
}

/** In the order of their ids. */
export function slotsById(points: IndexPoints, allowed: RowBits): readonly number[] {
  const slots: number[] = [];
  visitBits(allowed, (slot) => { slots.push(slot); });
  return slots.toSorted((a, b) => compareIds(points.id(a)!, points.id(b)!));
}

/** By the values of a field; a point with several stands there several times. */
export function orderedSlots(points: IndexPoints, allowed: RowBits, { key, isDescending, startFrom }: Extract<Query, { kind: "order" }>): readonly ScoredSlot[] {
  const path = parsePath(key);
  const found: { slot: number; score: number; orderValue: number }[] = [];
  visitBits(allowed, (slot) => {
    for (const value of valuesAt(points.payload(slot), path) ?? []) {
      const orderValue = typeof value === "number" ? value : timeOf(value);
      if (Number.isNaN(orderValue)) continue;
      if (startFrom === undefined || (isDescending ? orderValue <= startFrom : orderValue >= startFrom)) found.push({ slot, score: 0, orderValue });
    }
  });
  const sign = isDescending ? -1 : 1;
  return found.toSorted((a, b) => sign * (a.orderValue - b.orderValue) || compareIds(points.id(a.slot)!, points.id(b.slot)!));
}

function sample({ random }: QueryContext, allowed: RowBits, count: number): readonly ScoredSlot[] {
  const slots: number[] = [];
  visitBits(allowed, (slot) => { slots.push(slot); });
  return random.shuffle(slots).slice(0, count).map((slot) => ({ slot, score: 0 }));
}

function keywords(points: IndexPoints, { text, fields }: Extract<Query, { kind: "keywords" }>, { allowed, request }: Within & { readonly request: QueryRequest }): Scored {
  const names = fields ?? [...points.words.keys()];
  const missing = names.find((name) => !points.words.has(name));
  if (missing !== undefined || names.length === 0) throw invalid(names.length === 0 ? "no text field is indexed" : `field "${missing}" has no text index`);
  const scores = new Map<number, number>();
  for (const name of names) for (const [slot, score] of points.words.get(name)!.score(text, allowed)) scores.set(slot, (scores.get(slot) ?? 0) + score);
  return { hits: ranked(points, scores, request), plan: [`keywords: ${scores.size} points have one of the words`] };
}

function ranked(points: IndexPoints, scores: ReadonlyMap<number, number>, { scoreThreshold = -Infinity }: QueryRequest): readonly ScoredSlot[] {
  return [...scores].map(([slot, score]) => ({ slot, score })).filter(({ score }) => score >= scoreThreshold)
    .toSorted((a, b) => b.score - a.score || compareIds(points.id(a.slot)!, points.id(b.slot)!));
}

type VectorQuery = Extract<Query, { kind: "nearest" | "recommend" | "discover" | "context" }>;

function byVectors(context: QueryContext, request: QueryRequest, { allowed, isAll, query }: Within & { readonly query: VectorQuery }): Scored {
  const { points } = context;
  const name = request.using ?? "";
  const mentioned: number[] = [];
  const resolve = (input: VectorInput): PointVector => resolveInput(context, request, { input, mentioned });
  const pairs = (given: readonly ContextPair[]) => given.map(({ positive, negative }) => ({ positive: resolve(positive), negative: resolve(negative) }));
  const resolved = query.kind === "nearest" ? { ...query, vector: resolve(query.vector) }
    : query.kind === "recommend" ? { ...query, positive: query.positive.map(resolve), negative: query.negative.map(resolve) }
    : query.kind === "discover" ? { ...query, target: resolve(query.target), context: pairs(query.context) } : { ...query, context: pairs(query.context) };
  for (const slot of mentioned) removeBit(allowed, slot);
  const isWhole = isAll && mentioned.length === 0;
  if (resolved.kind === "recommend" && resolved.positive.length + resolved.negative.length === 0) throw invalid("no examples were given");
  if (resolved.kind === "recommend" && resolved.strategy === "average_vector") {
    if (resolved.positive.length === 0) throw invalid("average_vector needs a positive example");
    return nearest(points, request, { name, vector: averageOf(resolved.positive, resolved.negative), allowed, isAll: isWhole });
  }
  if (resolved.kind === "nearest") return nearest(points, request, { name, vector: resolved.vector, allowed, isAll: isWhole });

  const slots: number[] = [];
  visitBits(allowed, (slot) => { if (points.hasVector(slot, name)) slots.push(slot); });
  const close = (vector: PointVector): ArrayLike<number> => closenessOf(points, { name, vector, slots });
  const scores = resolved.kind === "recommend" ? recommendScores(resolved.strategy as "best_score" | "sum_scores", { positive: resolved.positive.map(close), negative: resolved.negative.map(close), count: slots.length })
    : resolved.kind === "discover" ? discoverScores(close(resolved.target), resolved.context.map(({ positive, negative }) => ({ positive: close(positive), negative: close(negative) })))
    : contextScores(resolved.context.map(({ positive, negative }) => ({ positive: close(positive), negative: close(negative) })), slots.length);
  return { hits: ranked(points, new Map(slots.map((slot, i) => [slot, scores[i]!])), request), plan: [`${query.kind}: ${slots.length} points were compared with every example`] };
}

function nearest(points: IndexPoints, request: QueryRequest, { name, vector, allowed, isAll }: Within & { readonly name: string; readonly vector: PointVector }): Scored {
  if (isSparse(vector)) {
    const scores = sparseScores(points, { name, vector, allowed });
    return { hits: ranked(points, scores, request), plan: [`sparse: ${scores.size} points share an index with the query`] };
  }
  const rows = denseRows(points, name, vector);
  const isDistance = rows.options.distance === "euclid" || rows.options.distance === "manhattan";
  const { scoreThreshold, exact, efSearch, limit, offset = 0 } = request;
  const found = rows.search(vector, {
    k: limit + offset, ...(!isAll && { allowed: { bits: allowed, count: countBits(allowed) } }), ...(exact && { exact }), ...(efSearch !== undefined && { efSearch }),
    ...(scoreThreshold !== undefined && { minimum: isDistance ? -scoreThreshold : scoreThreshold }),
  });
  return { hits: found.rows.map((slot, i) => ({ slot, score: isDistance ? Math.abs(found.closeness[i]!) : found.closeness[i]! })), plan: [`${found.plan.way}: ${found.plan.reason}`] };
}

function denseRows(points: IndexPoints, name: string, vector: Float32Array): VectorRows {
  const rows = points.dense.get(name);
  if (rows === undefined) throw unknownVector(points, name);
  const { dimensions } = rows.options;
  if (vector.length !== dimensions) throw new StrataError("VECTOR_DIMENSION_WRONG", { expected: dimensions, given: vector.length });
  return rows;
}

function sparsePostings(points: IndexPoints, name: string): PostingIndex<number> {
  const postings = points.sparse.get(name);
  if (postings === undefined) throw unknownVector(points, name);
  return postings;
}

function sparseScores(points: IndexPoints, { name, vector, allowed }: { readonly name: string; readonly vector: SparseVector; readonly allowed: RowBits | undefined }): Map<number, number> {
  const postings = sparsePostings(points, name);
  const usesIdf = points.settings.sparse[name]!.usesIdf;
  const idf = (index: number): number => (usesIdf ? Math.log(1 + (points.count - postings.frequency(index) + 0.5) / (postings.frequency(index) + 0.5)) : 1);
  const weights = new Map(vector.indices.map((index, i) => [index, vector.values[i]! * idf(index)]));
  return postings.score(weights.keys(), (index, value) => weights.get(index)! * value, allowed);
}

/** As comparisons of examples use it: squared for Euclid, as Qdrant does. */
function closenessOf(points: IndexPoints, { name, vector, slots }: { readonly name: string; readonly vector: PointVector; readonly slots: readonly number[] }): ArrayLike<number> {
  if (isSparse(vector)) {
    const scores = sparseScores(points, { name, vector, allowed: undefined });
    return slots.map((slot) => scores.get(slot) ?? 0);
  }
  const rows = denseRows(points, name, vector);
  const close = rows.closeness(vector, slots);
  return rows.options.distance === "euclid" ? close.map((value) => -(value ** 2)) : close;
}

function resolveInput({ points, other }: QueryContext, request: QueryRequest, { input, mentioned }: { readonly input: VectorInput; readonly mentioned: number[] }): PointVector {
  if (typeof input === "object") return Array.isArray(input) ? Float32Array.from(input as readonly number[]) : input as SparseVector;
  const source = request.lookup ? other(request.lookup.index) : points;
  const name = request.lookup?.vector ?? request.using ?? "";
  const slot = source.slotOf(input);
  const vector = slot === undefined ? undefined : source.vector(slot, name);
  if (vector === undefined) throw new StrataError("POINT_NOT_FOUND", { id: input, reason: slot === undefined ? "there is none with this id" : `it has no vector "${name}"` });
  if (source === points) mentioned.push(slot!);
  return vector;
}

/** The mean of the positive ones, moved away from the mean of the negative ones. */
function averageOf(positive: readonly PointVector[], negative: readonly PointVector[]): PointVector {
  if ([...positive, ...negative].some(isSparse)) return averageSparse(positive as readonly SparseVector[], negative as readonly SparseVector[]);
  const mean = (vectors: readonly Float32Array[]): Float64Array => Float64Array.from(vectors[0] ?? [], (_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);
  const towards = mean(positive as readonly Float32Array[]);
  if (negative.length === 0) return Float32Array.from(towards);
  const away = mean(negative as readonly Float32Array[]);
  return Float32Array.from(towards, (value, i) => 2 * value - away[i]!);
}

function averageSparse(positive: readonly SparseVector[], negative: readonly SparseVector[]): SparseVector {
  const sums = new Map<number, number>();
  const add = (vectors: readonly SparseVector[], factor: number): void => {
    for (const { indices, values } of vectors) indices.forEach((index, i) => sums.set(index, (sums.get(index) ?? 0) + (factor * values[i]!) / vectors.length));
  };
  add(positive, negative.length > 0 ? 2 : 1);
  add(negative, -1);
  return { indices: [...sums.keys()], values: [...sums.values()] };
}

function unknownVector(points: IndexPoints, name: string): StrataError {
  return new StrataError("VECTOR_NAME_UNKNOWN", { name, known: [...points.dense.keys(), ...points.sparse.keys()].map((known) => `"${known}"`).join(", ") || "none" });
}

function invalid(reason: string): StrataError {
  return new StrataError("REQUEST_INVALID", { reason: `The query is not valid: ${reason}.` });
}

