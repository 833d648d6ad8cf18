/** Feast's vector search: /search with the answer of a read, and the same in OpenAI's words below /v1/vector_stores. */
import { createHash } from "node:crypto";
import type { Application } from "../../define/index.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { integer, listOf, number, optional, readBody, table, text, texts, truth } from "./body-check.ts";
import { JSON_TYPE, featureViewNotFound, plainError } from "./feast-error.ts";

/** What Feast's search needs of a vector index; platform code puts one over the index engine. */
export interface FeastDocuments {
  readonly names: () => readonly string[];
  search(index: string, query: { readonly vector: readonly number[]; readonly limit: number }): Promise<readonly FoundDocument[]>;
}

export interface FoundDocument {
  readonly id: string;
  readonly score: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface SearchParts {
  readonly application: () => Application;
  readonly documents?: FeastDocuments;
}

const SEARCH_REQUEST = {
  feature_service: { check: optional(text), otherwise: undefined }, features: { check: texts, otherwise: [] as readonly string[] }, full_feature_names: { check: truth, otherwise: false },
  include_feature_view_version_metadata: { check: truth, otherwise: false }, top_k: { check: optional(integer), otherwise: undefined }, query: { check: optional(listOf(number)), otherwise: undefined },
  query_string: { check: optional(text), otherwise: undefined }, distance_metric: { check: optional(text), otherwise: undefined }, api_version: { check: optional(integer), otherwise: 1 },
  filters: { check: optional(table), otherwise: undefined },
};
const DEFAULT_LIMIT = 10;

/** References are "index:field"; "distance" is always there. */
export async function answerSearch({ application, documents }: SearchParts, request: HttpRequest): Promise<HttpResponse> {
  const { features, query, top_k: limit = DEFAULT_LIMIT } = readBody(request, SEARCH_REQUEST);
  if (features.length === 0) throw plainError("No features specified for retrieval");
  const [index = ""] = features[0]!.split(":");
  if (documents === undefined || !documents.names().includes(index)) {
    if (!application().featureViews.has(index)) throw featureViewNotFound(index, application().name);
    throw plainError("You must enable either vector search or text search in the online store config");
  }
  if (query === undefined) throw plainError("Query vector must be provided");
  const found = await documents.search(index, { vector: query, limit });
  const fields = [...features.map((feature) => feature.slice(feature.indexOf(":") + 1)), "distance"];
  const results = fields.map((field) => {
    const values = found.map(({ id, score, payload }) => (field === "distance" ? score : field === "id" ? id : payload[field] ?? null));
    return { values, statuses: values.map((value) => (value === null ? "NOT_FOUND" : "PRESENT")), event_timestamps: values.map(() => "1970-01-01T00:00:00Z") };
  });
  return { status: 200, headers: JSON_TYPE, body: JSON.stringify({ results, metadata: { feature_names: fields } }) };
}

const STORE_PATH = /^\/v1\/vector_stores(?:\/([^/]+)(\/search)?)?\/?$/;
const STORE_SEARCH_REQUEST = { query: { check: (value: unknown) => value }, max_num_results: { check: optional(integer), otherwise: DEFAULT_LIMIT } };

export async function answerVectorStores({ application, documents }: SearchParts, request: HttpRequest): Promise<HttpResponse> {
  const [match, id, search] = STORE_PATH.exec(request.path) ?? [];
  if (match === undefined) return answer(404, { detail: "Not Found" });
  const allowed = search === undefined ? "GET" : "POST";
  if (request.method !== allowed) return { ...answer(405, { detail: "Method Not Allowed" }), headers: { ...JSON_TYPE, allow: allowed } };
  const project = application().name;
  const stores = (documents?.names() ?? []).map((name) => ({ id: storeId(project, name), object: "vector_store", name, status: "completed", created_at: 0 }));
  if (id === undefined) return answer(200, { object: "list", data: stores });
  const store = stores.find((each) => each.id === id);
  if (store === undefined || documents === undefined) return answer(404, { error: { message: `No vector store found with id '${id}'`, type: "not_found_error" } });
  if (search === undefined) return answer(200, store);
  const { query, max_num_results: limit = DEFAULT_LIMIT } = readBody(request, STORE_SEARCH_REQUEST);
  if (!isVector(query)) return answer(422, { error: { message: "query must be a list of numbers: no embedding model is set up for text", type: "invalid_request_error" } });
  const found = await documents.search(store.name, { vector: query, limit });
  return answer(200, {
    object: "vector_store.search_results.page", search_query: query, has_more: false, next_page: null,
    data: found.map(({ id: file, score, payload }) => ({ file_id: file, filename: store.name, score, attributes: payload, content: [{ type: "text", text: JSON.stringify(payload) }] })),
  });
}

const answer = (status: number, body: unknown): HttpResponse => ({ status, headers: JSON_TYPE, body: JSON.stringify(body) });

const isVector = (value: unknown): value is readonly number[] => Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "number");

/** Feast: "vs_" and the first 24 digits of SHA-256 of "project:view". */
function storeId(project: string, name: string): string {
  return `vs_${createHash("sha256").update(`${project}:${name}`).digest("hex").slice(0, 24)}`;
}
