/**
 * /materialize and /materialize-incremental. Feast copies values from an offline into an online store; here both come
 * from one log, so there is nothing to copy. What can be asked for is done instead: `/materialize` builds the views
 * again from all history, and `/materialize-incremental` waits until everything that is durable is in them.
 */
import type { Application } from "../../define/index.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { optional, queryTruth, readBody, text, texts, truth } from "./body-check.ts";
import { JSON_TYPE, featureViewNotFound, plainError, pythonList } from "./feast-error.ts";
import { timeOf } from "./frame-rows.ts";

export interface Materialization {
  /** Views that are being built now. */
  building(): readonly string[];
  /** Builds the views again from all history; the old state answers meanwhile. Resolves when they are in service. */
  rebuild(views: readonly string[]): Promise<void>;
  /** Resolves when everything durable now is in the views. */
  catchUp(views: readonly string[]): Promise<void>;
}

export interface MaterializeParts {
  readonly application: () => Application;
  readonly materialization: Materialization;
}

const VIEWS = { feature_views: { check: optional(texts), otherwise: undefined }, full_feature_names: { check: truth, otherwise: false }, version: { check: optional(text), otherwise: undefined } };
const REQUEST = { start_ts: { check: optional(text), otherwise: undefined }, end_ts: { check: optional(text), otherwise: undefined }, disable_event_timestamp: { check: truth, otherwise: false }, ...VIEWS };
const INCREMENTAL_REQUEST = { end_ts: { check: text }, ...VIEWS };
const NOTHING: HttpResponse = { status: 200, headers: JSON_TYPE, body: "null" };

export async function answerMaterialize(parts: MaterializeParts, request: HttpRequest): Promise<HttpResponse> {
  const { start_ts: start, end_ts: end, disable_event_timestamp: isTimeless, ...asked } = readBody(request, REQUEST);
  const mode = modeOf(request);
  const views = viewsOf(parts, asked);
  if (!isTimeless) checkTimes(start, end);
  return run(parts, { views, mode, work: () => parts.materialization.rebuild(views) });
}

export async function answerMaterializeIncremental(parts: MaterializeParts, request: HttpRequest): Promise<HttpResponse> {
  const { end_ts: end, ...asked } = readBody(request, INCREMENTAL_REQUEST);
  const mode = modeOf(request);
  const views = viewsOf(parts, asked);
  if (timeOf(end) === undefined) throw plainError(`Unknown string format: ${end}`);
  return run(parts, { views, mode, work: () => parts.materialization.catchUp(views) });
}

interface Mode {
  readonly isAsync: boolean;
  readonly isForced: boolean;
}

function modeOf({ query }: HttpRequest): Mode {
  return { isAsync: queryTruth(query, "async"), isForced: queryTruth(query, "force") };
}

interface Run {
  readonly views: readonly string[];
  readonly mode: Mode;
  readonly work: () => Promise<void>;
}

async function run({ materialization }: MaterializeParts, { views, mode, work }: Run): Promise<HttpResponse> {
  if (!mode.isAsync) {
    await work();
    return NOTHING;
  }
  const building = materialization.building().filter((view) => views.includes(view));
  if (building.length > 0 && !mode.isForced) {
    const error = `Cannot start async materialization — the following feature views are already in MATERIALIZING state: ${pythonList(building)}. Use ?force=true to override.`;
    return { status: 409, headers: JSON_TYPE, body: JSON.stringify({ error, feature_views: building }) };
  }
  work().catch(() => undefined); // the engine logs why a view could not be built, and its health says so
  return { status: 202, headers: JSON_TYPE, body: JSON.stringify({ status: "accepted", feature_views: views }) };
}

/** All views where none are named. */
function viewsOf({ application }: MaterializeParts, { feature_views: named, version }: { readonly feature_views?: readonly string[] | undefined; readonly version?: string | undefined }): readonly string[] {
  if (version !== undefined) throw plainError("Version-aware materialization requires 'enable_online_feature_view_versioning: true' under 'registry' in feature_store.yaml.");
  const { featureViews, name: project } = application();
  const unknown = named?.find((view) => !featureViews.has(view));
  if (unknown !== undefined) throw featureViewNotFound(unknown, project);
  return named ?? [...featureViews.keys()];
}

function checkTimes(start: string | undefined, end: string | undefined): void {
  if (!start || !end) throw plainError("start_ts and end_ts are required when disable_event_timestamp is False");
  const [startMs, endMs] = [start, end].map((given) => {
    const timeMs = timeOf(given);
    if (timeMs === undefined) throw plainError(`Invalid timestamp format: Unknown string format: ${given}`);
    return timeMs;
  }) as [number, number];
  if (startMs >= endMs) throw plainError(`start_ts (${pythonTime(startMs)}) must be before end_ts (${pythonTime(endMs)})`);
}

/** 2026-02-01 00:00:00+00:00 */
function pythonTime(timeMs: number): string {
  const [day, clock = ""] = new Date(timeMs).toISOString().slice(0, -1).split("T");
  const [seconds, milliseconds] = clock.split(".");
  return `${day} ${seconds}${milliseconds === "000" ? "" : `.${milliseconds}000`}+00:00`;
}
