/**
 * Reads selected features of many entities at one moment: the numbers of each view, the age of what they rest on, and
 * on-demand features computed from them. Protocols turn the result into their answers; feature services, Feast's API
 * and its gRPC all read through here.
 */
import type { OnDemand } from "../../define/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, listProblems, reasonOf } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { Histogram, Logger, Meter } from "../../ports/telemetry.ts";
import type { FeatureEngine } from "../features/engine.ts";
import type { ViewReader } from "../features/view-state.ts";
import { KEY_SEPARATOR } from "../../define/index.ts";
import type { FeatureSelection, SelectedOnDemand, SelectedView } from "./feature-selection.ts";

/** Values of one view, row by row; the arrays are used again by the next read. */
export interface ViewBlock {
  readonly selected: SelectedView;
  readonly reader: ViewReader;
  /** Rows × the reader's width, as the window operator writes them. */
  readonly values: Float64Array;
  /** Time of the entity's latest event; -Infinity when there is none that counts, or a key is missing. */
  readonly latestMs: Float64Array;
}

export interface OnDemandBlock {
  readonly selected: SelectedOnDemand;
  /** One column per output that was asked for; null = missing. */
  readonly columns: readonly (readonly (number | null)[])[];
}

export interface OnlineFeatures {
  readonly rows: number;
  readonly atMs: number;
  readonly views: readonly ViewBlock[];
  readonly onDemand: readonly OnDemandBlock[];
}

export interface OnlineQuestion {
  readonly rows: number;
  /** One column of key texts per entity; undefined where a row has no key. */
  readonly keys: Readonly<Record<string, readonly (string | undefined)[] | undefined>>;
  /** One column per request value. */
  readonly request: Readonly<Record<string, readonly unknown[] | undefined>>;
  /** Default: now. */
  readonly atMs?: number;
}

export interface OnlineFeatureReader {
  /**
   * Everything acknowledged before the call is in what `use` gets; `use` must make what it needs of it at once.
   * REQUEST_INVALID for request values, FEATURE_VIEW_BUILDING, ENTITY_KEY_INVALID for a reserved character,
   * FEATURE_TIME_TOO_OLD. An on-demand function that fails gives missing values and is counted.
   */
  read<Result>(selection: FeatureSelection, question: OnlineQuestion, use: (online: OnlineFeatures) => Result): Promise<Result>;
  /** Next offset per stream: everything before is in what was just read. */
  offsets(selection: FeatureSelection): Readonly<Record<string, number>>;
}

export interface OnlineFeatureOptions {
  readonly features: Pick<FeatureEngine, "fresh" | "reader" | "appliedOffset">;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Hears of every read. */
  readonly onRead?: (online: OnlineFeatures, keys: OnlineQuestion["keys"]) => void;
}

/** By view. */
export const EVENT_AGE_METRIC = "strata_feature_event_age_seconds";

export function createOnlineFeatureReader({ features, clock, meter, logger, onRead }: OnlineFeatureOptions): OnlineFeatureReader {
  const eventAge = meter.histogram(EVENT_AGE_METRIC, "Age of the latest event behind a feature row when it was served");
  const failures = meter.counter("strata_feature_on_demand_failures_total", "Rows for which an on-demand function failed or gave no number");
  const compute = createOnDemandComputer((name, reason) => {
    failures.add(1, { on_demand: name });
    return (isFirst) => { if (isFirst) logger.log("warn", `On-demand features "${name}" failed: ${reason}`, { onDemand: name }); };
  });
  const recordAge = createAgeRecorder(eventAge);
  const buffers = new WeakMap<SelectedView, Pick<ViewBlock, "values" | "latestMs">>();

  const bufferOf = (selected: SelectedView, rows: number, width: number): Pick<ViewBlock, "values" | "latestMs"> => {
    const known = buffers.get(selected);
    if (known !== undefined && known.latestMs.length >= rows && known.values.length >= rows * width) return known;
    const made = { values: new Float64Array(rows * width), latestMs: new Float64Array(rows) };
    if (rows <= MAX_KEPT_ROWS) buffers.set(selected, made);
    return made;
  };

  const readView = (selected: SelectedView, question: OnlineQuestion, atMs: number): ViewBlock => {
    const { rows, keys } = question;
    const reader = features.reader(selected.view.name);
    const { width } = reader;
    const { values, latestMs } = bufferOf(selected, rows, width);
    const columns = selected.entities.map((entity) => keys[entity]);
    for (let row = 0; row < rows; row++) {
      const key = keyAt(selected, columns, row);
      const out = rows === 1 ? values : values.subarray(row * width, (row + 1) * width);
      if (key === undefined) {
        out.fill(Number.NaN, 0, width);
        latestMs[row] = Number.NEGATIVE_INFINITY;
      } else latestMs[row] = reader.evaluate(key, atMs, out);
    }
    recordAge(selected.view.name, latestMs[rows - 1]!, atMs);
    return { selected, reader, values, latestMs };
  };

  return {
    read: async (selection, question, use) => {
      await features.fresh(selection.streams);
      const atMs = question.atMs ?? clock.now();
      const views = selection.views.map((selected) => readView(selected, question, atMs));
      const onDemand = selection.onDemand.map((selected) => compute(selected, { rows: question.rows, atMs, views, request: question.request }));
      const online = { rows: question.rows, atMs, views, onDemand };
      onRead?.(online, question.keys);
      return use(online);
    },
    offsets: ({ streams }) => Object.fromEntries(streams.map((stream) => [stream, features.appliedOffset(stream)])),
  };
}

/** Larger answers are rare, and their buffers would be kept for good. */
const MAX_KEPT_ROWS = 1_000;

/** One row of each read: with many rows the others would tell the same at many times the cost. */
function createAgeRecorder(histogram: Histogram): (view: string, latestMs: number, atMs: number) => void {
  const labels = new Map<string, { readonly view: string }>();
  return (view, latestMs, atMs) => {
    if (!(latestMs > Number.NEGATIVE_INFINITY)) return;
    let label = labels.get(view);
    if (label === undefined) labels.set(view, label = { view });
    histogram.record(Math.max(0, atMs - latestMs) / 1_000, label);
  };
}

function keyAt(selected: SelectedView, columns: readonly (readonly (string | undefined)[] | undefined)[], row: number): string | undefined {
  let key: string | undefined;
  for (let part = 0; part < columns.length; part++) {
    const text = columns[part]?.[row];
    if (text === undefined) return undefined;
    if (text.includes(KEY_SEPARATOR)) throw new StrataError("ENTITY_KEY_INVALID", { entity: selected.entities[part], reason: `a key of view "${selected.view.name}" contains the reserved character U+001F` });
    key = part === 0 ? text : `${key}${KEY_SEPARATOR}${text}`;
  }
  return key;
}

interface OnDemandInput {
  readonly rows: number;
  readonly atMs: number;
  readonly views: readonly ViewBlock[];
  readonly request: OnlineQuestion["request"];
}

type Report = (name: string, reason: string) => (isFirst: boolean) => void;

/** Runs the definition's own function, with the input that serving and training give it, and the request's values. */
function createOnDemandComputer(report: Report): (selected: SelectedOnDemand, input: OnDemandInput) => OnDemandBlock {
  const reported = new Set<string>();
  const fail = (name: string, reason: string): void => {
    report(name, reason)(!reported.has(name));
    reported.add(name);
  };
  return (selected, { rows, atMs, views, request }) => {
    const { onDemand, outputs } = selected;
    const columns = outputs.map((): (number | null)[] => []);
    for (let row = 0; row < rows; row++) {
      const input: Record<string, unknown> = { nowMs: atMs, request: requestAt(onDemand, request, row) };
      for (const source of selected.sources) input[views[source]!.selected.view.name] = recordAt(views[source]!, row);
      const result = computeRow(onDemand, input, fail);
      outputs.forEach((output, place) => columns[place]!.push(result[output] ?? null));
    }
    return { selected, columns };
  };
}

function computeRow(onDemand: OnDemand, input: Readonly<Record<string, unknown>>, fail: (name: string, reason: string) => void): Readonly<Record<string, number | null>> {
  try {
    const result = onDemand.compute(input);
    const bad = onDemand.outputs.filter((output) => result[output] !== null && !Number.isFinite(result[output]));
    if (bad.length === 0) return result;
    fail(onDemand.name, `output "${bad.join(", ")}" is not a finite number or null`);
    return { ...result, ...Object.fromEntries(bad.map((output) => [output, null])) };
  } catch (thrown) {
    fail(onDemand.name, reasonOf(thrown));
    return {};
  }
}

/** REQUEST_INVALID when the values are not what the on-demand function was declared to need. */
function requestAt({ name, request }: OnDemand, columns: OnlineQuestion["request"], row: number): Readonly<Record<string, unknown>> {
  if (request === undefined) return {};
  const parsed = request.safeParse(Object.fromEntries(Object.keys(request.shape).map((field) => [field, columns[field]?.[row]])));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue): Problem => ({ path: `${issue.path.join(".")}[${row}]`, message: issue.message, code: issue.code }));
  throw new StrataError("REQUEST_INVALID", { reason: `On-demand features "${name}" need other request values: ${listProblems(problems)}` }, { problems });
}

function recordAt({ selected, reader, values }: ViewBlock, row: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(selected.features.map((feature, place) => [feature, reader.valueOf(place, values, row * reader.width)]));
}
