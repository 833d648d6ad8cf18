/** One example per event of a stream, 1 ms before it, so that its features can never see the event. */
import type { EventValue, Examples, Model } from "../../define/index.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import { droppedCounts } from "./example-rows.ts";
import type { FoundExamples } from "./example-rows.ts";
import type { EventSource } from "./event-source.ts";
import { evaluateColumn, keyColumnOf, pickRows } from "./key-columns.ts";
import { labelOutcomes } from "./outcome-index.ts";
import type { TextColumn } from "./training-set.ts";

type EachEvent = Extract<Examples, { readonly kind: "each-event" }>;

/** The examples of an `eachEvent` model. */
export async function findEventExamples(examples: EachEvent, label: Model["label"], { source, atMs }: { readonly source: EventSource; readonly atMs: number }): Promise<FoundExamples> {
  const events = await source.events(examples.from.name);
  const outcomes = label.kind === "happens-within" ? await source.events(label.from.name) : undefined;
  const keys = Object.fromEntries(Object.entries(examples.keys).map(([entity, node]) => [entity, keyColumnOf(node, events)]));
  const wanted = examples.where ? evaluateColumn(examples.where, events, (value) => value === true) : undefined;
  const values = label.kind === "value" ? Float64Array.from(evaluateColumn(label.of, events, labelNumber)) : undefined;
  const windowMs = label.kind === "happens-within" ? label.windowMs : 0;

  const dropped = { "missing-key": 0, "missing-label": 0, "label-window-open": 0 };
  const isExample = (row: number): boolean => {
    if (wanted?.[row] === false) return false;
    if (Object.values(keys).some(({ codes }) => codes[row]! < 0)) return drop("missing-key");
    if (values && Number.isNaN(values[row])) return drop("missing-label");
    return events.timesMs[row]! - 1 + windowMs <= atMs || drop("label-window-open");
  };
  const drop = (reason: keyof typeof dropped): false => {
    dropped[reason]++;
    return false;
  };

  const positions = byTime(events, Int32Array.from({ length: events.rows }, (_, row) => row).filter(isExample));
  const timesMs = Float64Array.from(positions, (row) => events.timesMs[row]! - 1);
  const picked: Readonly<Record<string, TextColumn>> = Object.fromEntries(Object.entries(keys).map(([entity, column]) => [entity, pickRows(column, positions)]));
  const own = outcomes === events ? { own: positions } : {};
  const labels = label.kind === "happens-within" && outcomes
    ? labelOutcomes(label, outcomes, { rows: positions.length, keys: picked, timesMs, ...own })
    : Float64Array.from(positions, (row) => values?.[row] ?? Number.NaN);
  return { examples: { rows: positions.length, timesMs, keys: picked, label: labels, candidateFeatures: {} }, dropped: droppedCounts(dropped) };
}

function byTime(events: EventColumns, positions: Int32Array): Int32Array {
  return positions.toSorted((a, b) => events.timesMs[a]! - events.timesMs[b]! || a - b);
}

/** Truths count 1 and 0; text has no number. */
function labelNumber(value: EventValue): number {
  return typeof value === "number" || typeof value === "boolean" ? Number(value) : Number.NaN;
}
