/** Which protocol answers which path: the front door of one process. */
import { createAdmission, createRouteTable } from "../gateway/index.ts";
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
import { errorResponse } from "../protocols/http.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import { handleModelReadiness, handlePredict } from "../protocols/kserve/predict.ts";
import { handleInferenceProtocol } from "../protocols/kserve/rest.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import { MESSAGES_ROUTE, handleMessages } from "../protocols/anthropic/messages.ts";
import { OPENAI_ROUTES, handleOpenAi } from "../protocols/openai/openai.ts";
import type { OpenAiParts } from "../protocols/openai/openai.ts";
import { renderPrometheusText } from "../protocols/prometheus/text.ts";
import type { EndpointService } from "../serving/index.ts";

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

/** Requests in flight over all connections; each holds its body and an answer, so this bounds memory. */
const MAX_IN_FLIGHT = 10_000;

/** Times are in seconds: 2^-14 s = 61 µs, below what any request takes. */
const LOWEST_BUCKET_EXPONENT = -14;

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
  const admission = createAdmission({ maxInFlight: MAX_IN_FLIGHT });
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
    refuseCrossSite(request);
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
    if (path === "/metrics") return metrics(request);
    const answer = path.startsWith("/v2") ? await handleInferenceProtocol(parts.inference, request) : await parts.console(request);
    if (answer) return answer;
    throw new StrataError("ROUTE_NOT_FOUND", { method: request.method, path });
  };
  const metrics = ({ method, path }: HttpRequest): HttpResponse => {
    if (method !== "GET" && method !== "HEAD") throw new StrataError("METHOD_NOT_ALLOWED", { method, path, allowed: "GET, HEAD" });
    return { status: 200, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" }, body: renderPrometheusText(parts.telemetry.snapshot(), { lowestExponent: LOWEST_BUCKET_EXPONENT }) };
  };

  return async (request) => {
    try {
      return await admission.admit(() => dispatch(request));
    } catch (thrown) {
      return errorResponse(thrown);
    }
  };
}

/** Without authentication any page in the user's browser could otherwise train, roll back or write events on this machine (CSRF). */
function refuseCrossSite({ method, path, headers }: HttpRequest): void {
  if (method === "GET" || method === "HEAD" || headers["sec-fetch-site"] !== "cross-site") return;
  throw new StrataError("CROSS_SITE_REFUSED", { method, path });
}
