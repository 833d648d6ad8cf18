/** What a worker answers: events for any partition, features of any entity, who has which partition, metrics. */
import { z } from "zod";
import { createRouteTable } from "../gateway/index.ts";
import type { Route } from "../gateway/index.ts";
import type { Ingestion, LeaseBook, PartitionReader, UnitStatus } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import type { TelemetrySnapshot } from "../observe/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import { checked } from "../protocols/admin/request-body.ts";
import { handleEvents } from "../protocols/events/events.ts";
import { jsonResponse } from "../protocols/http.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import { parseJsonBody } from "../protocols/json-body.ts";
import { answerMetrics, createDoor } from "./door.ts";

export interface WorkerDoorParts {
  readonly application: Application;
  readonly ingestion: Ingestion;
  readonly reader: PartitionReader;
  readonly clock: Clock;
  readonly name: string;
  readonly group: string;
  readonly log: EventLog;
  readonly units: () => readonly UnitStatus[];
  readonly leases: () => ReturnType<LeaseBook["all"]>;
  readonly metrics: () => TelemetrySnapshot;
}

type Handler = (parameters: Readonly<Record<string, string>>, request: HttpRequest) => Promise<HttpResponse>;

const readRequest = z.strictObject({ keys: z.array(z.record(z.string(), z.string())).min(1).max(10_000), atMs: z.number().min(-8.64e15).max(8.64e15).optional() });

export function createWorkerDoor(parts: WorkerDoorParts): (request: HttpRequest) => Promise<HttpResponse> {
  const routes: readonly Route<Handler>[] = [
    { method: "POST", pattern: "/v1/features/:view", summary: "read features of many entities: {\"keys\": [{…}]}", handle: ({ view }, request) => readFeatures(parts, view!, request) },
    { method: "GET", pattern: "/v1/partitions", summary: "partitions, their workers and how far this worker is behind", handle: async () => jsonResponse(await describe(parts)) },
    { method: "GET", pattern: "/v1", summary: "the routes", handle: () => Promise.resolve(jsonResponse({ routes: summaries })) },
  ];
  const summaries = [...routes, { method: "POST", pattern: "/v1/streams/:stream/events", summary: "send events: JSON, NDJSON or CloudEvents" }, { method: "GET", pattern: "/metrics", summary: "Prometheus metrics" }]
    .map(({ method, pattern, summary }) => ({ method, pattern, summary }));
  const table = createRouteTable<Handler>(routes);
  return createDoor(async (request) => {
    const { method, path } = request;
    const events = path.startsWith("/v1/streams/") ? await handleEvents(request, parts.ingestion) : undefined;
    if (events) return events;
    const match = path.startsWith("/v1") ? table.match(method, path) : undefined;
    if (match) return match.route.handle(match.parameters, request);
    if (path === "/metrics") return answerMetrics(request, parts.metrics);
    throw new StrataError("ROUTE_NOT_FOUND", { method, path });
  });
}

async function readFeatures({ application, reader, clock }: WorkerDoorParts, name: string, { body }: HttpRequest): Promise<HttpResponse> {
  const view = application.featureViews.get(name);
  if (view === undefined) throw new StrataError("FEATURE_VIEW_NOT_FOUND", { view: name, known: [...application.featureViews.keys()].join(", ") });
  if (view.from.partitioning === undefined) throw new StrataError("REQUEST_INVALID", { reason: `Stream "${view.from.name}" has no key, so workers do not compute view "${name}".` });
  const { keys, atMs = clock.now() } = checked(parseJsonBody(body), readRequest);
  const parts = keys.map((key) => view.entities.map((entity) => key[entity.name] ?? missingKey(entity.name, Object.keys(key))));
  return jsonResponse({ view: name, features: Object.keys(view.features), atMs, rows: await reader.read(view, parts, { atMs }) });
}

function missingKey(entity: string, given: readonly string[]): never {
  throw new StrataError("ENTITY_KEY_INVALID", { entity, reason: `only ${given.join(", ") || "nothing"} was given` });
}

async function describe({ name, group, units, leases, log }: WorkerDoorParts): Promise<unknown> {
  const mine = new Map(units().map((unit) => [unit.unit, unit]));
  return {
    worker: name, group,
    partitions: (await leases()).map(({ unit, worker, epoch, expiresAtMs }) => {
      const own = mine.get(unit);
      const { nextOffset } = log.statistics(unit);
      return { unit, worker, epoch, expiresAtMs, ...(own === undefined ? {} : { storedOffset: own.storedOffset, lagEvents: Math.max(0, nextOffset - own.storedOffset) }) };
    }),
  };
}
