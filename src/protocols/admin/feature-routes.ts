/** Routes of the feature store below /v1; reading itself is answered before the table (feature-read.ts). */
import { z } from "zod";
import { StrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import { route } from "./admin-route.ts";
import type { AdminHandler, AdminRoute } from "./admin-route.ts";
import { listCatalogue, showEntry } from "./catalogue.ts";
import { handleFeatureRead } from "./feature-read.ts";
import { bodyOf } from "./request-body.ts";
import type { AdminSources } from "./sources.ts";

type FeatureSources = Pick<AdminSources, "featureReads" | "catalogue">;

export function featureRoutes({ featureReads, catalogue }: FeatureSources): readonly AdminRoute[] {
  const read: AdminHandler = (_, request) => handleFeatureRead(featureReads, request) ?? Promise.reject(new StrataError("ROUTE_NOT_FOUND", { method: request.method, path: request.path }));
  return [
    route("POST", "/v1/features/:view", "features of entities: {keys: [{entity: key}], atMs?}", read),
    route("POST", "/v1/feature-services/:service", "features of a service: {keys: [{entity: key}], request?: [{field: value}], atMs?}", read),
    route("POST", "/v1/features/:view/backfill", "build a view again from all events; its progress is in GET /v1/catalogue/:name: {force?}", ({ view }, request) => {
      const { force } = bodyOf(request, z.strictObject({ force: z.boolean().default(false) }));
      const current = catalogue.freshness().find((each) => each.view === view);
      if (current?.building !== undefined && !force) throw new StrataError("FEATURE_VIEW_BUILDING", { view, done: Math.round(current.building * 100), total: 100 });
      catalogue.rebuild(view!);
      return Promise.resolve(jsonResponse({ view, accepted: true }, 202));
    }),
    route("GET", "/v1/catalogue", "streams, views, features, services, models and endpoints, with owners and lineage: ?search=&kind=", (_, { query }) =>
      Promise.resolve(jsonResponse(listCatalogue(catalogue, { search: query.get("search"), kind: query.get("kind") })))),
    route("GET", "/v1/catalogue/:name", "one of them, with its features, lineage and state", ({ name }) => Promise.resolve(jsonResponse(showEntry(catalogue, name!)))),
    route("GET", "/v1/catalogue/:name/lineage", "what it is made of, and what is made of it", ({ name }) => Promise.resolve(jsonResponse(showEntry(catalogue, name!).lineage))),
    route("GET", "/v1/feature-freshness", "each view: how soon events show, how old what is served is", () => Promise.resolve(jsonResponse({ views: catalogue.freshness() }))),
  ];
}
