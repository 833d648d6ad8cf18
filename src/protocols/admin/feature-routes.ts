/** Routes of the feature store below /v1; reading itself is answered before the table (feature-read.ts). */
import type { Route } from "../../gateway/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import { handleFeatureRead } from "./feature-read.ts";
import type { AdminHandler } from "./routes.ts";
import type { AdminSources } from "./sources.ts";

type FeatureSources = Pick<AdminSources, "featureReads">;

export function featureRoutes({ featureReads }: FeatureSources): readonly Route<AdminHandler>[] {
  const route = (method: Route<AdminHandler>["method"], pattern: string, summary: string, handle: AdminHandler): Route<AdminHandler> => ({ method, pattern, summary, handle });
  const read: AdminHandler = (_, request) => handleFeatureRead(featureReads, request) ?? Promise.reject(new StrataError("ROUTE_NOT_FOUND", { method: request.method, path: request.path }));
  return [
    route("POST", "/v1/features/:view", "features of entities: {keys: [{entity: key}], atMs?}", read),
    route("POST", "/v1/feature-services/:service", "features of a service: {keys: [{entity: key}], request?: [{field: value}], atMs?}", read),
  ];
}
