/** The events that a training set or an audit needs: which fields of which streams, each stream read once. */
import { fieldsOf } from "../../define/index.ts";
import type { Candidates, ExpressionNode, FeatureView, Model, Stream } from "../../define/index.ts";
import { fieldsOfView } from "../features/event-fields.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import type { Lake } from "../lake/lake.ts";
import type { LakeSnapshot } from "../lake/snapshot.ts";
import { fieldsOfInteractions, planInteractions } from "../candidates/interaction-plan.ts";

/** Fields by stream name. */
export type NeededFields = ReadonlyMap<string, ReadonlySet<string>>;

export interface EventSource {
  /** All events of the stream in the snapshot, with the needed fields. */
  events(stream: string): Promise<EventColumns>;
  /** The candidate source's streams, by name. */
  eventsOf(candidates: Candidates): Promise<ReadonlyMap<string, EventColumns>>;
}

export interface EventSourceOptions {
  readonly lake: Pick<Lake, "readEvents">;
  readonly snapshot: LakeSnapshot;
  readonly needed: NeededFields;
  readonly signal?: AbortSignal | undefined;
}

export function createEventSource({ lake, snapshot, needed, signal }: EventSourceOptions): EventSource {
  const reads = new Map<string, Promise<EventColumns>>();
  const events = (stream: string): Promise<EventColumns> => {
    let read = reads.get(stream);
    if (!read) reads.set(stream, read = lake.readEvents(stream, { snapshot, fields: needed.get(stream) ?? [], ...(signal ? { signal } : {}) }));
    return read;
  };
  return {
    events,
    eventsOf: async (candidates) => {
      const all = new Map<string, EventColumns>();
      for (const stream of planInteractions(candidates).keys()) all.set(stream, await events(stream));
      return all;
    },
  };
}

/** What the features of a model are computed from. */
export function fieldsForFeatures(views: Iterable<FeatureView>, candidates: Iterable<Candidates>): NeededFields {
  const needed = new Map<string, Set<string>>();
  for (const view of views) addFields(needed, view.from, fieldsOfView(view));
  for (const source of candidates) {
    for (const [stream, planned] of planInteractions(source)) addFields(needed, { name: stream }, fieldsOfInteractions(planned));
  }
  return needed;
}

/** What the examples and labels of a model are made from. */
export function fieldsForExamples({ examples, label }: Model): NeededFields {
  const needed = new Map<string, Set<string>>();
  if (examples.kind === "each-event") {
    addFields(needed, examples.from, fieldsOfAll([...Object.values<ExpressionNode>(examples.keys), examples.where]));
    if (label.kind === "value") addFields(needed, examples.from, fieldsOf(label.of));
  }
  if (label.kind === "happens-within") addFields(needed, label.from, fieldsOfAll(Object.values(label.keys)));
  return needed;
}

export function mergeFields(...parts: readonly NeededFields[]): NeededFields {
  const merged = new Map<string, Set<string>>();
  for (const part of parts) for (const [stream, fields] of part) addFields(merged, { name: stream }, fields);
  return merged;
}

function fieldsOfAll(nodes: readonly (ExpressionNode | undefined)[]): ReadonlySet<string> {
  return new Set(nodes.flatMap((node) => (node === undefined ? [] : [...fieldsOf(node)])));
}

function addFields(needed: Map<string, Set<string>>, { name }: Pick<Stream, "name">, fields: Iterable<string>): void {
  const known = needed.get(name) ?? new Set();
  needed.set(name, known);
  for (const field of fields) known.add(field);
}
