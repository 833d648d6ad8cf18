/** Which protocol answers which path in a serving process: inference, language models, traffic, processes, metrics. */
import { createRouteTable } from "../../gateway/index.ts";
import type { Route } from "../../gateway/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { TelemetrySnapshot } from "../../observe/index.ts";
import { servedModelRoutes } from "../../protocols/admin/served-model-routes.ts";
import type { TrafficControl } from "../../protocols/admin/served-model-routes.ts";
import { jsonResponse } from "../../protocols/http.ts";
import type { HttpRequest, HttpResponse } from "../../protocols/http.ts";
import type { InferenceProtocol } from "../../protocols/kserve/infer.ts";
import type { OpenAiParts } from "../../protocols/openai/openai.ts";
import { answerMetrics, createDoor } from "../door.ts";
import { SERVING_ROUTES, answerServing } from "../serving-protocols.ts";
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

export function createServingDoor(parts: ServingDoorParts): (request: HttpRequest) => Promise<HttpResponse> {
  const own: readonly Route<Handler>[] = [
    ...servedModelRoutes(parts.traffic),
    { method: "GET", pattern: "/v1/processes", summary: "the serving processes of this port", handle: async () => jsonResponse({ processes: await parts.processes() }) },
    { method: "GET", pattern: "/v1", summary: "the routes", handle: () => Promise.resolve(jsonResponse({ routes: summaries })) },
  ];
  const summaries = [...own, ...SERVING_ROUTES, { method: "GET", pattern: "/metrics", summary: "Prometheus metrics of all processes" }]
    .map(({ method, pattern, summary }) => ({ method, pattern, summary }));
  const table = createRouteTable<Handler>(own);
  const serving = { inference: parts.inference, language: parts.language, describesModel: () => false };

  const dispatch = async (request: HttpRequest): Promise<HttpResponse> => {
    const { method, path } = request;
    const served = await answerServing(serving, request);
    if (served) return served;
    const match = path.startsWith("/v1") ? table.match(method, path) : undefined;
    if (match) return match.route.handle(match.parameters, request);
    if (path === "/metrics") return answerMetrics(request, parts.metrics);
    throw new StrataError("ROUTE_NOT_FOUND", { method, path });
  };
  return createDoor(dispatch);
}
