/**
 * A data frame, columns by name, as events of a stream. What Feast calls a value written to a view is an event here, so
 * only features that are a field's last value can be written; what is computed from events is refused with the reason.
 *
 * Columns are found in this order: a field of the stream by its name, `event_timestamp` for the event's time, an entity
 * for the field that holds its key, a feature for the field whose last value it is. `created` is not taken over: when
 * an event became known is for the platform to say, or training could see the future. Missing values are left out.
 */
import type { IngestRow } from "../../data/index.ts";
import type { FeatureView, Stream } from "../../define/index.ts";
import { hashOf } from "../../kernel/hash.ts";
import { DetailedRefusal } from "./body-check.ts";
import { FeastFailure, plainError } from "./feast-error.ts";

export type Frame = Readonly<Record<string, unknown>>;

const TIME_COLUMN = "event_timestamp";
const CREATED_COLUMNS: ReadonlySet<string> = new Set(["created", "created_timestamp"]);

export interface FrameTarget {
  readonly stream: Stream;
  /** Views whose entities and features may name columns. */
  readonly views: readonly FeatureView[];
  /** The columns are values of the view's features, not events that it aggregates. */
  readonly isWrite: boolean;
  /** All values are text, and mean what the field they go to is. */
  readonly isText?: boolean;
}

/** FeastFailure for what pandas would not take as a frame, DetailedRefusal for a time that is none. */
export function rowsOfFrame(frame: Frame, target: FrameTarget): readonly IngestRow[] {
  const columns = Object.entries(frame);
  if (columns.length === 0) return [];
  if (columns.some(([, values]) => !Array.isArray(values))) throw plainError("If using all scalar values, you must pass an index");
  const rows = (columns[0]![1] as readonly unknown[]).length;
  if (columns.some(([, values]) => (values as readonly unknown[]).length !== rows)) throw plainError("All arrays must be of the same length");
  const writers = columns.flatMap(([name, values]) => writerOf(name, values as readonly unknown[], target) ?? []);
  return Array.from({ length: rows }, (_, row) => {
    const made: MutableRow = { row: {} };
    for (const write of writers) write(made, row);
    return withId(made, target.stream);
  });
}

interface MutableRow {
  readonly row: Record<string, unknown>;
  timeMs?: number;
}

type Writer = (made: MutableRow, row: number) => void;

function writerOf(name: string, values: readonly unknown[], target: FrameTarget): Writer | undefined {
  const { stream } = target;
  if (target.isWrite) refuseComputed(name, target);
  const field = (known: string): Writer => fieldWriter(known, target.isText === true ? values.map((value) => readText(value, kindOf(stream, known))) : values, isKey(known, target) && isText(stream, known));
  if (name in stream.schema.shape && name !== stream.time) return field(name);
  if (name === TIME_COLUMN || name === stream.time) return timeWriter(name, values, stream);
  if (CREATED_COLUMNS.has(name)) return undefined;
  return field(keyField(name, target) ?? lastField(name, target) ?? name);
}

/** A text that is none of its kind stays one: the stream's schema then says what is wrong. */
function readText(value: unknown, kind: string | undefined): unknown {
  if (typeof value !== "string") return value;
  if (kind === "number" && value.trim() !== "" && !Number.isNaN(Number(value))) return Number(value);
  return kind === "boolean" && /^(?:true|false)$/i.test(value) ? value.toLowerCase() === "true" : value;
}

function fieldWriter(field: string, values: readonly unknown[], isTextKey: boolean): Writer {
  return ({ row }, index) => {
    const value = values[index];
    if (value === null || value === undefined) return;
    row[field] = isTextKey && typeof value === "number" ? String(value) : value;
  };
}

function timeWriter(name: string, values: readonly unknown[], stream: Stream): Writer {
  return (made, index) => {
    const value = values[index];
    if (value === null || value === undefined) return;
    const timeMs = timeOf(value);
    if (timeMs === undefined) throw new DetailedRefusal([{ type: "datetime_parsing", loc: ["body", "df", name, index], msg: "Input should be a valid datetime", input: value }]);
    made.timeMs = timeMs;
    if (stream.time !== undefined) made.row[stream.time] = isText(stream, stream.time) ? new Date(timeMs).toISOString() : timeMs;
  };
}

/** ISO 8601 as pandas and Python write it, without a zone meaning UTC; a number is ms since the epoch. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === "number") return Math.abs(value) <= 8.64e15 ? value : undefined;
  if (typeof value !== "string") return undefined;
  const [, day, clock = "T00:00:00", zone = "Z"] = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/.exec(value.trim()) ?? [];
  if (day === undefined) return undefined;
  const timeMs = Date.parse(`${day}${clock.startsWith("T") ? clock : `T${clock}`}${/^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone}`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

const isText = (stream: Stream, field: string): boolean => kindOf(stream, field) !== "number";

function kindOf(stream: Stream, field: string): string | undefined {
  let node = stream.schema.shape[field] as { readonly type?: string; readonly def?: { readonly innerType?: unknown } } | undefined; // zod 4 exposes both
  while (node?.def?.innerType !== undefined) node = node.def.innerType as typeof node;
  return node?.type;
}

/** The field that holds the key of an entity, where it is one field. */
function keyField(entity: string, { views }: FrameTarget): string | undefined {
  const nodes = views.flatMap((view) => view.by[entity] ?? []);
  return nodes.flatMap((node) => (node.op === "field" ? [node.name] : []))[0];
}

const isKey = (field: string, { views }: FrameTarget): boolean => views.some(({ by }) => Object.values(by).some((node) => node.op === "field" && node.name === field));

/** The field whose last value a feature is. */
function lastField(feature: string, { views }: FrameTarget): string | undefined {
  return views.flatMap(({ features }) => {
    const node = features[feature];
    return node?.aggregation === "last" && node.of?.op === "field" && node.where === undefined ? [node.of.name] : [];
  })[0];
}

function refuseComputed(name: string, target: FrameTarget): void {
  const [view] = target.views;
  const node = view?.features[name];
  if (view === undefined || node === undefined || lastField(name, target) !== undefined) return;
  throw new FeastFailure(422, `Feature '${name}' of view '${view.name}' is computed from the events of stream '${view.from.name}' (${node.aggregation}) and cannot be written. Push the events: POST /push with push_source_name '${view.from.name}'.`, "FeastError");
}

/** The same row sent again is the same event: where the stream wants an id and the frame has none, its content is the id. */
function withId({ row, timeMs }: MutableRow, stream: Stream): IngestRow {
  const time = timeMs === undefined ? {} : { timeMs };
  if (stream.id !== undefined && row[stream.id] !== undefined) return { row, ...time };
  const id = hashOf([row, timeMs]).slice(0, 32);
  return { row: stream.id === undefined ? row : { ...row, [stream.id]: id }, id, ...time };
}
