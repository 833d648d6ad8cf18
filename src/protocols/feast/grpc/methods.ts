/** Feast's gRPC methods as plain functions: request message in, response message out; the listener gives errors their status. */
import type { OnlineFeatures } from "../../../data/index.ts";
import { DetailedRefusal } from "../body-check.ts";
import { feastFailureOf } from "../feast-error.ts";
import type { FeastParts } from "../feast.ts";
import { pushFrame, writeFrame } from "../feast.ts";
import { resolveFeatures } from "../feature-references.ts";
import type { FeastSelection } from "../feature-references.ts";
import type { Frame } from "../frame-rows.ts";
import { absenceOf } from "../online-answer.ts";
import { questionOf } from "../online-request.ts";
import { keyValue, plainValue, valueMessage } from "./value-message.ts";
import type { RepeatedValueMessage, ValueMessage } from "./value-message.ts";

export interface OnlineRequestMessage {
  readonly kind?: "feature_service" | "features";
  readonly feature_service?: string;
  readonly features?: { readonly val: readonly string[] };
  readonly entities: Readonly<Record<string, RepeatedValueMessage>>;
  readonly request_context: Readonly<Record<string, RepeatedValueMessage>>;
  readonly full_feature_names: boolean;
  readonly include_feature_view_version_metadata: boolean;
}

const EPOCH = { seconds: 0, nanos: 0 };

export async function getOnlineFeatures({ application, reader }: FeastParts, request: OnlineRequestMessage): Promise<object> {
  const { entities, request_context: context, full_feature_names: isFullNames } = request;
  const asked = resolveFeatures(application(), { service: request.kind === "feature_service" ? request.feature_service : undefined, features: request.features?.val ?? [], isFullNames });
  const { requestFields } = asked.selection;
  const columns = Object.entries({ ...entities, ...context }).map(([name, { val }]) => [name, val.map(requestFields.includes(name) ? plainValue : keyValue)] as const);
  const question = questionOf(asked, Object.fromEntries(columns));
  const keys = question.echoed.map(([name]) => vector(entities[name]!.val, entities[name]!.val.map(() => "PRESENT"), undefined));
  const views = request.include_feature_view_version_metadata ? asked.selection.views.map(({ view }) => ({ name: view.name, version: 0 })) : [];
  return reader.read(asked.selection, question, (online) => ({
    results: [...keys, ...viewVectors(asked, online), ...onDemandVectors(online)],
    metadata: { feature_names: { val: [...question.echoed.map(([name]) => name), ...asked.viewColumns.flat().map(({ name }) => name), ...asked.onDemandColumns.flat()] }, feature_view_metadata: views },
  }));
}

function vector(values: readonly ValueMessage[], statuses: readonly string[], times: readonly object[] | undefined): object {
  return { values, statuses, event_timestamps: times ?? values.map(() => EPOCH) };
}

function viewVectors(asked: FeastSelection, { views, rows, atMs }: OnlineFeatures): readonly object[] {
  return views.flatMap((block, view) => {
    const absences = Array.from({ length: rows }, (_, row) => absenceOf(block, row, atMs));
    const times = Array.from({ length: rows }, (_, row) => timeMessage(block.latestMs[row]!));
    return asked.viewColumns[view]!.map(({ isFloat }, column) => {
      const place = block.selected.places[column]!;
      const values = absences.map((absence, row) => (absence === undefined ? block.reader.valueOf(place, block.values, row * block.reader.width) : null));
      return vector(values.map((value) => valueMessage(value, isFloat)), values.map((value, row) => absences[row] ?? (value === null ? "NULL_VALUE" : "PRESENT")), times);
    });
  });
}

function onDemandVectors({ onDemand }: OnlineFeatures): readonly object[] {
  return onDemand.flatMap(({ columns }) => columns.map((values) => vector(values.map((value) => valueMessage(value, true)), values.map(() => "PRESENT"), undefined)));
}

function timeMessage(timeMs: number): object {
  if (!Number.isFinite(timeMs)) return EPOCH;
  const seconds = Math.floor(timeMs / 1_000);
  return { seconds, nanos: Math.round((timeMs - seconds * 1_000) * 1_000_000) };
}

interface FrameMessage {
  readonly features: Readonly<Record<string, string>>;
  readonly typed_features: Readonly<Record<string, ValueMessage>>;
}

export async function push(parts: FeastParts, request: FrameMessage & { readonly stream_feature_view: string; readonly to: string }): Promise<object> {
  await pushFrame(parts, { source: request.stream_feature_view, to: request.to, ...frameOf(request) });
  return { status: true };
}

export async function writeToOnlineStore(parts: FeastParts, request: FrameMessage & { readonly feature_view_name: string }): Promise<object> {
  await writeFrame(parts, { view: request.feature_view_name, ...frameOf(request) });
  return { status: true };
}

/** One row, as text or typed. */
function frameOf({ features, typed_features: typed }: FrameMessage): { readonly frame: Frame; readonly isText: boolean } {
  const isTyped = Object.keys(typed).length > 0;
  if (isTyped && Object.keys(features).length > 0) throw new FrameAmbiguous();
  const members = isTyped ? Object.entries(typed).map(([name, value]) => [name, [plainValue(value)]]) : Object.entries(features).map(([name, value]) => [name, [value]]);
  return { frame: Object.fromEntries(members) as Frame, isText: !isTyped };
}

class FrameAmbiguous extends Error {
  constructor() {
    super("Only one of features or typed_features may be set, not both");
  }
}

type StatusName = "INVALID_ARGUMENT" | "NOT_FOUND" | "INTERNAL" | "UNAVAILABLE" | "RESOURCE_EXHAUSTED";

/** The Python server says INTERNAL to all but two mistakes; ServingService tells a caller's fault from its own. */
export function grpcFailure(thrown: unknown, isPythonServer: boolean): { readonly code: StatusName; readonly details: string } {
  if (thrown instanceof FrameAmbiguous) return { code: "INVALID_ARGUMENT", details: thrown.message };
  if (thrown instanceof DetailedRefusal) return { code: isPythonServer ? "INTERNAL" : "INVALID_ARGUMENT", details: thrown.message };
  const { status, kind, message } = feastFailureOf(thrown);
  if (kind === "PushSourceNotFoundException") return { code: "INVALID_ARGUMENT", details: message };
  if (isPythonServer) return { code: "INTERNAL", details: message };
  const codes: Readonly<Record<number, StatusName>> = { 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE" };
  return { code: codes[status] ?? (kind === "FeastError" && status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT"), details: message };
}
