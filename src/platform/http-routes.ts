/** Which protocol answers which path: the front door of one process. */
import { createRouteTable } from "../gateway/index.ts";
import type { Ingestion } from "../data/index.ts";
import { StrataError } from "../kernel/errors.ts";
import type { TelemetryStore } from "../observe/index.ts";
import { handleFeatureRead } from "../protocols/admin/feature-read.ts";
import { route } from "../protocols/admin/admin-route.ts";
import type { AdminHandler } from "../protocols/admin/admin-route.ts";
import { adminRoutes } from "../protocols/admin/routes.ts";
import type { RouteSummary } from "../protocols/admin/routes.ts";
import { servedModelRoutes } from "../protocols/admin/served-model-routes.ts";
import type { TrafficControl } from "../protocols/admin/served-model-routes.ts";
import type { AdminSources } from "../protocols/admin/sources.ts";
import type { VectorDesk } from "../protocols/admin/vector-desk.ts";
import { vectorRoutes } from "../protocols/admin/vector-routes.ts";
import { handleEndpoint } from "../protocols/endpoints.ts";
import { handleEvents } from "../protocols/events/events.ts";
import { FEAST_ROUTES, handleFeast } from "../protocols/feast/feast.ts";
import type { FeastParts } from "../protocols/feast/feast.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import type { OpenAiParts } from "../protocols/openai/openai.ts";
import type { QdrantHandler } from "../protocols/qdrant/qdrant.ts";
import type { EndpointService } from "../serving/index.ts";
import { answerMetrics, createDoor } from "./door.ts";
import { SERVING_ROUTES, answerServing } from "./serving-protocols.ts";

export interface FrontDoor {
  readonly admin: AdminSources;
  readonly ingestion: Ingestion;
  readonly endpoints: EndpointService;
  readonly feast: FeastParts;
  readonly vectors: { readonly desk: VectorDesk; readonly qdrant: QdrantHandler };
  readonly inference: InferenceProtocol;
  readonly language: OpenAiParts;
  readonly traffic: TrafficControl;
  readonly telemetry: TelemetryStore;
  readonly console: (request: HttpRequest) => Promise<HttpResponse | undefined>;
}

/** Routes that are not in the table, for GET /v1. */
const OTHER_ROUTES: readonly RouteSummary[] = [
  { method: "POST", pattern: "/v1/endpoints/:endpoint", summary: "ask an endpoint" },
  { method: "POST", pattern: "/v1/streams/:stream/events", summary: "send events: JSON, NDJSON or CloudEvents; ?dry-run=true only says what would become of them" },
  { method: "GET", pattern: "/v1/streams/:stream/dead-letters", summary: "refused events: ?reason=&limit=&cursor=" },
  { method: "GET", pattern: "/v1/streams/:stream/dead-letters/:id", summary: "one refused event with its problems" },
  { method: "POST", pattern: "/v1/streams/:stream/dead-letters/replay", summary: "send refused events again, mended or not" },
  { method: "POST", pattern: "/v1/streams/:stream/dead-letters/discard", summary: "close refused events for good" },
  ...SERVING_ROUTES, ...FEAST_ROUTES,
  { method: "GET", pattern: "/collections", summary: "Qdrant's REST API: collections, points, query, search, scroll, aliases, snapshots" },
  { method: "GET", pattern: "/metrics", summary: "Prometheus metrics" },
];

export function createFrontDoor(parts: FrontDoor): (request: HttpRequest) => Promise<HttpResponse> {
  const table = createRouteTable<AdminHandler>([
    route("POST", "/v1/endpoints/:endpoint", "ask an endpoint", ({ endpoint }, request) => handleEndpoint(parts.endpoints, endpoint!, request)),
    ...adminRoutes(parts.admin, [...OTHER_ROUTES, ...servedModelRoutes(parts.traffic), ...vectorRoutes(parts.vectors.desk)]),
    ...servedModelRoutes(parts.traffic), ...vectorRoutes(parts.vectors.desk),
  ]);

  const { inference, language, admin } = parts;
  const describesModel = (name: string): boolean => admin.modelNames().includes(name) || admin.languageModels().data.some(({ id }) => id === name);
  const serving = { inference, language, describesModel };
  const dispatch = async (request: HttpRequest): Promise<HttpResponse> => {
    const { path } = request;
    const features = handleFeatureRead(parts.admin.featureReads, request) ?? handleFeast(parts.feast, request);
    if (features) return features;
    const events = path.startsWith("/v1/streams/") ? await handleEvents(request, parts.ingestion) : undefined;
    if (events) return events;
    const served = await answerServing(serving, request);
    if (served) return served;
    const match = path.startsWith("/v1") ? table.match(request.method, path) : undefined;
    if (match) return match.route.handle(match.parameters, request);
    const collections = await parts.vectors.qdrant(request);
    if (collections) return collections;
    if (path === "/metrics") return answerMetrics(request, () => parts.telemetry.snapshot());
    const page = path.startsWith("/v2") ? undefined : await parts.console(request);
    if (page) return page;
    throw new StrataError("ROUTE_NOT_FOUND", { method: request.method, path });
  };
  return createDoor(dispatch);
}
