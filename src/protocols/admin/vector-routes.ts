/** Routes of vector indexes below /v1/vectors. Qdrant's own API stands beside them. */
import { z } from "zod";
import { jsonResponse } from "../http.ts";
import { route } from "./admin-route.ts";
import type { AdminRoute } from "./admin-route.ts";
import { bodyOf } from "./request-body.ts";
import { vectorPoint, vectorSearchRequest } from "./vector-desk.ts";
import type { VectorDesk } from "./vector-desk.ts";

const upsertRequest = z.strictObject({ points: z.array(vectorPoint).max(100_000) });

export function vectorRoutes(desk: VectorDesk): readonly AdminRoute[] {
  return [
    route("GET", "/v1/vectors", "vector indexes with their points", () => Promise.resolve(jsonResponse({ indexes: desk.list() }))),
    route("GET", "/v1/vectors/:index", "one vector index", ({ index }) => Promise.resolve(jsonResponse(desk.show(index!)))),
    route("POST", "/v1/vectors/:index/search", "search: {vector | text | id | keywords, filter?, limit?, exact?}; several ways are fused by rank", async ({ index }, request) => jsonResponse(await desk.search(index!, bodyOf(request, vectorSearchRequest)))),
    route("POST", "/v1/vectors/:index/points", "upsert points: {points: [{id, vector | text, payload?}]}", async ({ index }, request) => jsonResponse(await desk.upsert(index!, bodyOf(request, upsertRequest).points))),
    route("POST", "/v1/vectors/:index/train", "learn the vectors of an index from its stream, now", async ({ index }, request) => jsonResponse(await desk.train(index!, request.signal))),
    route("GET", "/v1/vectors/:index/snapshots", "snapshots of an index", ({ index }) => Promise.resolve(jsonResponse({ snapshots: desk.snapshots(index!) }))),
    route("POST", "/v1/vectors/:index/snapshots", "take a snapshot", async ({ index }) => jsonResponse(await desk.snapshot(index!))),
  ];
}

