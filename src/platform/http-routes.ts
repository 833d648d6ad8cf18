/** Which protocol answers which path: the front door of one process. */
import { createRouteTable } from "../gateway/index.ts";
import type { Route } from "../gateway/index.ts";
import type { Ingestion } from "../data/index.ts";
import { StrataError } from "../kernel/errors.ts";
import type { TelemetryStore } from "../observe/index.ts";
import { adminRoutes } from "../protocols/admin/routes.ts";
import type { AdminHandler, RouteSummary } from "../protocols/admin/routes.ts";
import { servedModelRoutes } from "../protocols/admin/served-model-routes.ts";
import type { TrafficControl } from "../protocols/admin/served-model-routes.ts";
import type { AdminSources } from "../protocols/admin/sources.ts";
import { handleEndpoint } from "../protocols/endpoints.ts";
import { handleEvents } from "../protocols/events/events.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import { handleModelReadiness, handlePredict } from "../protocols/kserve/predict.ts";
import { handleInferenceProtocol } from "../protocols/kserve/rest.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import { MESSAGES_ROUTE, handleMessages } from "../protocols/anthropic/messages.ts";
import { OPENAI_ROUTES, handleOpenAi } from "../protocols/openai/openai.ts";
import type { OpenAiParts } from "../protocols/openai/openai.ts";
import type { EndpointService } from "../serving/index.ts";
import { answerMetrics, createDoor } from "./door.ts";

export interface FrontDoor {
  readonly admin: AdminSources;
  readonly ingestion: Ingestion;
  readonly endpoints: EndpointService;
  readonly inference: InferenceProtocol;
  readonly language: OpenAiParts;
  readonly traffic: TrafficControl;
  readonly telemetry: TelemetryStore;
  readonly console: (request: HttpRequest) => Promise<HttpResponse | undefined>;
}

/** Routes that are not in the table, for GET /v1. */
const OTHER_ROUTES: readonly RouteSummary[] = [
  { method: "POST", pattern: "/v1/endpoints/:endpoint", summary: "ask an endpoint" },
  { method: "POST", pattern: "/v1/streams/:stream/events", summary: "send events: JSON, NDJSON or CloudEvents" },
  { method: "GET", pattern: "/v1/streams/:stream/dead-letters", summary: "refused events: ?reason=&limit=&cursor=" },
  { method: "GET", pattern: "/v1/streams/:stream/dead-letters/:id", summary: "one refused event with its problems" },
  { method: "POST", pattern: "/v1/streams/:stream/dead-letters/replay", summary: "send refused events again, mended or not" },
  { method: "POST", pattern: "/v1/streams/:stream/dead-letters/discard", summary: "close refused events for good" },
  ...OPENAI_ROUTES, MESSAGES_ROUTE,
  { method: "POST", pattern: "/v1/models/:model:predict", summary: "KServe V1: {instances} in, {predictions} out" },
  { method: "GET", pattern: "/v2", summary: "Open Inference Protocol v2: health, models, metadata, infer, repository, statistics, configuration" },
  { method: "GET", pattern: "/metrics", summary: "Prometheus metrics" },
];

export function createFrontDoor(parts: FrontDoor): (request: HttpRequest) => Promise<HttpResponse> {
  const route = (method: Route<AdminHandler>["method"], pattern: string, summary: string, handle: AdminHandler): Route<AdminHandler> => ({ method, pattern, summary, handle });
  const table = createRouteTable<AdminHandler>([
    route("POST", "/v1/endpoints/:endpoint", "ask an endpoint", ({ endpoint }, request) => handleEndpoint(parts.endpoints, endpoint!, request)),
    ...adminRoutes(parts.admin, [...OTHER_ROUTES, ...servedModelRoutes(parts.traffic)]),
    ...servedModelRoutes(parts.traffic),
  ]);

  /** Trained models and language models have more to say at /v1/models/:model than that they are ready. */
  const isOurs = (path: string): boolean => {
    const name = path.slice("/v1/models/".length);
    return !path.startsWith("/v1/models/") || parts.admin.modelNames().includes(name) || parts.admin.languageModels().data.some(({ id }) => id === name);
  };
  const dispatch = async (request: HttpRequest): Promise<HttpResponse> => {
    const { path } = request;
    const events = path.startsWith("/v1/streams/") ? await handleEvents(request, parts.ingestion) : undefined;
    if (events) return events;
    if (path.startsWith("/v1")) {
      const language = await handleOpenAi(parts.language, request) ?? await handleMessages(parts.language, request);
      if (language) return language;
      const predicted = await handlePredict(parts.inference, request);
      if (predicted) return predicted;
      const ready = isOurs(path) ? undefined : await handleModelReadiness(parts.inference, request);
      if (ready) return ready;
      const match = table.match(request.method, path);
      if (match) return match.route.handle(match.parameters, request);
    }
    if (path === "/metrics") return answerMetrics(request, () => parts.telemetry.snapshot());
    const answer = path.startsWith("/v2") ? await handleInferenceProtocol(parts.inference, request) : await parts.console(request);
    if (answer) return answer;
    throw new StrataError("ROUTE_NOT_FOUND", { method: request.method, path });
  };
  return createDoor(dispatch);
}
