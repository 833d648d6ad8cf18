/**
 * A view's state as bytes and back. A snapshot belongs to one definition: its hash is inside, and bytes of another
 * hash, another version or another shape are refused with the reason, so that the owner rebuilds from the log.
 */
import type { FeatureView, Scalar } from "../../define/index.ts";
import { bytesOf, decodeTexts, doublesOf, encodeTexts, integersOf, joinSections, splitSections } from "./binary-sections.ts";
import { createDictionary } from "./dictionary.ts";
import { createEntityStore } from "./entity-store.ts";
import type { EntityStore } from "./entity-store.ts";
import type { EvictedHistory } from "./evicted-history.ts";
import { readHistory, writeHistory } from "./history-cells.ts";
import { createViewState } from "./view-state.ts";
import type { ViewProgress, ViewState } from "./view-state.ts";
import { planWindows } from "./window-plan.ts";
import type { WindowPlan } from "./window-plan.ts";

/** The digit is the version of the format. */
const MAGIC = "strata-view-2\n";

interface Entity {
  readonly key: string;
  readonly entity: number;
  readonly start: number;
  readonly count: number;
}

/** The state as bytes; `hash` names the definition it was built under. */
export function encodeViewState({ store, plan, progress }: ViewState, hash: string): Uint8Array {
  const entities = [...store.entities()];
  const { columns, history } = store;
  const gathered = [columns.times, ...columns.numbers, ...columns.codes, ...columns.flags].map((column) => gather(column, entities));
  return joinSections(MAGIC, [
    encodeTexts([hash, progressText(progress)]),
    encodeTexts(entities.map(({ key }) => key)),
    bytesOf(Int32Array.from(entities, ({ count }) => count)),
    ...gathered,
    ...columns.dictionaries.map((dictionary) => encodeTexts(dictionary.values)),
    ...(history === undefined ? [] : encodeHistory(history, plan, entities)),
  ]);
}

/** JSON has no infinities, which is what a view without events has. */
function progressText(progress: ViewProgress): string {
  return JSON.stringify(progress, (_, value: unknown) => (value === Number.NEGATIVE_INFINITY ? null : value));
}

function gather(column: Float64Array | Int32Array | Uint8Array, entities: readonly Entity[]): Uint8Array {
  const rows = entities.reduce((sum, { count }) => sum + count, 0);
  const unit = column.BYTES_PER_ELEMENT;
  const bytes = bytesOf(column);
  const gathered = new Uint8Array(rows * unit);
  let at = 0;
  for (const { start, count } of entities) {
    gathered.set(bytes.subarray(start * unit, (start + count) * unit), at);
    at += count * unit;
  }
  return gathered;
}

/** The doubles and the integers of every entity's history, one after the other. */
function encodeHistory(history: EvictedHistory, plan: WindowPlan, entities: readonly Entity[]): readonly Uint8Array[] {
  const doubles: number[] = [];
  const integers: number[] = [];
  const writer = {
    double: (value: number) => void doubles.push(value), integer: (value: number) => void integers.push(value),
    code: (_: number, code: number) => void integers.push(code),
  };
  for (const { entity } of entities) writeHistory(history, plan, entity, writer);
  return [bytesOf(Float64Array.from(doubles)), bytesOf(Int32Array.from(integers))];
}

/** The state of the snapshot; throws an Error that says what is wrong when it is not one of this view and hash. */
export function decodeViewState(view: FeatureView, hash: string, bytes: Uint8Array): ViewState {
  const sections = splitSections(MAGIC, bytes).values();
  const next = (): Uint8Array => {
    const section = sections.next();
    if (section.done === true) throw new Error("sections are missing");
    return section.value;
  };
  const [found, progress] = decodeTexts(next());
  if (found !== hash) throw new Error("it was made under another definition of the view");
  const plan = planWindows(view);
  const store = createEntityStore(plan);
  decodeRows(store, next);
  if (store.history !== undefined) decodeHistory(store.history, plan, store.entityCount, next);
  if (sections.next().done !== true) throw new Error("it has more sections than the view needs");
  return createViewState(view, store, decodeProgress(progress));
}

function decodeProgress(text: unknown): ViewProgress {
  return JSON.parse(String(text), (_, value: unknown) => value ?? Number.NEGATIVE_INFINITY) as ViewProgress; // written by progressText of the same format version
}

function decodeRows({ columns, enter, load }: EntityStore, next: () => Uint8Array): void {
  const keys = decodeTexts(next());
  const counts = integersOf(next());
  if (keys.length !== counts.length) throw new Error("keys and counts differ in number");
  const starts = Int32Array.from(counts, (count, index) => {
    const entity = enter(String(keys[index]));
    return count > 0 ? load(entity, count) : 0;
  });
  const scatter = <T extends Float64Array | Int32Array | Uint8Array>(column: T, values: T): void => {
    let from = 0;
    counts.forEach((count, index) => {
      column.set(values.subarray(from, from + count), starts[index]);
      from += count;
    });
    if (from !== values.length) throw new Error("a column has another number of rows");
  };
  scatter(columns.times, doublesOf(next()));
  for (const column of columns.numbers) scatter(column, doublesOf(next()));
  for (const column of columns.codes) scatter(column, integersOf(next()));
  for (const column of columns.flags) scatter(column, next());
  columns.dictionaries.forEach((_, index) => {
    columns.dictionaries[index] = createDictionary(decodeTexts(next()) as Scalar[]); // written from a dictionary's values
  });
}

/** A new store numbers its entities in the order of the snapshot. */
function decodeHistory(history: EvictedHistory, plan: WindowPlan, entities: number, next: () => Uint8Array): void {
  const [doubles, integers] = [doublesOf(next()), integersOf(next())];
  let double = 0, integer = 0;
  const reader = { double: () => doubles[double++]!, integer: () => integers[integer++]!, code: () => integers[integer++]! };
  for (let entity = 0; entity < entities; entity++) readHistory(history, plan, entity, reader);
  if (double !== doubles.length || integer !== integers.length) throw new Error("the history has another size");
}
