/**
 * One feature view's online state: takes the stream's events in order of offset, answers reads by key and time.
 * It does no I/O and keeps no clock; the engine feeds it, asks it and stores its snapshots.
 *
 * Reads are exact for times not further back than the stream's lateness; older ones are refused once events that
 * they would need have left memory.
 */
import { compileExpression } from "../../define/index.ts";
import type { FeatureView, Scalar } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { createKeyReader, joinKey } from "./entity-key.ts";
import { createEntityStore } from "./entity-store.ts";
import type { EntityStore, StoreOptions } from "./entity-store.ts";
import { createFieldReader } from "./event-fields.ts";
import { writeSlot } from "./slot-values.ts";
import type { WindowColumns } from "./window-columns.ts";
import { planWindows } from "./window-plan.ts";
import type { PlannedFeature, WindowPlan } from "./window-plan.ts";

/** A feature's value, or its list of values; null = missing, a list of which every place is missing included. */
export type FeatureValue = Scalar | null | readonly (Scalar | null)[];

/** Where a view stands besides its columns; stored with them. */
export interface ViewProgress {
  /** Everything below this offset was applied. */
  nextOffset: number;
  /** Events that belong to an entity and pass the view's condition, ever. */
  appliedEvents: number;
  /** Events without a usable key, ever. */
  keylessEvents: number;
  /** Events that left memory, ever. */
  evictedEvents: number;
  /** The latest event time seen. */
  latestMs: number;
  /** Events before this may have left memory. */
  horizonMs: number;
}

/** Reads a view for callers that make their own answer of the numbers; see WindowOperator for what they mean. */
export interface ViewReader {
  /**
   * Writes the features of a joined key at a time; returns the time of the entity's latest event then, -Infinity when
   * it has none that any feature could see. FEATURE_TIME_TOO_OLD as for `read`.
   */
  evaluate(key: string, atMs: number, out: Float64Array): number;
  /** Numbers that `evaluate` writes: a feature whose value is a list takes several. */
  readonly width: number;
  /** What was written for the feature at this place of the view, into `values` from `start` on. */
  valueOf(feature: number, values: Float64Array, start: number): FeatureValue;
}

export interface ViewState extends ViewReader {
  readonly view: FeatureView;
  readonly plan: WindowPlan;
  readonly store: EntityStore;
  readonly progress: ViewProgress;
  /** Applies the events of a batch that were not applied yet; `onChanged` hears the key of each event's entity. */
  apply(batch: DecodedBatch, onChanged?: (key: string) => void): void;
  /** Everything that the view keeps of the entity, as bytes that createPackedReader reads anywhere; undefined when it is not known. */
  pack(key: string): Uint8Array | undefined;
  /** Takes over an entity that another state packed: in place of what is known of it here. Bytes of another definition throw an Error. */
  unpack(key: string, bytes: Uint8Array): void;
  /** Drops events that no read within the stream's lateness before `nowMs` can need; `visits` entities in turn. */
  evict(options: { readonly nowMs: number; readonly latenessMs: number; readonly visits: number }): void;
  /**
   * The entity's features, in the order of the view's features.
   * Raises ENTITY_KEY_INVALID, or FEATURE_TIME_TOO_OLD when events that `atMs` needs have left memory.
   */
  read(keyParts: readonly string[], atMs: number): readonly FeatureValue[];
}

export interface ViewStateOptions extends StoreOptions {
  /** A state that is taken up where it stood. */
  readonly taken?: { readonly store: EntityStore; readonly progress: ViewProgress };
}

export function createViewState(view: FeatureView, { taken, ...options }: ViewStateOptions = {}): ViewState {
  const plan = planWindows(view);
  return buildState({ view, plan, ...(taken ?? { store: createEntityStore(plan, options), progress: startOfLog() }) });
}

function startOfLog(): ViewProgress {
  return { nextOffset: 0, appliedEvents: 0, keylessEvents: 0, evictedEvents: 0, latestMs: Number.NEGATIVE_INFINITY, horizonMs: Number.NEGATIVE_INFINITY };
}

type StateParts = Pick<ViewState, "view" | "plan" | "store" | "progress">;

function buildState(parts: StateParts): ViewState {
  const { view, plan, store, progress } = parts;
  const values = new Float64Array(plan.width);
  return {
    ...parts,
    width: plan.width,
    valueOf: (feature, written, start) => toFeatureValue(plan.features[feature]!, { values: written, start }, store.columns),
    evaluate: (key, atMs, out) => {
      refuseTooOld(view, plan, { atMs, horizonMs: progress.horizonMs });
      const entity = store.find(key);
      store.evaluate(entity, atMs, out);
      const latestMs = store.latestMs(entity, atMs);
      // Without a ttl an event that has left every window is as good as none, whether or not it has left memory yet.
      return plan.ttlMs !== undefined || plan.hasLifetime || latestMs > atMs - plan.keepMs ? latestMs : Number.NEGATIVE_INFINITY;
    },
    apply: createApplier(parts),
    evict: ({ nowMs, latenessMs, visits }) => {
      const horizonMs = Math.min(nowMs, progress.latestMs) - latenessMs - plan.keepMs;
      if (!(horizonMs > Number.NEGATIVE_INFINITY)) return;
      const evicted = store.evict(horizonMs, visits);
      progress.evictedEvents += evicted;
      if (evicted > 0) progress.horizonMs = Math.max(progress.horizonMs, horizonMs);
    },
    pack: (key) => {
      const entity = store.find(key);
      return entity < 0 ? undefined : store.pack(entity, progress.horizonMs);
    },
    unpack: (key, bytes) => {
      const { horizonMs } = store.unpack(key, bytes);
      progress.horizonMs = Math.max(progress.horizonMs, horizonMs);
    },
    read: (keyParts, atMs) => {
      refuseTooOld(view, plan, { atMs, horizonMs: progress.horizonMs });
      store.evaluate(store.find(joinKey(view, keyParts)), atMs, values);
      return toFeatureValues(plan, values, store.columns);
    },
  };
}

function createApplier({ view, plan, store, progress }: StateParts): ViewState["apply"] {
  const keyOf = createKeyReader(view);
  const fieldsOf = createFieldReader(view);
  const holds = view.where === undefined ? undefined : compileExpression(view.where);
  const event = { row: {} as Readonly<Record<string, unknown>>, timeMs: 0 };

  const applyEvent = (onChanged: ((key: string) => void) | undefined): void => {
    if (holds !== undefined && holds(event.row, event.timeMs) !== true) return;
    const key = keyOf(event.row, event.timeMs);
    if (key === undefined) {
      progress.keylessEvents++;
      return;
    }
    const at = store.append(store.enter(key));
    store.columns.times[at] = event.timeMs;
    for (let slot = 0; slot < plan.slots.length; slot++) writeSlot(plan.slots[slot]!, store.columns, event, at);
    progress.appliedEvents++;
    onChanged?.(key);
  };

  return ({ baseOffset, rows, timesMs }, onChanged) => {
    for (let index = Math.max(0, progress.nextOffset - baseOffset); index < rows.length; index++) {
      event.row = fieldsOf(rows[index]!);
      event.timeMs = timesMs[index]!;
      if (event.timeMs > progress.latestMs) progress.latestMs = event.timeMs;
      applyEvent(onChanged);
    }
    progress.nextOffset = Math.max(progress.nextOffset, baseOffset + rows.length);
  };
}

/** The operator's numbers as values, in the order of the view's features. */
export function toFeatureValues(plan: WindowPlan, values: Float64Array, columns: WindowColumns): readonly FeatureValue[] {
  const written = { values, start: 0 };
  return plan.features.map((feature) => toFeatureValue(feature, written, columns));
}

function toFeatureValue(feature: PlannedFeature, { values, start }: { readonly values: Float64Array; readonly start: number }, columns: WindowColumns): FeatureValue {
  const at = start + feature.at;
  if (!feature.isList) return toScalar(feature, values[at]!, columns);
  const list = feature.columns.map((_, place) => toScalar(feature, values[at + place]!, columns));
  return list.every((value) => value === null) ? null : list;
}

function toScalar({ type, codeColumn }: PlannedFeature, value: number, columns: WindowColumns): Scalar | null {
  if (Number.isNaN(value)) return null;
  if (type === "number") return value;
  return type === "boolean" ? value === 1 : columns.dictionaries[codeColumn]!.values[value]!;
}

/** FEATURE_TIME_TOO_OLD for a time that needs events from before the horizon. */
export function refuseTooOld(view: FeatureView, plan: WindowPlan, { atMs, horizonMs }: { readonly atMs: number; readonly horizonMs: number }): void {
  const oldestMs = horizonMs + plan.keepMs;
  if (atMs < oldestMs) throw new StrataError("FEATURE_TIME_TOO_OLD", { view: view.name, time: isoTime(atMs), oldest: isoTime(oldestMs) });
}

function isoTime(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs); // what a Date can hold
}
