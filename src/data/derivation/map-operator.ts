/**
 * Filter, map and enrich: each event of `from` makes at most one event. Features are those just before the event: the
 * operator keeps its own state of each view and applies the views' events in the derivation's order, so that a replay
 * reads the very same values.
 */
import { compileExpression } from "../../define/index.ts";
import type { Enrichment, MapDerivation, Stream } from "../../define/index.ts";
import { reasonOf } from "../../kernel/errors.ts";
import { joinSections, splitSections } from "../features/binary-sections.ts";
import { hashViewState } from "../features/view-checkpoint.ts";
import { decodeViewState, encodeViewState } from "../features/view-snapshot.ts";
import { createViewState, type FeatureValue, type ViewState } from "../features/view-state.ts";
import { keyPart } from "../features/entity-key.ts";
import type { Row } from "../streams/recent-rows.ts";
import { compileFieldMap } from "./field-maker.ts";
import { sourceName, type Emit, type Made, type Operator, type SourceEvent } from "./operator.ts";

const MAGIC = "strata-map-1\n";

export function createMapOperator({ from, enrich, where, map, transform }: MapDerivation, bytes?: Uint8Array): Operator {
  const sections = bytes === undefined || enrich.length === 0 ? [] : splitSections(MAGIC, bytes);
  const readers = enrich.map((enrichment, at) => createFeatureReader(enrichment, { from, bytes: sections[at] }));
  const holds = where === undefined ? undefined : compileExpression(where);
  const makeFields = map === undefined ? undefined : compileFieldMap(map);

  /** The new event; undefined when it is dropped, a problem's sentence when `transform` failed. */
  const make = (event: SourceEvent): Made | string | undefined => {
    const features = readers.map((reader) => reader.read(event));
    const known = features.length === 0 ? event.row : Object.assign({}, event.row, ...features.map(({ fields }) => fields)) as Row; // fields of features are "view.feature"
    if (holds !== undefined && holds(known, event.timeMs) !== true) return undefined;
    const base = { id: `of:${sourceName(event)}`, timeMs: event.timeMs, knownAtMs: event.knownAtMs };
    if (makeFields !== undefined) return { ...base, row: makeFields(known, event.timeMs) };
    if (transform === undefined) return { ...base, row: event.row, payload: event.payload };
    try {
      const row = transform(event.row, Object.fromEntries(features.map(({ view, values }) => [view, values])));
      return row === undefined ? undefined : { ...base, row };
    } catch (thrown) {
      return `transform failed: ${reasonOf(thrown)}`;
    }
  };

  const applyFrom = (event: SourceEvent, emit: Emit): void => {
    const made = make(event);
    if (typeof made === "string") emit({ id: `of:${sourceName(event)}`, payload: event.payload, problems: [{ path: "", message: made, code: "transform failed" }] });
    else if (made !== undefined) emit(made);
  };

  return {
    apply: (event, emit) => {
      if (event.stream === from.name) applyFrom(event, emit);
      for (const reader of readers) reader.apply(event);
    },
    advance: () => undefined, // nothing waits for a watermark
    waitsFor: () => Infinity,
    save: () => (readers.length === 0 ? NO_BYTES : joinSections(MAGIC, readers.map((reader) => reader.save()))),
    get counts() { return { late: 0, keyless: readers.reduce((sum, { keyless }) => sum + keyless(), 0), held: readers.reduce((sum, { held }) => sum + held(), 0) }; },
  };
}

const NO_BYTES = new Uint8Array(0);

interface Features {
  readonly view: string;
  /** As the expressions name them. */
  readonly fields: Readonly<Record<string, FeatureValue>>;
  readonly values: Readonly<Record<string, FeatureValue>>;
}

function createFeatureReader({ view, by }: Enrichment, { from, bytes }: { readonly from: Stream; readonly bytes: Uint8Array | undefined }) {
  const hash = hashViewState(view);
  const state = bytes === undefined ? createViewState(view) : decodeViewState(view, hash, bytes);
  const keys = view.entities.map((entity) => compileExpression(by[entity.name]!)); // the definition was checked
  const names = Object.keys(view.features);
  const latenessMs = Math.max(from.latenessMs, view.from.latenessMs);
  const missing = names.map(() => null);

  const valuesFor = (event: SourceEvent): readonly FeatureValue[] => {
    // older events may have left memory, and when they do depends on the run: such a read is missing in every run
    if (event.timeMs < state.progress.latestMs - latenessMs) return missing;
    const parts = keys.map((key) => keyPart(key(event.row, event.timeMs)));
    return parts.every((part) => part !== undefined) ? state.read(parts, event.timeMs) : missing;
  };

  return {
    read: (event: SourceEvent): Features => {
      const values = valuesFor(event);
      return {
        view: view.name,
        fields: Object.fromEntries(names.map((name, at) => [`${view.name}.${name}`, values[at]!])),
        values: Object.fromEntries(names.map((name, at) => [name, values[at]!])),
      };
    },
    apply: (event: SourceEvent): void => {
      if (event.stream !== view.from.name) return;
      applyOne(state, event);
      state.evict({ nowMs: Infinity, latenessMs, visits: 1 });
    },
    save: () => encodeViewState(state, hash),
    keyless: () => state.progress.keylessEvents,
    held: () => state.store.eventCount,
  };
}

function applyOne(state: ViewState, { stream, offset, timeMs, knownAtMs, row }: SourceEvent): void {
  state.apply({ stream, baseOffset: offset, timesMs: Float64Array.of(timeMs), knownAtMs: Float64Array.of(knownAtMs), rows: [row] });
}
