/** Vector indexes in Strata's own words: list, show, search by vector, text, words or id, upsert, snapshots. */
import { z } from "zod";
import { parseFilter, pointIdOf } from "../../data/index.ts";
import type { LearnedIndex, Point, PointId, QueryRequest, SnapshotDescription, VectorIndexes, VectorQuery } from "../../data/index.ts";
import { StrataError } from "../../kernel/errors.ts";

export const vectorSearchRequest = z.strictObject({
  vector: z.array(z.number()).optional(), text: z.string().optional(), id: z.union([z.string(), z.number()]).optional(), keywords: z.string().optional(),
  using: z.string().optional(), filter: z.unknown().optional(), limit: z.int().min(1).max(10_000).default(10), exact: z.boolean().optional(),
});
export type VectorSearchRequest = z.output<typeof vectorSearchRequest>;

export const vectorPoint = z.strictObject({
  id: z.union([z.string(), z.number()]), vector: z.array(z.number()).optional(), text: z.string().optional(), payload: z.record(z.string(), z.unknown()).default({}),
});
export type VectorPointRequest = z.output<typeof vectorPoint>;

export interface VectorIndexSummary {
  readonly index: string;
  readonly points: number;
  readonly isDefined: boolean;
  readonly vectors: Readonly<Record<string, { readonly dimensions: number; readonly distance: string; readonly linked: number; readonly isBuilding: boolean; readonly memoryBytes: number }>>;
  readonly sparse: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
  readonly aliases: readonly string[];
  /** Why nothing of it is served. */
  readonly problem?: string;
}

export interface VectorSearchResult {
  readonly index: string;
  readonly hits: readonly { readonly id: PointId; readonly score: number; readonly payload: Readonly<Record<string, unknown>> }[];
  /** How it was found. */
  readonly plan: readonly string[];
}

export interface VectorDesk {
  list(): readonly VectorIndexSummary[];
  show(index: string): VectorIndexSummary;
  search(index: string, request: VectorSearchRequest): Promise<VectorSearchResult>;
  upsert(index: string, points: readonly VectorPointRequest[]): Promise<{ readonly upserted: number; readonly points: number }>;
  /** Learns the vectors of an index from its stream. */
  train(index: string, signal: AbortSignal): Promise<LearnedIndex>;
  snapshots(index: string): readonly SnapshotDescription[];
  snapshot(index: string): Promise<SnapshotDescription>;
}

export interface VectorDeskOptions {
  readonly indexes: VectorIndexes;
  readonly embed: (index: string, text: string) => Promise<readonly number[]>;
  readonly isDefined: (index: string) => boolean;
  /** Points of everything that its stream holds now. */
  readonly caughtUp: (index: string) => Promise<void>;
  readonly train: (index: string, signal: AbortSignal) => Promise<LearnedIndex>;
}

export function createVectorDesk({ indexes, embed, isDefined, caughtUp, train }: VectorDeskOptions): VectorDesk {
  const show = (name: string): VectorIndexSummary => {
    const { points, name: index } = indexes.index(name);
    const { settings } = points;
    return {
      index, points: points.count, isDefined: isDefined(index), sparse: Object.keys(settings.sparse), fields: settings.fields,
      vectors: Object.fromEntries([...points.dense].map(([vector, rows]) => {
        const { linked, isMaintaining, memoryBytes } = rows.statistics();
        return [vector, { dimensions: rows.options.dimensions, distance: rows.options.distance, linked, isBuilding: isMaintaining, memoryBytes }];
      })),
      aliases: [...indexes.aliases()].filter(([, target]) => target === index).map(([alias]) => alias),
    };
  };
  return {
    show,
    list: () => [
      ...indexes.names().map(show),
      ...[...indexes.lost()].map(([index, problem]) => ({ index, points: 0, isDefined: isDefined(index), vectors: {}, sparse: [], fields: {}, aliases: [], problem })),
    ],
    search: async (name, request) => {
      const { index } = show(name);
      await caughtUp(index);
      const asked = await queryOf(index, request, embed);
      const { hits, plan } = indexes.query(index, asked);
      const { points } = indexes.index(index);
      return { index, plan, hits: hits.map(({ slot, score }) => ({ id: points.id(slot)!, score, payload: points.payload(slot) })) };
    },
    upsert: async (name, given) => {
      const { points: { settings } } = indexes.index(name);
      const dimensions = settings.vectors[""]?.dimensions;
      const points = await Promise.all(given.map(async ({ id, vector, text, payload }): Promise<Point> => {
        const numbers = vector ?? (text === undefined ? undefined : await embed(name, text));
        if (numbers !== undefined && numbers.length !== dimensions) throw new StrataError("VECTOR_DIMENSION_WRONG", { expected: dimensions ?? "none", given: numbers.length });
        return { id: pointIdOf(id), payload, vectors: numbers === undefined ? new Map() : new Map([["", Float32Array.from(numbers)]]) };
      }));
      await indexes.change(name, { kind: "upsert", points });
      return { upserted: points.length, points: indexes.index(name).points.count };
    },
    train: (name, signal) => train(show(name).index, signal),
    snapshots: (name) => indexes.snapshots.list(name),
    snapshot: (name) => indexes.snapshots.create(name),
  };
}

/** Several ways to ask at once are fused by rank: words beside nearness is hybrid search. */
async function queryOf(index: string, { vector, text, id, keywords, using, filter, limit, exact }: VectorSearchRequest, embed: VectorDeskOptions["embed"]): Promise<QueryRequest> {
  const queries: VectorQuery[] = [
    ...(vector === undefined ? [] : [{ kind: "nearest" as const, vector }]),
    ...(text === undefined ? [] : [{ kind: "nearest" as const, vector: await embed(index, text) }]),
    ...(id === undefined ? [] : [{ kind: "nearest" as const, vector: pointIdOf(id) }]),
    ...(keywords === undefined ? [] : [{ kind: "keywords" as const, text: keywords }]),
  ];
  const parsed = parseFilter(filter);
  const shared = { ...(parsed && { filter: parsed }), ...(using !== undefined && { using }), ...(exact !== undefined && { exact }) };
  if (queries.length === 1) return { ...shared, limit, query: queries[0]! };
  if (queries.length === 0) throw new StrataError("REQUEST_INVALID", { reason: "Give a vector, a text, an id or keywords to search by." });
  return { limit, query: { kind: "fusion", method: "rrf" }, prefetch: queries.map((query) => ({ ...shared, query, limit: Math.max(100, limit * 2) })) };
}
