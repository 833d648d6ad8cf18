/** Which protocol answers which path in a serving process: inference, language models, traffic, processes, metrics. */
import { createAdmission, createRouteTable } from "../../gateway/index.ts";
import type { Route } from "../../gateway/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { TelemetrySnapshot } from "../../observe/index.ts";
import { servedModelRoutes } from "../../protocols/admin/served-model-routes.ts";
import type { TrafficControl } from "../../protocols/admin/served-model-routes.ts";
import { errorResponse, jsonResponse } from "../../protocols/http.ts";
import type { HttpRequest, HttpResponse } from "../../protocols/http.ts";
import type { InferenceProtocol } from "../../protocols/kserve/infer.ts";
import { handleInferenceProtocol } from "../../protocols/kserve/rest.ts";
import { OPENAI_ROUTES, handleOpenAi } from "../../protocols/openai/openai.ts";
import type { OpenAiParts } from "../../protocols/openai/openai.ts";
import { PROMETHEUS_CONTENT_TYPE, renderPrometheusText } from "../../protocols/prometheus/text.ts";
import type { ProcessReport } from "./process-report.ts";

export interface ServingDoorParts {
  readonly inference: InferenceProtocol;
  readonly language: OpenAiParts;
  readonly traffic: TrafficControl;
  /** Of all processes together. */
  readonly metrics: () => Promise<TelemetrySnapshot>;
  readonly processes: () => Promise<readonly ProcessReport[]>;
}

type Handler = (parameters: Readonly<Record<string, string>>, request: HttpRequest) => Promise<HttpResponse>;

const MAX_IN_FLIGHT = 10_000;
/** Times are in seconds: 2^-14 s = 61 µs. */
const LOWEST_BUCKET_EXPONENT = -14;

export function createServingDoor(parts: ServingDoorParts): (request: HttpRequest) => Promise<HttpResponse> {
  const admission = createAdmission({ maxInFlight: MAX_IN_FLIGHT });
  const own: readonly Route<Handler>[] = [
    ...servedModelRoutes(parts.traffic),
    { method: "GET", pattern: "/v1/processes", summary: "the serving processes of this port", handle: async () => jsonResponse({ processes: await parts.processes() }) },
    { method: "GET", pattern: "/v1", summary: "the routes", handle: () => Promise.resolve(jsonResponse({ routes: summaries })) },
  ];
  const summaries = [...own, ...OPENAI_ROUTES, { method: "GET", pattern: "/v2", summary: "Open Inference Protocol v2" }, { method: "GET", pattern: "/metrics", summary: "Prometheus metrics of all processes" }]
    .map(({ method, pattern, summary }) => ({ method, pattern, summary }));
  const table = createRouteTable<Handler>(own);

  const dispatch = async (request: HttpRequest): Promise<HttpResponse> => {
    const { method, path, headers } = request;
    if (method !== "GET" && method !== "HEAD" && headers["sec-fetch-site"] === "cross-site") throw new StrataError("CROSS_SITE_REFUSED", { method, path });
    if (path.startsWith("/v2")) {
      const answer = await handleInferenceProtocol(parts.inference, request);
      if (answer) return answer;
    }
    if (path.startsWith("/v1")) {
      const language = await handleOpenAi(parts.language, request);
      if (language) return language;
      const match = table.match(method, path);
      if (match) return match.route.handle(match.parameters, request);
    }
    if (path === "/metrics" && method === "GET") {
      return { status: 200, headers: { "content-type": PROMETHEUS_CONTENT_TYPE }, body: renderPrometheusText(await parts.metrics(), { lowestExponent: LOWEST_BUCKET_EXPONENT }) };
    }
    throw new StrataError("ROUTE_NOT_FOUND", { method, path });
  };
  return async (request) => {
    try {
      return await admission.admit(() => dispatch(request));
    } catch (thrown) {
      return errorResponse(thrown);
    }
  };
}
