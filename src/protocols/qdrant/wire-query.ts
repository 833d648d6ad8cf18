/** Qdrant's query language as queries over an index. Text is embedded first, where the index has an embedding. */
import { parseFilter, timeOf } from "../../data/index.ts";
import type { ContextPair, QueryRequest, RecommendStrategy, VectorInput, VectorQuery as Query } from "../../data/index.ts";
import { invalid } from "./envelope.ts";
import { idOf, isId, listOf, objectOf, sparseOf, wholeNumber } from "./wire-points.ts";
import type { Json } from "./wire-points.ts";

/** Text to a vector, by the index's own embedding. */
export type EmbedQuery = (text: string) => Promise<readonly number[]>;

const MAX_LIMIT = 100_000;

async function inputOf(value: unknown, embed: EmbedQuery): Promise<VectorInput> {
  if (isId(value)) return idOf(value);
  if (Array.isArray(value)) {
    if (value.every((number) => typeof number === "number" && Number.isFinite(number))) return value as readonly number[];
    throw invalid("a query vector is a list of numbers");
  }
  const object = objectOf(value, "a query vector");
  if (typeof object["text"] === "string") return embed(object["text"]);
  return sparseOf(object);
}

async function pairsOf(value: unknown, embed: EmbedQuery): Promise<readonly ContextPair[]> {
  const pairs = value === undefined || value === null ? [] : Array.isArray(value) ? value as readonly unknown[] : [value];
  return Promise.all(pairs.map(async (pair) => {
    const { positive, negative } = objectOf(pair, "a context pair");
    return { positive: await inputOf(positive, embed), negative: await inputOf(negative, embed) };
  }));
}

export async function recommendOf({ positive, negative, strategy }: Json, embed: EmbedQuery): Promise<Query> {
  const all = (value: unknown) => Promise.all((value === undefined || value === null ? [] : listOf(value, "examples")).map((one) => inputOf(one, embed)));
  if (strategy !== undefined && strategy !== null && !["average_vector", "best_score", "sum_scores"].includes(strategy as string)) throw invalid(`there is no strategy ${JSON.stringify(strategy)}`);
  return { kind: "recommend", positive: await all(positive), negative: await all(negative), strategy: (strategy ?? "average_vector") as RecommendStrategy };
}

export async function discoverOf({ target, context }: Json, embed: EmbedQuery): Promise<Query> {
  const pairs = await pairsOf(context, embed);
  return target === undefined || target === null ? { kind: "context", context: pairs } : { kind: "discover", target: await inputOf(target, embed), context: pairs };
}

export function orderOf(value: unknown): Extract<Query, { kind: "order" }> {
  const { key, direction, start_from: startFrom } = typeof value === "string" ? { key: value, direction: undefined, start_from: undefined } : objectOf(value, "order_by");
  if (typeof key !== "string") throw invalid("order_by needs a key");
  const start = startFrom === undefined || startFrom === null ? undefined : typeof startFrom === "number" ? startFrom : timeOf(startFrom);
  return { kind: "order", key, isDescending: direction === "desc", ...(start !== undefined && { startFrom: start }) };
}

async function queryOf(value: unknown, embed: EmbedQuery): Promise<Query | undefined> {
  if (value === undefined || value === null) return undefined;
  if (isId(value) || Array.isArray(value)) return { kind: "nearest", vector: await inputOf(value, embed) };
  const object = objectOf(value, "query");
  if ("nearest" in object) {
    if (object["mmr"] !== undefined && object["mmr"] !== null) throw invalid("mmr is not supported");
    return { kind: "nearest", vector: await inputOf(object["nearest"], embed) };
  }
  if ("recommend" in object) return recommendOf(objectOf(object["recommend"], "recommend"), embed);
  if ("discover" in object) return discoverOf(objectOf(object["discover"], "discover"), embed);
  if ("context" in object) return { kind: "context", context: await pairsOf(object["context"], embed) };
  if ("order_by" in object) return orderOf(object["order_by"]);
  if ("fusion" in object) {
    if (object["fusion"] !== "rrf" && object["fusion"] !== "dbsf") throw invalid(`there is no fusion ${JSON.stringify(object["fusion"])}`);
    return { kind: "fusion", method: object["fusion"] };
  }
  if ("rrf" in object) {
    const { k } = objectOf(object["rrf"], "rrf");
    return { kind: "fusion", method: "rrf", ...(k !== undefined && k !== null && { rankConstant: wholeNumber(k, "k") }) };
  }
  if ("sample" in object) return { kind: "sample" };
  if ("keywords" in object) {
    const { text, fields } = objectOf(object["keywords"], "keywords");
    if (typeof text !== "string") throw invalid("keywords needs a text");
    return { kind: "keywords", text, ...(Array.isArray(fields) && { fields: fields as readonly string[] }) };
  }
  if ("formula" in object) throw invalid("formula is not supported");
  return { kind: "nearest", vector: await inputOf(object, embed) };
}

/** Everything beside the query itself, the same for all ways to ask. */
export function commonOf(body: Json, defaultLimit = 10): Omit<QueryRequest, "query" | "prefetch"> {
  const params = body["params"] === undefined || body["params"] === null ? {} : objectOf(body["params"], "params");
  const filter = parseFilter(body["filter"]);
  const lookup = body["lookup_from"] === undefined || body["lookup_from"] === null ? undefined : objectOf(body["lookup_from"], "lookup_from");
  const limit = wholeNumber(body["limit"], "limit", defaultLimit), offset = wholeNumber(body["offset"], "offset", 0);
  if (limit < 1 || limit > MAX_LIMIT) throw invalid(`limit must be from 1 to ${MAX_LIMIT}`);
  const threshold = body["score_threshold"];
  return {
    limit, offset, ...(filter && { filter }), ...(typeof body["using"] === "string" && { using: body["using"] }),
    ...(typeof threshold === "number" && { scoreThreshold: threshold }), ...(params["exact"] === true && { exact: true }),
    ...(typeof params["hnsw_ef"] === "number" && { efSearch: wholeNumber(params["hnsw_ef"], "hnsw_ef") }),
    ...(lookup && typeof lookup["collection"] === "string" && { lookup: { index: lookup["collection"], ...(typeof lookup["vector"] === "string" && { vector: lookup["vector"] }) } }),
  };
}

export async function requestOf(body: Json, embed: EmbedQuery): Promise<QueryRequest> {
  const query = await queryOf(body["query"], embed);
  const inner = body["prefetch"] === undefined || body["prefetch"] === null ? [] : Array.isArray(body["prefetch"]) ? body["prefetch"] as readonly unknown[] : [body["prefetch"]];
  const prefetch = await Promise.all(inner.map((one) => requestOf(objectOf(one, "prefetch"), embed)));
  return { ...commonOf(body), ...(query && { query }), ...(prefetch.length > 0 && { prefetch }) };
}

/** The older `search`: a vector, or one with the name of where to look. */
export async function searchOf(body: Json, embed: EmbedQuery): Promise<QueryRequest> {
  const { vector } = body;
  const isNamed = typeof vector === "object" && vector !== null && "name" in vector;
  const given = isNamed ? (vector as Json)["vector"] : vector;
  const using = isNamed ? { using: String((vector as Json)["name"]) } : {};
  return { ...commonOf(body), ...using, query: { kind: "nearest", vector: await inputOf(given, embed) } };
}
