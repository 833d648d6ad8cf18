/** The lake below /v1: what is stored where and for how much, snapshots, restores, collection and compaction. */
import { z } from "zod";
import type { FileCacheStatistics, Lake, StoragePrices, StreamCost } from "../../data/index.ts";
import { diffSnapshots, storageCost } from "../../data/index.ts";
import { durationMs } from "../../kernel/duration.ts";
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import { route } from "./admin-route.ts";
import type { AdminRoute } from "./admin-route.ts";
import { bodyOf } from "./request-body.ts";

export interface LakeSources {
  readonly lake: Lake;
  readonly prices: StoragePrices;
  readonly cache: () => FileCacheStatistics;
}

export interface LakeDocument {
  readonly streams: readonly (StreamCost & { readonly waitingRows: number })[];
  readonly prices: StoragePrices;
  readonly cache: FileCacheStatistics;
}

const EVENT_STREAM = { "content-type": "text/event-stream", "cache-control": "no-store" };
const duration = z.string().transform((text) => durationMs(text));
const snapshotRequest = z.strictObject({ note: z.string().max(500).default("") });
const restoreRequest = z.strictObject({ snapshot: z.string(), streams: z.array(z.string()).min(1).optional(), replay: z.boolean().default(false) });
const collectRequest = z.strictObject({ olderThan: duration.optional() });
const compactRequest = z.strictObject({ stream: z.string().optional() });

export function lakeRoutes(sources: LakeSources): readonly AdminRoute[] {
  const { lake } = sources;
  return [
    route("GET", "/v1/lake", "the lake's files, bytes and monthly cost per stream and tier", async () => jsonResponse(await describeLake(sources))),
    route("GET", "/v1/lake/snapshots", "snapshots, newest first, with what relies on them", async () => jsonResponse({ snapshots: await lake.snapshots() })),
    route("POST", "/v1/lake/snapshots", "take a snapshot of every event stored by now: {note?}", async (_, request) => {
      const { note } = bodyOf(request, snapshotRequest);
      await lake.flush(undefined, { signal: request.signal });
      const { id, createdAtMs, streams } = await lake.snapshot({ note });
      return jsonResponse({ id, createdAtMs, streams: Object.fromEntries(Object.entries(streams).map(([name, { rows, endOffset, files }]) => [name, { rows, endOffset, files: files.length }])) }, 201);
    }),
    route("DELETE", "/v1/lake/snapshots/:snapshot", "forget a snapshot that nothing relies on", async ({ snapshot }) => {
      const { id } = await lake.openSnapshot(snapshot!);
      await lake.forgetSnapshot(id);
      return jsonResponse({ id });
    }),
    route("GET", "/v1/lake/diff", "what two snapshots differ in: ?from=&to= (to: now)", async (_, { query }) => {
      const from = query.get("from");
      if (from === null) throw new StrataError("REQUEST_INVALID", { reason: "?from= names the earlier snapshot." });
      using before = await lake.hold(from);
      using after = await lake.hold(query.get("to") ?? undefined);
      return jsonResponse({ from: before.snapshot.id, to: query.get("to") === null ? null : after.snapshot.id, streams: diffSnapshots(before.snapshot, after.snapshot) });
    }),
    route("POST", "/v1/lake/restore", "make a snapshot's files the lake's again: {snapshot, streams?, replay?}", async (_, request) => {
      const { snapshot, streams, replay } = bodyOf(request, restoreRequest);
      return jsonResponse(await lake.restore(snapshot, { streams, isReplayed: replay }));
    }),
    route("POST", "/v1/lake/gc", "remove files that nothing needs, and unpinned snapshots that are older: {olderThan?}", async (_, request) => {
      const { olderThan } = bodyOf(request, collectRequest);
      return jsonResponse(await lake.collect({ olderThanMs: olderThan }));
    }),
    route("POST", "/v1/lake/tiers", "move files to the tiers of the definition now", async (_, request) => jsonResponse({ streams: await lake.applyPolicies({ signal: request.signal }) })),
    route("POST", "/v1/lake/compact", "merge small files: {stream?}; answers with server-sent events", (_, request) => {
      const { stream } = bodyOf(request, compactRequest);
      return Promise.resolve({ status: 200, headers: EVENT_STREAM, body: follow(async (onProgress) => ({ streams: await lake.compact(stream, { signal: request.signal, onProgress }) })) });
    }),
    route("POST", "/v1/lake/verify", "look at the bytes of every file and bring back what can be; answers with server-sent events", (_, request) =>
      Promise.resolve({ status: 200, headers: EVENT_STREAM, body: follow(async (onProgress) => ({ streams: await lake.verify({ signal: request.signal, onProgress }) })) })),
  ];
}

async function describeLake({ lake, prices, cache }: LakeSources): Promise<LakeDocument> {
  const waiting = lake.statistics();
  const streams = (await lake.storage()).map((storage) => ({ ...storageCost(storage, prices), waitingRows: waiting[storage.stream]?.waitingRows ?? 0 }));
  return { streams: streams.toSorted((a, b) => (a.stream < b.stream ? -1 : 1)), prices, cache: cache() };
}

/** Progress, then the result or the error of the work, as server-sent events. */
async function* follow(start: (onProgress: (progress: unknown) => void) => Promise<unknown>): AsyncGenerator<string> {
  const said: string[] = [];
  let bell = Promise.withResolvers<void>();
  const say = (event: string, data: unknown): void => {
    said.push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    bell.resolve();
  };
  let isOver = false;
  const work = start((progress) => say("progress", progress))
    .then((result) => say("result", result), (thrown: unknown) => say("error", toStrataError(thrown).toJSON()))
    .finally(() => { isOver = true; });
  while (!isOver || said.length > 0) {
    if (said.length === 0) await bell.promise;
    bell = Promise.withResolvers();
    yield* said.splice(0);
    if (said.length === 0 && !isOver) await Promise.race([bell.promise, work]);
  }
}
