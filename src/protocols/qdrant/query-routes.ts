/** Asking: query, search, recommend and discover, alone, in batches and in groups; scroll, count and facets. */
import { compareIds, orderedSlots, parseFilter, parsePath, slotsById, valuesAt, visitBits } from "../../data/index.ts";
import type { IndexPoints, QueryRequest, ScoredSlot } from "../../data/index.ts";
import { invalid } from "./envelope.ts";
import { recordOf, shownOf } from "./point-routes.ts";
import type { Shown } from "./point-routes.ts";
import type { QdrantCall, QdrantParts, QdrantRoute } from "./qdrant-route.ts";
import { idOf, listOf, objectOf, wholeNumber } from "./wire-points.ts";
import type { Json } from "./wire-points.ts";
import { commonOf, discoverOf, orderOf, recommendOf, requestOf, searchOf } from "./wire-query.ts";
import type { EmbedQuery } from "./wire-query.ts";

type RequestReader = (body: Json, embed: EmbedQuery) => Promise<QueryRequest>;

const READERS = {
  query: requestOf, search: searchOf,
  recommend: async (body, embed) => ({ ...commonOf(body), query: await recommendOf(body, embed) }),
  discover: async (body, embed) => ({ ...commonOf(body), query: await discoverOf(body, embed) }),
} as const satisfies Record<string, RequestReader>;

/** So many hits are looked through for groups, and then ten times as many. */
const GROUP_HITS = 1_000;

export function queryRoutes(parts: QdrantParts): readonly QdrantRoute[] {
  const { indexes } = parts;
  const ask = async (name: string, body: Json, read: RequestReader): Promise<readonly Json[]> => {
    const request = await read(body, (text) => parts.embed(name, text));
    const { hits } = indexes.query(name, request);
    const { points } = indexes.index(name);
    return hits.map((hit) => scoredRecord(points, hit, shownOf(body, false)));
  };
  const single = (kind: keyof typeof READERS) => async ({ parameters, body }: QdrantCall) => {
    const points = await ask(parameters["name"]!, body(), READERS[kind]);
    return kind === "query" ? { points } : points;
  };
  const batch = (kind: keyof typeof READERS) => ({ parameters, body }: QdrantCall) => Promise.all(listOf(body()["searches"], "searches").map(async (one) => {
    const points = await ask(parameters["name"]!, objectOf(one, "a search"), READERS[kind]);
    return kind === "query" ? { points } : points;
  }));
  const groups = (kind: keyof typeof READERS) => async ({ parameters, body }: QdrantCall) => {
    const name = parameters["name"]!, given = body();
    const request = await READERS[kind](given, (text) => parts.embed(name, text));
    return { groups: groupHits(parts, name, { body: given, request }) };
  };
  const routes = Object.keys(READERS) as (keyof typeof READERS)[];
  return [
    ...routes.map((kind): QdrantRoute => ["POST", `/collections/:name/points/${kind}`, single(kind)]),
    ...routes.map((kind): QdrantRoute => ["POST", `/collections/:name/points/${kind}/batch`, batch(kind)]),
    ...routes.map((kind): QdrantRoute => ["POST", `/collections/:name/points/${kind}/groups`, groups(kind)]),
    ["POST", "/collections/:name/points/scroll", ({ parameters, body }) => scroll(indexes.index(parameters["name"]!).points, body())],
    ["POST", "/collections/:name/points/count", ({ parameters, body }) => {
      let count = 0;
      visitBits(indexes.index(parameters["name"]!).points.find(parseFilter(body()["filter"])), () => { count++; });
      return { count };
    }],
    ["POST", "/collections/:name/facet", ({ parameters, body }) => facet(indexes.index(parameters["name"]!).points, body())],
  ];
}

function scoredRecord(points: IndexPoints, { slot, score, orderValue }: ScoredSlot, shown: Shown): Json {
  const { id, ...rest } = recordOf(points, slot, shown);
  return { id, version: 0, score, ...rest, ...(orderValue !== undefined && { order_value: orderValue }) };
}

/** Hits by the value of a field, best first; a point with several values stands in several groups. */
function groupHits({ indexes }: QdrantParts, name: string, { body, request }: { readonly body: Json; readonly request: QueryRequest }): readonly unknown[] {
  if (typeof body["group_by"] !== "string") throw invalid("group_by must be a text");
  const path = parsePath(body["group_by"]), size = wholeNumber(body["group_size"], "group_size", 3);
  const { points } = indexes.index(name);
  const shown = shownOf(body, false);
  for (let hits = Math.max(GROUP_HITS, request.limit * size * 10); ; hits *= 10) {
    const found = indexes.query(name, { ...request, limit: hits, offset: 0 });
    const groups = new Map<unknown, ScoredSlot[]>();
    for (const hit of found.hits) {
      for (const value of new Set(valuesAt(points.payload(hit.slot), path) ?? [])) {
        if (typeof value !== "string" && typeof value !== "number") continue;
        const group = groups.get(value) ?? (groups.size < request.limit ? [] : undefined);
        if (group === undefined) continue;
        groups.set(value, group);
        if (group.length < size) group.push(hit);
      }
    }
    const isFull = groups.size >= request.limit && [...groups.values()].every((group) => group.length >= size);
    if (isFull || found.hits.length < hits) return [...groups].map(([id, group]) => ({ id, hits: group.map((hit) => scoredRecord(points, hit, shown)) }));
  }
}

function scroll(points: IndexPoints, body: Json): unknown {
  const limit = wholeNumber(body["limit"], "limit", 10);
  if (limit < 1) throw invalid("limit must be at least 1");
  const allowed = points.find(parseFilter(body["filter"])), shown = shownOf(body, true);
  if (body["order_by"] !== undefined && body["order_by"] !== null) {
    const hits = orderedSlots(points, allowed, orderOf(body["order_by"])).slice(0, limit);
    return { points: hits.map(({ slot, orderValue }) => ({ ...recordOf(points, slot, shown), order_value: orderValue })), next_page_offset: null };
  }
  const from = body["offset"] === undefined || body["offset"] === null ? undefined : idOf(body["offset"]);
  const slots = slotsById(points, allowed).filter((slot) => from === undefined || compareIds(points.id(slot)!, from) >= 0);
  return { points: slots.slice(0, limit).map((slot) => recordOf(points, slot, shown)), next_page_offset: slots.length > limit ? points.id(slots[limit]!) : null };
}

function facet(points: IndexPoints, body: Json): unknown {
  if (typeof body["key"] !== "string") throw invalid("key must be a text");
  const path = parsePath(body["key"]), limit = wholeNumber(body["limit"], "limit", 10);
  const counts = new Map<unknown, number>();
  visitBits(points.find(parseFilter(body["filter"])), (slot) => {
    for (const value of new Set(valuesAt(points.payload(slot), path) ?? [])) if (["string", "number", "boolean"].includes(typeof value)) counts.set(value, (counts.get(value) ?? 0) + 1);
  });
  const hits = [...counts].map(([value, count]) => ({ value, count })).toSorted((a, b) => b.count - a.count || (String(a.value) < String(b.value) ? -1 : 1));
  return { hits: hits.slice(0, limit) };
}
