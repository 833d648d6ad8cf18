/**
 * The point-in-time index: all events of a view as sorted columns, asked for the features of many entities at many
 * past times. It holds the same columns and calls the same operator as the online engine, so an answer here is the
 * answer that was, or would have been, served then.
 */
import { compileExpression, fieldsOf } from "../../define/index.ts";
import type { ExpressionNode, FeatureView, Scalar } from "../../define/index.ts";
import type { EventColumn, EventColumns } from "../lake/event-columns.ts";
import { createEntityNumbers, lengthOf } from "./entity-numbers.ts";
import type { EntityNumbers, KeyColumn } from "./entity-numbers.ts";
import { compileKeyParts, keyPart } from "./entity-key.ts";
import { createEventCursor, valueAt } from "./event-cursor.ts";
import { createLastSeen } from "./last-seen.ts";
import { orderByTime, permuteRows } from "./row-order.ts";
import { plainColumn, writePlainColumn, writeSlot } from "./slot-values.ts";
import { createWindowColumns } from "./window-columns.ts";
import type { WindowColumns } from "./window-columns.ts";
import { createWindowOperator } from "./window-operator.ts";
import { planWindows } from "./window-plan.ts";
import type { PlannedFeature, Slot, WindowPlan } from "./window-plan.ts";
import { linkColumns } from "./window-rows.ts";
import { buildTiles } from "./window-tiles.ts";

export interface PointInTimeOptions {
  /**
   * What makes an event known: its `knownAtMs` ("time", for training: limits are times), or its offset ("offset", for
   * audits: limits are the last applied offsets).
   */
  readonly known: "time" | "offset";
  /** Features to compute, all of the view's by default. */
  readonly features?: readonly string[];
}

export interface PointInTimeQuery {
  /** One entity per question, from `resolve`; -1 for an entity without events. */
  readonly entities: Int32Array;
  /** Event times up to and including this one take part, ms since the epoch; one per question. */
  readonly timesMs: Float64Array;
  /** Events that became known later do not take part; one per question, one for all, or none. */
  readonly knownLimits?: Float64Array | number;
}

export interface PointInTimeIndex {
  /** Entities with events. */
  readonly entities: number;
  /** Events that belong to an entity and pass the view's condition. */
  readonly events: number;
  /** Numbers of the entities with these keys: one column per entity of the view, in its order. */
  resolve(keys: readonly KeyColumn[]): Int32Array;
  /** One column per feature, for a list one per place (`recent_1` and following), one value per question. */
  query(query: PointInTimeQuery): Readonly<Record<string, EventColumn>>;
}

/** Builds the index in a few linear passes. Events must be in order of offset, as the lake gives them; a RangeError says when they are not. */
export function createPointInTimeIndex(view: FeatureView, events: EventColumns, options: PointInTimeOptions): PointInTimeIndex {
  checkOrder(view, events.offsets);
  const plan = planWindows(view, options.features);
  const numbers = createEntityNumbers(view.entities.length);
  const { starts, rowOf } = placeRows(numberEvents(view, events, numbers), numbers.size);
  const columns = createWindowColumns(plan, { capacity: Math.max(1, starts.at(-1)!), known: true });
  scatter(events.timesMs, columns.times, rowOf);
  scatter(options.known === "time" ? events.knownAtMs : events.offsets, columns.known, rowOf);
  for (const slot of plan.slots) writeColumn(slot, columns, events, rowOf);
  settleEntities(columns, starts);
  return {
    entities: numbers.size, events: starts.at(-1)!,
    resolve: (keys) => numbers.find(keys, lengthOf(keys[0]!)),
    query: (query) => answer({ plan, columns, starts }, query),
  };
}

function checkOrder(view: FeatureView, offsets: Float64Array): void {
  for (let index = 1; index < offsets.length; index++) {
    if (!(offsets[index]! > offsets[index - 1]!)) throw new RangeError(`the events of view "${view.name}" are not in order: offset ${offsets[index]} follows ${offsets[index - 1]}`);
  }
}

/** The entity of every event; -1 for those that the view's condition or a missing key leaves out. */
function numberEvents(view: FeatureView, events: EventColumns, numbers: EntityNumbers): Int32Array {
  const skip = view.where && evaluateSkips(view.where, events);
  const parts = view.entities.map((entity) => view.by[entity.name]!);
  return numbers.assign(parts.map((part, index) => keyColumn(part, events) ?? evaluateKeys(view, index, events)), events.rows, skip);
}

function keyColumn(node: ExpressionNode, events: EventColumns): EventColumn | undefined {
  return node.op === "field" && Object.hasOwn(events.columns, node.name) ? events.columns[node.name] : undefined;
}

function evaluateKeys(view: FeatureView, part: number, events: EventColumns): readonly (string | undefined)[] {
  const evaluate = compileKeyParts(view)[part]!;
  const cursor = createEventCursor(events, fieldsOf(view.by[view.entities[part]!.name]!));
  return Array.from({ length: events.rows }, (_, index) => {
    cursor.moveTo(index);
    return keyPart(evaluate(cursor.row, events.timesMs[index]!));
  });
}

function evaluateSkips(condition: ExpressionNode, events: EventColumns): Uint8Array {
  const evaluate = compileExpression(condition);
  const cursor = createEventCursor(events, fieldsOf(condition));
  return Uint8Array.from({ length: events.rows }, (_, index) => {
    cursor.moveTo(index);
    return evaluate(cursor.row, events.timesMs[index]!) === true ? 0 : 1;
  });
}

/** Counting sort, stable in offset: where each entity's rows start, and the row of each event. Reuses `entities`. */
function placeRows(entities: Int32Array, size: number): { readonly starts: Int32Array; readonly rowOf: Int32Array } {
  const starts = new Int32Array(size + 1);
  for (let index = 0; index < entities.length; index++) if (entities[index]! >= 0) starts[entities[index]! + 1]!++;
  for (let entity = 0; entity < size; entity++) starts[entity + 1]! += starts[entity]!;
  const next = starts.slice();
  for (let index = 0; index < entities.length; index++) if (entities[index]! >= 0) entities[index] = next[entities[index]!]!++;
  return { starts, rowOf: entities };
}

function scatter(values: Float64Array, into: Float64Array, rowOf: Int32Array): void {
  for (let index = 0; index < rowOf.length; index++) if (rowOf[index]! >= 0) into[rowOf[index]!] = values[index]!;
}

function writeColumn(slot: Slot, columns: WindowColumns, events: EventColumns, rowOf: Int32Array): void {
  const plain = plainColumn(slot, events.columns);
  if (plain !== undefined) return writePlainColumn(slot, columns, plain, rowOf);
  if (slot.storage === "rows") return;
  const cursor = createEventCursor(events, new Set([slot.of, slot.where].flatMap((node) => (node === undefined ? [] : [...fieldsOf(node)]))));
  const event = { row: cursor.row, timeMs: 0 };
  for (let index = 0; index < rowOf.length; index++) {
    if (rowOf[index]! < 0) continue;
    cursor.moveTo(index);
    event.timeMs = events.timesMs[index]!;
    writeSlot(slot, columns, event, rowOf[index]!);
  }
}

/** Orders each entity's rows by time and links equal values; one pass builds the tiles of all entities. */
function settleEntities(columns: WindowColumns, starts: Int32Array): void {
  const seen = createLastSeen();
  for (let entity = 0; entity + 1 < starts.length; entity++) {
    const range = { start: starts[entity]!, from: starts[entity]!, end: starts[entity + 1]! };
    const order = orderByTime(columns.times, range.start, range.end);
    if (order !== undefined) permuteRows(columns, range.start, order);
    linkColumns(columns, range, seen);
  }
  // Tiles across two entities hold nonsense and are never read: a window only uses tiles inside its entity's rows.
  buildTiles(columns, { start: 0, from: 0, end: starts.at(-1)! });
}

interface Indexed {
  readonly plan: WindowPlan;
  readonly columns: WindowColumns;
  readonly starts: Int32Array;
}

function answer({ plan, columns, starts }: Indexed, { entities, timesMs, knownLimits = Number.POSITIVE_INFINITY }: PointInTimeQuery): Readonly<Record<string, EventColumn>> {
  const operator = createWindowOperator(plan, columns);
  const results = plan.features.flatMap((feature) => feature.columns.map(() => createResult(feature, columns, entities.length))); // in the order of the operator's numbers
  const values = new Float64Array(plan.width);
  const query = { start: 0, end: 0, entity: -1, timeMs: 0, knownLimit: Number.POSITIVE_INFINITY };
  for (const index of orderQuestions(entities, timesMs, starts.length - 1)) {
    const entity = entities[index]!;
    query.start = entity < 0 ? 0 : starts[entity]!;
    query.end = entity < 0 ? 0 : starts[entity + 1]!;
    query.timeMs = timesMs[index]!;
    query.knownLimit = typeof knownLimits === "number" ? knownLimits : knownLimits[index]!;
    operator.evaluate(query, values);
    for (let place = 0; place < results.length; place++) results[place]!.put(index, values[place]!);
  }
  return Object.fromEntries(plan.features.flatMap((feature) => feature.columns).map((name, place) => [name, results[place]!.column]));
}

/** Reads a result row by row, in the form the online engine answers in: null is missing. */
export function createRowReader(result: Readonly<Record<string, EventColumn>>, features: readonly string[] = Object.keys(result)): (index: number) => readonly (Scalar | null)[] {
  const columns = features.map((feature) => result[feature]!);
  return (index) => columns.map((column) => valueAt(column, index) ?? null);
}

/** By entity, then by time: questions that need the same rows follow one another, which spares the processor's cache. */
function orderQuestions(entities: Int32Array, timesMs: Float64Array, size: number): Int32Array {
  const { starts, rowOf } = placeRows(entities.map((entity) => entity + 1), size + 1); // entity -1 goes first
  const questionAt = new Int32Array(entities.length);
  const times = new Float64Array(entities.length);
  rowOf.forEach((place, index) => {
    questionAt[place] = index;
    times[place] = timesMs[index]!;
  });
  for (let entity = 0; entity <= size; entity++) {
    const order = orderByTime(times, starts[entity]!, starts[entity + 1]!);
    if (order !== undefined) questionAt.set(Int32Array.from(order, (place) => questionAt[place]!), starts[entity]);
  }
  return questionAt;
}

interface Result {
  readonly column: EventColumn;
  put(index: number, value: number): void;
}

function createResult(feature: PlannedFeature, columns: WindowColumns, rows: number): Result {
  switch (feature.type) {
    case "number": {
      const values = new Float64Array(rows);
      return { column: { kind: "number", values }, put: (index, value) => { values[index] = value; } };
    }
    case "boolean": {
      const values = new Int8Array(rows);
      return { column: { kind: "boolean", values }, put: (index, value) => { values[index] = Number.isNaN(value) ? -1 : value; } };
    }
    case "text": {
      const codes = new Int32Array(rows);
      const dictionary = columns.dictionaries[feature.codeColumn]!.values.map(String);
      return { column: { kind: "text", codes, dictionary }, put: (index, value) => { codes[index] = Number.isNaN(value) ? -1 : value; } };
    }
  }
}
