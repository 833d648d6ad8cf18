/**
 * Qdrant's REST API over the vector indexes: a collection is an index. Written from its public description and held to
 * its own clients (test/protocols/qdrant.test.ts). Not spoken: multivectors, formula and mmr queries, shards, peers.
 */
import { parseJsonBody } from "../json-body.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { StrataError } from "../../kernel/errors.ts";
import { aliasRoutes } from "./alias-routes.ts";
import { collectionRoutes } from "./collection-routes.ts";
import { answer, refusal } from "./envelope.ts";
import { pointRoutes } from "./point-routes.ts";
import type { QdrantParts, QdrantRoute } from "./qdrant-route.ts";
import { queryRoutes } from "./query-routes.ts";
import { snapshotRoutes } from "./snapshot-routes.ts";
import { objectOf } from "./wire-points.ts";
import type { Json } from "./wire-points.ts";

/** The API level that clients compare with their own. */
const API_VERSION = "1.19.0";

export type QdrantHandler = (request: HttpRequest) => Promise<HttpResponse | undefined>;

/** undefined for paths that are not Qdrant's. */
export function createQdrantHandler(parts: QdrantParts): QdrantHandler {
  const routes = [...collectionRoutes(parts), ...pointRoutes(parts), ...queryRoutes(parts), ...aliasRoutes(parts), ...snapshotRoutes(parts), ...serviceRoutes(parts)]
    .map(([method, pattern, handle]) => ({ method, segments: pattern.split("/").slice(1), handle }));
  return async (request) => {
    const { method, path } = request;
    if (path === "/" && isQdrantClient(request)) return jsonResponse({ title: "qdrant - vector search engine", version: API_VERSION });
    if (!/^\/(?:collections|aliases|cluster|telemetry|healthz|livez|readyz|snapshots)(?:\/|$)/.test(path)) return undefined;
    const startedMs = parts.clock.monotonicMs();
    const seconds = (): number => (parts.clock.monotonicMs() - startedMs) / 1_000;
    try {
      const segments = path.split("/").slice(1).map(decode);
      const fitting = routes.flatMap((route) => {
        const parameters = fit(route.segments, segments);
        return parameters ? [{ route, parameters }] : [];
      });
      const found = fitting.find(({ route }) => route.method === (method === "HEAD" ? "GET" : method));
      if (found === undefined) throw fitting.length > 0 ? new StrataError("METHOD_NOT_ALLOWED", { method, path, allowed: fitting.map(({ route }) => route.method).join(", ") }) : new StrataError("ROUTE_NOT_FOUND", { method, path });
      const body = (): Json => objectOf(request.body.length === 0 ? {} : parseJsonBody(request.body), "the body");
      const result = await found.route.handle({ parameters: found.parameters, request, body });
      return isResponse(result) ? result : answer(result, seconds());
    } catch (thrown) {
      return refusal(thrown, seconds());
    }
  };
}

function serviceRoutes({ indexes }: QdrantParts): readonly QdrantRoute[] {
  const health = (): HttpResponse => ({ status: 200, headers: { "content-type": "text/plain" }, body: "healthz check passed" });
  return [
    ["GET", "/healthz", health], ["GET", "/livez", health],
    ["GET", "/readyz", (): HttpResponse => ({ status: 200, headers: { "content-type": "text/plain" }, body: "all shards are ready" })],
    ["GET", "/telemetry", () => ({ id: "strata", app: { name: "strata", version: API_VERSION }, collections: { number_of_collections: indexes.names().length } })],
    ["GET", "/cluster", () => ({ status: "disabled" })],
  ];
}

/** A browser at / wants the console; Qdrant's clients name themselves. */
function isQdrantClient({ method, headers }: HttpRequest): boolean {
  return method === "GET" && /^(?:python-client|qdrant)/.test(headers["user-agent"] ?? "");
}

function isResponse(value: unknown): value is HttpResponse {
  return typeof value === "object" && value !== null && typeof (value as HttpResponse).status === "number" && ("body" in value);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new StrataError("REQUEST_INVALID", { reason: `The path segment "${segment}" is not valid percent-encoding.` });
  }
}

function fit(pattern: readonly string[], segments: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [at, part] of pattern.entries()) {
    if (part.startsWith(":")) parameters[part.slice(1)] = segments[at]!;
    else if (part !== segments[at]) return undefined;
  }
  return parameters;
}
