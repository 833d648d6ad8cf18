/**
 * Labels of the kind "happens within": the events of the label's stream by entity, sorted by time, asked whether one
 * lies in (t, t + window].
 */
import type { ExpressionNode, Label } from "../../define/index.ts";
import { createEntityNumbers } from "../features/entity-numbers.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import { keyColumnOf } from "./key-columns.ts";
import type { TextColumn } from "./training-set.ts";

export type HappensWithin = Extract<Label, { readonly kind: "happens-within" }>;

export interface OutcomeQuestions {
  readonly rows: number;
  readonly keys: Readonly<Record<string, TextColumn>>;
  readonly timesMs: Float64Array;
  /** The label stream's event that each example was made from, by position; it is not its own outcome. */
  readonly own?: Int32Array;
}

/** 1 where an event with the same keys happens in (t, t + window], else 0. */
export function labelOutcomes(label: HappensWithin, events: EventColumns, questions: OutcomeQuestions): Float64Array {
  const { timeline, entityOfEvent, find } = indexOutcomes(label, events, Object.keys(label.keys));
  const entities = find(questions.keys, questions.rows);
  return Float64Array.from({ length: questions.rows }, (_, row) => {
    const entity = entities[row]!;
    const [from, to] = timeline.within(entity, questions.timesMs[row]!, label.windowMs);
    const own = questions.own?.[row];
    const ownEvents = own !== undefined && entity >= 0 && entityOfEvent[own] === entity ? 1 : 0; // it lies 1 ms after the example
    return to - from - ownEvents > 0 ? 1 : 0;
  });
}

/** Different items among the outcomes of each question, whose keys are the label's without the item. */
export function countRelevant(label: HappensWithin, events: EventColumns, { item, questions }: { readonly item: string; readonly questions: OutcomeQuestions }): Float64Array {
  const { timeline, find } = indexOutcomes(label, events, Object.keys(label.keys).filter((key) => key !== item));
  const items = keyColumnOf(label.keys[item]!, events).codes;
  const entities = find(questions.keys, questions.rows);
  return Float64Array.from({ length: questions.rows }, (_, row) => {
    const [from, to] = timeline.within(entities[row]!, questions.timesMs[row]!, label.windowMs);
    const found = new Set<number>();
    for (let at = from; at < to; at++) {
      const code = items[timeline.events[at]!]!;
      if (code >= 0) found.add(code);
    }
    return found.size;
  });
}

interface OutcomeIndex {
  readonly timeline: Timeline;
  readonly entityOfEvent: Int32Array;
  find(keys: Readonly<Record<string, TextColumn>>, rows: number): Int32Array;
}

function indexOutcomes(label: HappensWithin, events: EventColumns, keys: readonly string[]): OutcomeIndex {
  const numbers = createEntityNumbers(keys.length);
  const nodes: readonly ExpressionNode[] = keys.map((key) => label.keys[key]!);
  const entityOfEvent = numbers.assign(nodes.map((node) => keyColumnOf(node, events)), events.rows);
  return {
    entityOfEvent, timeline: createTimeline(entityOfEvent, numbers.size, events.timesMs),
    find: (columns, rows) => numbers.find(keys.map((key) => columns[key]!), rows),
  };
}

interface Timeline {
  /** Positions of events, grouped by entity and sorted by time within. */
  readonly events: Int32Array;
  /** The range of `events` with the entity's times in (timeMs, timeMs + windowMs]; empty for entity -1. */
  within(entity: number, timeMs: number, windowMs: number): readonly [from: number, to: number];
}

function createTimeline(entities: Int32Array, size: number, timesMs: Float64Array): Timeline {
  const starts = new Int32Array(size + 1);
  for (const entity of entities) if (entity >= 0) starts[entity + 1]!++;
  for (let entity = 0; entity < size; entity++) starts[entity + 1]! += starts[entity]!;
  const next = starts.slice();
  const events = new Int32Array(starts[size]!);
  for (let event = 0; event < entities.length; event++) if (entities[event]! >= 0) events[next[entities[event]!]!++] = event;
  for (let entity = 0; entity < size; entity++) events.set(events.slice(starts[entity], starts[entity + 1]).toSorted((a, b) => timesMs[a]! - timesMs[b]!), starts[entity]);

  const firstAfter = (from: number, to: number, timeMs: number): number => {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (timesMs[events[middle]!]! <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    events,
    within: (entity, timeMs, windowMs) => {
      if (entity < 0) return [0, 0];
      const end = starts[entity + 1]!;
      const from = firstAfter(starts[entity]!, end, timeMs);
      return [from, firstAfter(from, end, timeMs + windowMs)];
    },
  };
}
