/**
 * Feast's feature-server HTTP API (feast-dev/feast 0.66, sdk/python/feast/feature_server.py): a Feast client with an
 * online store of type `remote`, and whatever else talks to a Feast server, works against Strata as it is. A feature
 * view is our view, a feature service ours, a push source our stream, a join key the entity's name.
 */
import type { Ingestion, OnlineFeatureReader } from "../../data/index.ts";
import type { Application } from "../../define/index.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { DetailedRefusal, columns, optional, readBody, table, text, texts, truth } from "./body-check.ts";
import type { Detail } from "./body-check.ts";
import { JSON_TYPE, feastErrorResponse, objectNotFound, plainError, pushSourceNotFound } from "./feast-error.ts";
import { resolveFeatures } from "./feature-references.ts";
import { rowsOfFrame } from "./frame-rows.ts";
import type { Frame, FrameTarget } from "./frame-rows.ts";
import { answerMaterialize, answerMaterializeIncremental } from "./materialize.ts";
import type { Materialization } from "./materialize.ts";
import { onlineAnswer } from "./online-answer.ts";
import { questionOf } from "./online-request.ts";
import { answerSearch, answerVectorStores } from "./search.ts";
import type { FeastDocuments } from "./search.ts";

export interface FeastParts {
  readonly application: () => Application;
  readonly reader: OnlineFeatureReader;
  readonly ingestion: Pick<Ingestion, "ingestRows">;
  readonly materialization: Materialization;
  readonly isHealthy: () => boolean;
  /** Vector indexes that can be searched; none: the paths answer as a Feast without vector search. */
  readonly documents?: FeastDocuments;
}

type Handler = (parts: FeastParts, request: HttpRequest) => Promise<HttpResponse> | HttpResponse;

interface FeastRoute {
  readonly method: "GET" | "POST";
  readonly summary: string;
  readonly answer: Handler;
}

const ROUTES: ReadonlyMap<string, FeastRoute> = new Map<string, FeastRoute>([
  ["/get-online-features", { method: "POST", summary: "Feast: features of entities: {features | feature_service, entities}", answer: answerOnline }],
  ["/push", { method: "POST", summary: "Feast: events for a stream: {push_source_name, df}", answer: answerPush }],
  ["/write-to-online-store", { method: "POST", summary: "Feast: values of a view: {feature_view_name, df}", answer: answerWrite }],
  ["/materialize", { method: "POST", summary: "Feast: build views again from the log and the lake: {feature_views?}", answer: (parts, request) => answerMaterialize(parts, request) }],
  ["/materialize-incremental", { method: "POST", summary: "Feast: apply what is durable to views: {end_ts, feature_views?}", answer: (parts, request) => answerMaterializeIncremental(parts, request) }],
  ["/search", { method: "POST", summary: "Feast: nearest documents: {features, query, top_k}", answer: answerSearch }],
  ["/retrieve-online-documents", { method: "POST", summary: "Feast: the older name of /search", answer: answerSearch }],
  ["/health", { method: "GET", summary: "Feast: 200 when features can be served", answer: ({ isHealthy }) => ({ status: isHealthy() ? 200 : 503 }) }],
]);

const VECTOR_STORES = "/v1/vector_stores";

export const FEAST_ROUTES: readonly { readonly method: string; readonly pattern: string; readonly summary: string }[] = [
  ...[...ROUTES].map(([pattern, { method, summary }]) => ({ method, pattern, summary })),
  { method: "GET", pattern: VECTOR_STORES, summary: "Feast, in OpenAI's words: what can be searched" },
  { method: "GET", pattern: `${VECTOR_STORES}/:id`, summary: "one vector store" },
  { method: "POST", pattern: `${VECTOR_STORES}/:id/search`, summary: "search it: {query, max_num_results?}" },
];

/** undefined when the path is not Feast's. Never rejects: errors are in Feast's words. */
export function handleFeast(parts: FeastParts, request: HttpRequest): Promise<HttpResponse> | undefined {
  const route = ROUTES.get(request.path);
  if (route === undefined) return request.path.startsWith(VECTOR_STORES) ? answerSafely(answerVectorStores, parts, request) : undefined;
  if (request.method !== route.method) return Promise.resolve({ status: 405, headers: { ...JSON_TYPE, allow: route.method }, body: "{\"detail\":\"Method Not Allowed\"}" });
  return answerSafely(route.answer, parts, request);
}

async function answerSafely(answer: Handler, parts: FeastParts, request: HttpRequest): Promise<HttpResponse> {
  try {
    return await answer(parts, request);
  } catch (thrown) {
    return feastErrorResponse(thrown);
  }
}

const ONLINE_REQUEST = {
  entities: { check: columns }, feature_service: { check: optional(text), otherwise: undefined }, features: { check: texts, otherwise: [] as readonly string[] },
  full_feature_names: { check: truth, otherwise: false }, include_feature_view_version_metadata: { check: truth, otherwise: false },
};

async function answerOnline({ application, reader }: FeastParts, request: HttpRequest): Promise<HttpResponse> {
  const { entities, feature_service: service, features, full_feature_names: isFullNames } = readBody(request, ONLINE_REQUEST);
  const asked = resolveFeatures(application(), { service: service === "" ? undefined : service, features, isFullNames });
  const question = questionOf(asked, entities);
  return { status: 200, headers: JSON_TYPE, body: await reader.read(asked.selection, question, (online) => onlineAnswer(asked, question, online)), isDoneWithBody: true };
}

const PUSH_REQUEST = {
  push_source_name: { check: text }, df: { check: table }, allow_registry_cache: { check: truth, otherwise: true }, to: { check: text, otherwise: "online" }, transform_on_write: { check: truth, otherwise: true },
};
const DESTINATIONS: readonly string[] = ["online", "offline", "online_and_offline"];

/** One log feeds the online features and the lake, so every `to` is both. */
async function answerPush(parts: FeastParts, request: HttpRequest): Promise<HttpResponse> {
  const { push_source_name: source, df, to } = readBody(request, PUSH_REQUEST);
  await pushFrame(parts, { source, frame: df, to });
  return { status: 200 };
}

export interface Push {
  readonly source: string;
  readonly frame: Frame;
  readonly to: string;
  /** All values are text. */
  readonly isText?: boolean;
}

/** Durable when it resolves. FeastFailure and DetailedRefusal in Feast's words. */
export async function pushFrame(parts: Pick<FeastParts, "application" | "ingestion">, { source, frame, to, isText = false }: Push): Promise<void> {
  if (!DESTINATIONS.includes(to)) throw plainError(`${to} is not a supported push format. Please specify one of these ['online', 'offline', 'online_and_offline'].`);
  const { streams, featureViews } = parts.application();
  const stream = streams.get(source);
  if (stream === undefined) throw pushSourceNotFound(source);
  await takeFrame(parts, frame, { stream, views: [...featureViews.values()].filter(({ from }) => from.name === source), isWrite: false, isText });
}

const WRITE_REQUEST = { feature_view_name: { check: text }, df: { check: table }, allow_registry_cache: { check: truth, otherwise: true }, transform_on_write: { check: truth, otherwise: true } };

async function answerWrite(parts: FeastParts, request: HttpRequest): Promise<HttpResponse> {
  const { feature_view_name: view, df } = readBody(request, WRITE_REQUEST);
  await writeFrame(parts, { view, frame: df });
  return { status: 200, headers: JSON_TYPE, body: "null" };
}

/** The same for values of a view. */
export async function writeFrame(parts: Pick<FeastParts, "application" | "ingestion">, { view: name, frame, isText = false }: { readonly view: string; readonly frame: Frame; readonly isText?: boolean }): Promise<void> {
  const view = parts.application().featureViews.get(name);
  if (view === undefined) throw objectNotFound(name);
  await takeFrame(parts, frame, { stream: view.from, views: [view], isWrite: true, isText });
}

async function takeFrame({ ingestion }: Pick<FeastParts, "ingestion">, frame: Frame, target: FrameTarget): Promise<void> {
  const rows = rowsOfFrame(frame, target);
  const result = await ingestion.ingestRows(target.stream.name, rows);
  if (result.rejected === 0) return;
  const details = (result.rows ?? []).flatMap(({ index, deadLetterId, problems }) => problems.map((problem): Detail => ({
    type: problem.code ?? "value_error", loc: ["body", "df", problem.path, index], msg: `${problem.message} (row ${index} is kept as dead letter ${deadLetterId}; ${result.accepted + result.duplicates} of ${rows.length} rows were taken)`,
    input: (rows[index]!.row as Readonly<Record<string, unknown>>)[problem.path] ?? null,
  })));
  throw new DetailedRefusal(details);
}
