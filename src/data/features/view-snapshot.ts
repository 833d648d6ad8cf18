/**
 * A view's state as bytes and back. A snapshot belongs to one definition: its hash is inside, and bytes of another
 * hash, another version or another shape are refused with the reason, so that the owner rebuilds from the log.
 */
import type { FeatureView, Scalar } from "../../define/index.ts";
import { bytesOf, decodeTexts, doublesOf, encodeTexts, integersOf, joinSections, splitSections } from "./binary-sections.ts";
import { createDictionary } from "./dictionary.ts";
import { createEntityStore } from "./entity-store.ts";
import type { EntityStore } from "./entity-store.ts";
import { markEvicted } from "./evicted-history.ts";
import type { EvictedHistory } from "./evicted-history.ts";
import { PARTIAL } from "./partial-aggregate.ts";
import { createViewState } from "./view-state.ts";
import type { ViewProgress, ViewState } from "./view-state.ts";
import { planWindows } from "./window-plan.ts";

/** The digit is the version of the format. */
const MAGIC = "strata-view-1\n";

interface Entity {
  readonly key: string;
  readonly entity: number;
  readonly start: number;
  readonly count: number;
}

/** The state as bytes; `hash` names the definition it was built under. */
export function encodeViewState({ store, progress }: ViewState, hash: string): Uint8Array {
  const entities = [...store.entities()];
  const { columns, history } = store;
  const gathered = [columns.times, ...columns.numbers, ...columns.codes, ...columns.flags].map((column) => gather(column, entities));
  return joinSections(MAGIC, [
    encodeTexts([hash, progressText(progress)]),
    encodeTexts(entities.map(({ key }) => key)),
    bytesOf(Int32Array.from(entities, ({ count }) => count)),
    ...gathered,
    ...columns.dictionaries.map((dictionary) => encodeTexts(dictionary.values)),
    ...(history === undefined ? [] : encodeHistory(history, entities)),
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

function encodeHistory({ entities: evicted, slots }: EvictedHistory, entities: readonly Entity[]): readonly Uint8Array[] {
  const indexes = entities.flatMap(({ entity }, index) => (evicted[entity] === 1 ? [index] : []));
  const numbers = indexes.map((index) => entities[index]!.entity);
  return [bytesOf(Int32Array.from(indexes)), ...slots.flatMap((slot) => {
    if (slot === undefined) return [];
    const distincts = numbers.map((entity) => [...(slot.distincts.get(entity) ?? [])]);
    return [
      bytesOf(pick(slot.partials, PARTIAL, numbers)), bytesOf(pick(slot.lasts, 2, numbers)),
      bytesOf(Int32Array.from(distincts, (codes) => codes.length)), bytesOf(Int32Array.from(distincts.flat())),
    ];
  })];
}

function pick(values: Float64Array, width: number, numbers: readonly number[]): Float64Array {
  const picked = new Float64Array(numbers.length * width);
  numbers.forEach((entity, index) => picked.set(values.subarray(entity * width, (entity + 1) * width), index * width));
  return picked;
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
  if (store.history !== undefined) decodeHistory(store.history, next);
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
function decodeHistory(history: EvictedHistory, next: () => Uint8Array): void {
  const entities = integersOf(next());
  for (const entity of entities) markEvicted(history, entity);
  for (const slot of history.slots) {
    if (slot === undefined) continue;
    const [partials, lasts, sizes, codes] = [doublesOf(next()), doublesOf(next()), integersOf(next()), integersOf(next())];
    let from = 0;
    entities.forEach((entity, index) => {
      slot.partials.set(partials.subarray(index * PARTIAL, (index + 1) * PARTIAL), entity * PARTIAL);
      slot.lasts.set(lasts.subarray(index * 2, index * 2 + 2), entity * 2);
      if (sizes[index]! > 0) slot.distincts.set(entity, new Set(codes.subarray(from, from + sizes[index]!)));
      from += sizes[index]!;
    });
  }
}
