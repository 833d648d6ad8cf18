/**
 * Which handler answers a request: a table of methods and path patterns, matched segment by segment. Pure; knows
 * nothing of sockets. `:name` takes one segment.
 */
import { StrataError } from "../kernel/errors.ts";

export interface Route<Handler> {
  readonly method: "GET" | "POST" | "DELETE";
  /** e.g. "/v1/models/:model/train". */
  readonly pattern: string;
  /** One line for GET /v1. */
  readonly summary: string;
  readonly handle: Handler;
}

export interface RouteMatch<Handler> {
  readonly route: Route<Handler>;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface RouteTable<Handler> {
  readonly routes: readonly Route<Handler>[];
  /** undefined when no pattern fits; METHOD_NOT_ALLOWED when one does but not for this method. */
  match(method: string, path: string): RouteMatch<Handler> | undefined;
}

export function createRouteTable<Handler>(routes: readonly Route<Handler>[]): RouteTable<Handler> {
  const compiled = routes.map((route) => ({ route, segments: segmentsOf(route.pattern) }));
  return {
    routes,
    match: (method, path) => {
      const segments = segmentsOf(path).map(decodeSegment);
      const fitting = compiled.flatMap(({ route, segments: pattern }) => {
        const parameters = fit(pattern, segments);
        return parameters === undefined ? [] : [{ route, parameters }];
      });
      if (fitting.length === 0) return undefined;
      const wanted = method === "HEAD" ? "GET" : method;
      const found = fitting.find(({ route }) => route.method === wanted);
      if (found) return found;
      throw new StrataError("METHOD_NOT_ALLOWED", { method, path, allowed: [...new Set(fitting.map(({ route }) => route.method))].join(", ") });
    },
  };
}

function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

function decodeSegment(segment: string): string {
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
