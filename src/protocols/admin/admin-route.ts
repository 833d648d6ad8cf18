/** A route of Strata's own API: its place, what it is for in one line, and what answers it. */
import type { Route } from "../../gateway/index.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";

export type AdminHandler = (parameters: Readonly<Record<string, string>>, request: HttpRequest) => Promise<HttpResponse>;
export type AdminRoute = Route<AdminHandler>;

export function route(method: AdminRoute["method"], pattern: string, summary: string, handle: AdminHandler): AdminRoute {
  return { method, pattern, summary, handle };
}
