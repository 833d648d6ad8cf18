/**
 * Features of many rows at many past times: one point-in-time index per view, then one vector per row by the same
 * assembler that serves. Views are joined one after the other, so one index is in memory at a time.
 */
import { CANDIDATE_FEATURES } from "../../define/index.ts";
import { columnNames, shapeOf } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import type { VectorAssembler } from "../features/feature-vector.ts";
import { createPointInTimeIndex } from "../features/point-in-time.ts";
import type { PointInTimeIndex } from "../features/point-in-time.ts";
import type { EventColumn, EventColumns } from "../lake/event-columns.ts";
import type { NeededView } from "./feature-sources.ts";
import type { TextColumn } from "./training-set.ts";
import type { Turns } from "./turns.ts";

/** Rows that want features. */
export interface JoinRows {
  readonly rows: number;
  readonly keys: Readonly<Record<string, TextColumn>>;
  readonly timesMs: Float64Array;
  /** Per row, the limit of what was known: by view stream, or for all. */
  readonly knownLimits: (stream: string) => Float64Array;
  readonly candidateFeatures: Readonly<Record<string, Float64Array>>;
}

/** The joined columns of each view, by view name; a feature that is not needed has none. */
export type JoinedViews = ReadonlyMap<string, { readonly view: FeatureView; readonly columns: Readonly<Record<string, EventColumn>> }>;

export interface JoinOptions {
  readonly known: "time" | "offset";
  readonly events: (stream: string) => Promise<EventColumns>;
  readonly turns: Turns;
  readonly onView: (done: number, total: number) => void;
}

/** Joins every view to the rows. */
export async function joinViews(views: readonly NeededView[], rows: JoinRows, { known, events, turns, onView }: JoinOptions): Promise<JoinedViews> {
  const joined = new Map<string, { readonly view: FeatureView; readonly columns: Readonly<Record<string, EventColumn>> }>();
  for (const { view, features } of views) {
    const index = createPointInTimeIndex(view, await events(view.from.name), { known, features });
    await turns.spend(Infinity);
    const entities = index.resolve(view.entities.map(({ name }) => rows.keys[name]!));
    joined.set(view.name, { view, columns: await queryInSlices(index, { entities, timesMs: rows.timesMs, knownLimits: rows.knownLimits(view.from.name) }, turns) });
    onView(joined.size, views.length);
  }
  return joined;
}

/** Rows asked for at once: about 5 ms. */
const SLICE_ROWS = 4_096;

async function queryInSlices(index: PointInTimeIndex, { entities, timesMs, knownLimits }: SliceableQuery, turns: Turns): Promise<Readonly<Record<string, EventColumn>>> {
  const slices: Readonly<Record<string, EventColumn>>[] = [];
  for (let from = 0; from === 0 || from < entities.length; from += SLICE_ROWS) {
    const to = from + SLICE_ROWS;
    slices.push(index.query({ entities: entities.subarray(from, to), timesMs: timesMs.subarray(from, to), knownLimits: knownLimits.subarray(from, to) }));
    await turns.spend(Infinity);
  }
  return Object.fromEntries(Object.keys(slices[0]!).map((feature) => [feature, concatenate(slices.map((slice) => slice[feature]!), entities.length)]));
}

interface SliceableQuery {
  readonly entities: Int32Array;
  readonly timesMs: Float64Array;
  readonly knownLimits: Float64Array;
}

/** Slices of one query have the same kind and dictionary. */
function concatenate(parts: readonly EventColumn[], rows: number): EventColumn {
  const [first] = parts;
  switch (first!.kind) {
    case "number": return { kind: "number", values: fill(new Float64Array(rows), parts) };
    case "boolean": return { kind: "boolean", values: fill(new Int8Array(rows), parts) };
    case "text": return { kind: "text", codes: fill(new Int32Array(rows), parts), dictionary: first!.dictionary };
  }
}

function fill<Values extends Float64Array | Int8Array | Int32Array>(whole: Values, parts: readonly EventColumn[]): Values {
  let at = 0;
  for (const part of parts) {
    const values = part.kind === "text" ? part.codes : part.values;
    whole.set(values, at);
    at += values.length;
  }
  return whole;
}

/** Writes each row's vector; `put` gets the row and the vector, which is the same array every time. */
export async function assembleVectors(assembler: VectorAssembler, rows: JoinRows, options: { readonly joined: JoinedViews; readonly turns: Turns; readonly put: (row: number, vector: Float64Array) => void }): Promise<void> {
  const { joined, turns, put } = options;
  const vector = new Float64Array(assembler.columns.length);
  const sources = new Map<string, unknown[]>();
  const fillers = [
    ...[...joined].map(([name, { view, columns }]) => fillView(sources, name, valueReaders(view, columns))),
    ...Object.entries(rows.candidateFeatures).map(([name, values]) => fillCandidates(sources, name, values)),
  ];
  for (let row = 0; row < rows.rows; row++) {
    for (const fill of fillers) fill(row);
    assembler.assemble(sources, rows.timesMs[row]!, vector, 0);
    put(row, vector);
    const turn = turns.spend(1);
    if (turn) await turn;
  }
}

type Fill = (row: number) => void;

/** One reader per feature of the view, undefined for those that are not needed; a list is read in one piece. */
function valueReaders(view: FeatureView, columns: Readonly<Record<string, EventColumn>>): readonly (((row: number) => unknown) | undefined)[] {
  return Object.entries(view.features).map(([feature, node]) => {
    const found = columnNames(feature, node).flatMap((name) => columns[name] ?? []);
    if (found.length === 0) return undefined;
    const readers = found.map(valueReader);
    return shapeOf(node).isList ? (row) => listOf(readers.map((read) => read(row))) : readers[0];
  });
}

/** As the online engine answers: missing as a whole when every place is. */
const listOf = (values: readonly unknown[]): readonly unknown[] | null => (values.every((value) => value === null) ? null : values);

function fillView(sources: Map<string, unknown[]>, name: string, readers: readonly (((row: number) => unknown) | undefined)[]): Fill {
  const values: unknown[] = readers.map(() => null);
  const present = readers.flatMap((valueAt, place) => (valueAt === undefined ? [] : [{ place, valueAt }]));
  sources.set(name, values);
  return (row) => {
    for (const { place, valueAt } of present) values[place] = valueAt(row);
  };
}

function fillCandidates(sources: Map<string, unknown[]>, name: string, features: Float64Array): Fill {
  const width = CANDIDATE_FEATURES.length;
  const values: unknown[] = Array.from({ length: width }, () => null);
  sources.set(name, values);
  return (row) => {
    for (let place = 0; place < width; place++) values[place] = features[row * width + place];
  };
}

/** A value as the online engine would answer it: null when missing. */
function valueReader(column: EventColumn): (row: number) => number | string | boolean | null {
  switch (column.kind) {
    case "number": return (row) => (Number.isNaN(column.values[row]!) ? null : column.values[row]!);
    case "text": return (row) => column.dictionary[column.codes[row]!] ?? null;
    case "boolean": return (row) => (column.values[row]! < 0 ? null : column.values[row] === 1);
  }
}
