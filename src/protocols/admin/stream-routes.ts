/** Streams over HTTP beside their events: how they stand, versions of their schemas, replays, and operations with their progress. */
import { z } from "zod";
import { OPERATION_STATES } from "../../data/index.ts";
import type { JsonSchema, Operation, OperationState, SchemaJudgement, StoredSchema } from "../../data/index.ts";
import { jsonResponse } from "../http.ts";
import { route } from "./admin-route.ts";
import type { AdminRoute } from "./admin-route.ts";
import { bodyOf, checked } from "./request-body.ts";

/** A stream as it stands now. */
export interface StreamStanding {
  readonly name: string;
  readonly description: string;
  /** Offsets in the log. */
  readonly oldestOffset: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  /** Bytes of the log on this machine and in the blob store. */
  readonly hotBytes: number;
  readonly tieredBytes: number;
  readonly schemaVersion: number;
  readonly compatibility: string;
  readonly latestEventMs: number | null;
  readonly watermarkMs: number | null;
  /** How far the watermark lies behind the clock. */
  readonly watermarkLagMs: number | null;
  readonly consumers: readonly { readonly consumer: string; readonly position: number; readonly lagEvents: number }[];
  readonly deadLetters: number;
  readonly quota?: { readonly eventsPerMinute?: number; readonly bytesPerMinute?: number };
  /** Of a derived stream. */
  readonly derivation?: { readonly operator: string; readonly sources: readonly string[]; readonly state: string; readonly reason?: string; readonly late: number; readonly keyless: number; readonly held: number };
}

export interface StreamSources {
  readonly standings: () => Promise<readonly StreamStanding[]>;
  /** STREAM_NOT_FOUND. */
  readonly standing: (stream: string) => Promise<StreamStanding>;
  readonly schemas: (stream: string) => Promise<readonly StoredSchema[]>;
  readonly judgeSchema: (stream: string, schema: JsonSchema) => Promise<SchemaJudgement>;
  readonly replay: (stream: string, request: ReplayRequest) => Promise<Operation>;
  readonly operations: {
    list(query: { readonly state?: OperationState; readonly limit?: number }): Promise<readonly Operation[]>;
    get(id: string): Promise<Operation>;
    cancel(id: string): Promise<Operation>;
    start(kind: string, subject: string, input: unknown): Promise<Operation>;
    progress(id: string, progress: { readonly done: number; readonly total: number; readonly state: "running" | "done" | "failed" }): Promise<Operation>;
  };
}

const replayRequest = z.strictObject({
  /** A stream derived from this one: make it again and compare. */
  derived: z.string().optional(),
  /** A view of this stream: build it again from the log. */
  view: z.string().optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});
export type ReplayRequest = z.output<typeof replayRequest>;

const schemaRequest = z.strictObject({ schema: z.record(z.string(), z.unknown()) });
const backfillRequest = z.strictObject({ kind: z.literal("backfill"), stream: z.string(), file: z.string() });
const progressRequest = z.strictObject({ done: z.int().min(0), total: z.int().min(0), state: z.enum(["running", "done", "failed"]).default("running") });
const listQuery = z.object({ state: z.enum(OPERATION_STATES).optional(), limit: z.coerce.number().int().min(1).max(1_000).optional() });

export function streamRoutes({ standings, standing, schemas, judgeSchema, replay, operations }: StreamSources): readonly AdminRoute[] {
  return [
    route("GET", "/v1/streams", "streams: events, rate, watermark, lags, bytes, schema version", async () => jsonResponse({ streams: await standings() })),
    route("GET", "/v1/streams/:stream", "one stream", async ({ stream }) => jsonResponse(await standing(stream!))),
    route("GET", "/v1/streams/:stream/schemas", "the versions of a stream's schema, oldest first", async ({ stream }) => {
      const { compatibility } = await standing(stream!);
      return jsonResponse({ stream, compatibility, versions: await schemas(stream!) });
    }),
    route("POST", "/v1/streams/:stream/schemas/check", "whether a JSON Schema could be the next version: {schema}", async ({ stream }, request) =>
      jsonResponse(await judgeSchema(stream!, bodyOf(request, schemaRequest).schema))), // any object is a JSON Schema; what is not understood does not count
    route("POST", "/v1/streams/:stream/replay", "read a stream again: {derived} or {view}, {from?, to?}; answers with the operation", async ({ stream }, request) =>
      jsonResponse(await replay(stream!, bodyOf(request, replayRequest)), 202)),
    route("GET", "/v1/operations", "long work and its progress, newest first: ?state=&limit=", async (_, { query }) =>
      jsonResponse({ operations: await operations.list(defined(checked(Object.fromEntries(query), listQuery))) })),
    route("POST", "/v1/operations", "record work that a client does: {kind: \"backfill\", stream, file}", async (_, request) => {
      const { kind, ...input } = bodyOf(request, backfillRequest);
      await standing(input.stream);
      return jsonResponse(await operations.start(kind, input.stream, input), 201);
    }),
    route("GET", "/v1/operations/:operation", "one operation", async ({ operation }) => jsonResponse(await operations.get(operation!))),
    route("POST", "/v1/operations/:operation/progress", "progress of work that a client does: {done, total, state?}", async ({ operation }, request) =>
      jsonResponse(await operations.progress(operation!, bodyOf(request, progressRequest)))),
    route("POST", "/v1/operations/:operation/cancel", "end an operation", async ({ operation }) => jsonResponse(await operations.cancel(operation!))),
  ];
}

/** Without members that are undefined. */
function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as { [Key in keyof T]: Exclude<T[Key], undefined> }; // what the filter does
}
