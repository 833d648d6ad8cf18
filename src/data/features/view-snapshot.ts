/**
 * A view's state as bytes and back. A snapshot belongs to one definition: its hash is inside, and bytes of another
 * hash, another version or another shape are refused with the reason, so that the owner rebuilds from the log.
 */
import type { FeatureView, Scalar } from "../../define/index.ts";
import { bytesOf, decodeTexts, doublesOf, encodeTexts, integersOf, joinSections, splitSections } from "./binary-sections.ts";
import { createDictionary } from "./dictionary.ts";
import { createEntityStore } from "./entity-store.ts";
import type { EntityStore, StoreOptions } from "./entity-store.ts";
import type { EvictedHistory } from "./evicted-history.ts";
import { readHistory, writeHistory } from "./history-cells.ts";
import type { CellReader } from "./history-cells.ts";
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
    ...encodeSpilled(store),
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
export function decodeViewState(view: FeatureView, hash: string, bytes: Uint8Array, options: StoreOptions = {}): ViewState {
  const sections = splitSections(MAGIC, bytes).values();
  const next = (): Uint8Array => {
    const section = sections.next();
    if (section.done === true) throw new Error("sections are missing");
    return section.value;
  };
  const [found, progress] = decodeTexts(next());
  if (found !== hash) throw new Error("it was made under another definition of the view");
  const plan = planWindows(view);
  const store = createEntityStore(plan, options);
  try {
    decodeEntities(store, plan, next);
    decodeSpilled(store, next);
    if (sections.next().done !== true) throw new Error("it has more sections than the view needs");
  } catch (thrown) {
    store.close();
    throw thrown;
  }
  return createViewState(view, { taken: { store, progress: decodeProgress(progress) } });
}

/** Entities that were not in memory: their bytes one after the other. */
function encodeSpilled(store: EntityStore): readonly Uint8Array[] {
  const spilled = [...store.spilled()];
  return [encodeTexts(spilled.map(({ key }) => key)), bytesOf(Int32Array.from(spilled, ({ bytes }) => bytes.byteLength)), Buffer.concat(spilled.map(({ bytes }) => bytes))];
}

function decodeSpilled(store: EntityStore, next: () => Uint8Array): void {
  const keys = decodeTexts(next());
  const lengths = integersOf(next());
  const bytes = next();
  if (keys.length !== lengths.length) throw new Error("packed entities and their lengths differ in number");
  let from = 0;
  lengths.forEach((length, index) => {
    store.unpack(String(keys[index]), bytes.subarray(from, from + length));
    from += length;
  });
  if (from !== bytes.byteLength) throw new Error("the packed entities have another size");
}

function decodeProgress(text: unknown): ViewProgress {
  return JSON.parse(String(text), (_, value: unknown) => value ?? Number.NEGATIVE_INFINITY) as ViewProgress; // written by progressText of the same format version
}

/** Entity by entity, rows and history together: a store with a bound may put the first away before the last has come. */
function decodeEntities(store: EntityStore, plan: WindowPlan, next: () => Uint8Array): void {
  const { columns, history } = store;
  const keys = decodeTexts(next());
  const counts = integersOf(next());
  if (keys.length !== counts.length) throw new Error("keys and counts differ in number");
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const checked = <T extends Float64Array | Int32Array | Uint8Array>(values: T): T => {
    if (values.length !== rows) throw new Error("a column has another number of rows");
    return values;
  };
  const times = checked(doublesOf(next()));
  const numbers = columns.numbers.map(() => checked(doublesOf(next())));
  const codes = columns.codes.map(() => checked(integersOf(next())));
  const flags = columns.flags.map(() => checked(next()));
  columns.dictionaries.forEach((_, index) => {
    columns.dictionaries[index] = createDictionary(decodeTexts(next()) as Scalar[]); // written from a dictionary's values
  });
  const cells = history && readCells(doublesOf(next()), integersOf(next()));
  let from = 0;
  keys.forEach((key, index) => {
    const entity = store.enter(String(key));
    const to = from + counts[index]!;
    if (to > from) {
      const start = store.load(entity, to - from);
      columns.times.set(times.subarray(from, to), start);
      columns.numbers.forEach((column, each) => column.set(numbers[each]!.subarray(from, to), start));
      columns.codes.forEach((column, each) => column.set(codes[each]!.subarray(from, to), start));
      columns.flags.forEach((column, each) => column.set(flags[each]!.subarray(from, to), start));
    }
    if (history) readHistory(history, plan, entity, cells!);
    from = to;
  });
  if (cells?.isAtEnd() === false) throw new Error("the history has another size");
}

function readCells(doubles: Float64Array, integers: Int32Array): CellReader & { isAtEnd(): boolean } {
  let double = 0, integer = 0;
  return {
    double: () => doubles[double++]!, integer: () => integers[integer++]!, code: () => integers[integer++]!,
    isAtEnd: () => double === doubles.length && integer === integers.length,
  };
}
