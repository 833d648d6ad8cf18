/** Reads a stream's events back from the files of a snapshot. */
import { StrataError } from "../../kernel/errors.ts";
import { quoteName } from "../../ports/analytics.ts";
import type { Analytics, Column, ColumnKind } from "../../ports/analytics.ts";
import type { EventColumns } from "./event-columns.ts";
import { KNOWN_COLUMN, OFFSET_COLUMN, TIME_COLUMN } from "./lake-file.ts";
import type { LakeFile } from "./lake-file.ts";
import type { OpenedFiles } from "./located-files.ts";

export interface EventRange {
  /** Only events of this time and later, ms since the epoch. */
  readonly fromTimeMs?: number | undefined;
  /** Only events before this time. */
  readonly toTimeMs?: number | undefined;
  /** Only events that were known by then, ms since the epoch: the stream as of that moment. */
  readonly knownByMs?: number | undefined;
  /** Only events of this offset and later. */
  readonly fromOffset?: number | undefined;
  /** Only events before this offset. */
  readonly toOffset?: number | undefined;
}

export interface EventRead extends EventRange {
  readonly files: readonly LakeFile[];
  /** Local files of those that are read, held until disposed. */
  readonly open: (files: readonly LakeFile[]) => Promise<OpenedFiles>;
  /** The fields wanted, with the kind they have now; a field that was stored as another kind is missing, unless text is wanted. */
  readonly fields: ReadonlyMap<string, ColumnKind>;
  readonly signal?: AbortSignal | undefined;
}

/** The events in offset order. LAKE_QUERY_FAILED when the files cannot be read or are out of order. */
export async function readEventColumns(analytics: Analytics, read: EventRead): Promise<EventColumns> {
  const { fromTimeMs = -Infinity, toTimeMs = Infinity, knownByMs = Infinity, fromOffset = 0, toOffset = Infinity } = read;
  const files = read.files.filter((file) => file.maxTimeMs >= fromTimeMs && file.minTimeMs < toTimeMs && file.toOffset > fromOffset && file.fromOffset < toOffset);
  if (files.length === 0) return noEvents(read.fields);
  const wanted = [...read.fields].map(([field, kind], index) => ({ field, kind, sources: columnsIn(files, field, kind).map((column, part) => ({ column, alias: `f${index}_${part}` })) }));
  const selected = wanted.flatMap(({ sources }) => sources.map(({ column, alias }) => `, ${quoteName(column)} AS ${alias}`));
  const sql = `SELECT ${[OFFSET_COLUMN, TIME_COLUMN, KNOWN_COLUMN].join(", ")}${selected.join("")} FROM events WHERE ${conditionOf({ fromTimeMs, toTimeMs, knownByMs, fromOffset, toOffset })}`;
  using opened = await read.open(files);
  const { rows, columns } = await analytics.query({ sql, tables: { events: opened.parts } }, { signal: read.signal });
  const offsets = numbersOf(columns[OFFSET_COLUMN]);
  checkOrder(offsets);
  return {
    rows, offsets, timesMs: numbersOf(columns[TIME_COLUMN]), knownAtMs: numbersOf(columns[KNOWN_COLUMN]),
    columns: Object.fromEntries(wanted.map(({ field, kind, sources }) => [field, combine(sources.map(({ alias }) => columns[alias]!), kind, rows)])),
  };
}

/** The field's columns of its kind; for text of every kind, since an earlier schema's numbers are read as their text. */
function columnsIn(files: readonly LakeFile[], field: string, kind: ColumnKind): readonly string[] {
  const fits = files.flatMap(({ fields }) => fields.filter((stored) => stored.field === field && (kind === "text" || stored.kind === kind)));
  return [...new Set(fits.map(({ column }) => column))];
}

function combine(sources: readonly Column[], kind: ColumnKind, rows: number): Column {
  const [only, ...others] = sources;
  if (only === undefined) return missingColumn(kind, rows);
  return only.kind === kind && others.length === 0 ? only : combineAsText(sources, rows);
}

/** Each row has a value in one of the columns at most. */
function combineAsText(sources: readonly Column[], rows: number): Column {
  const codes = new Int32Array(rows).fill(-1);
  const numbers = new Map<string, number>();
  for (const source of sources) {
    const textAt = textReader(source);
    for (let row = 0; row < rows; row++) {
      const text = textAt(row);
      if (text === undefined) continue;
      if (!numbers.has(text)) numbers.set(text, numbers.size);
      codes[row] = numbers.get(text)!;
    }
  }
  return { kind: "text", codes, dictionary: [...numbers.keys()] };
}

function textReader(column: Column): (row: number) => string | undefined {
  switch (column.kind) {
    case "text": return (row) => column.dictionary[column.codes[row]!];
    case "number": return (row) => (Number.isNaN(column.values[row]!) ? undefined : String(column.values[row]));
    case "boolean": return (row) => (column.values[row]! < 0 ? undefined : String(column.values[row] === 1));
  }
}

function conditionOf({ fromTimeMs, toTimeMs, knownByMs, fromOffset, toOffset }: Required<{ [K in keyof EventRange]: number }>): string {
  const conditions = [
    ...(fromTimeMs > -Infinity ? [`${TIME_COLUMN} >= ${fromTimeMs}`] : []),
    ...(toTimeMs < Infinity ? [`${TIME_COLUMN} < ${toTimeMs}`] : []),
    ...(knownByMs < Infinity ? [`${KNOWN_COLUMN} <= ${knownByMs}`] : []),
    ...(fromOffset > 0 ? [`${OFFSET_COLUMN} >= ${fromOffset}`] : []),
    ...(toOffset < Infinity ? [`${OFFSET_COLUMN} < ${toOffset}`] : []),
  ];
  return conditions.length === 0 ? "true" : conditions.join(" AND ");
}

function noEvents(fields: ReadonlyMap<string, ColumnKind>): EventColumns {
  const none = new Float64Array(0);
  return { rows: 0, offsets: none, timesMs: none, knownAtMs: none, columns: Object.fromEntries([...fields].map(([field, kind]) => [field, missingColumn(kind, 0)])) };
}

function missingColumn(kind: ColumnKind, rows: number): Column {
  switch (kind) {
    case "number": return { kind, values: new Float64Array(rows).fill(Number.NaN) };
    case "text": return { kind, codes: new Int32Array(rows).fill(-1), dictionary: [] };
    case "boolean": return { kind, values: new Int8Array(rows).fill(-1) };
  }
}

function numbersOf(column: Column | undefined): Float64Array {
  if (column?.kind === "number") return column.values;
  throw new StrataError("LAKE_QUERY_FAILED", { reason: "a file lacks the lake's own columns" });
}

function checkOrder(offsets: Float64Array): void {
  for (let row = 1; row < offsets.length; row++) {
    if (!(offsets[row]! > offsets[row - 1]!)) throw new StrataError("LAKE_QUERY_FAILED", { reason: `offset ${offsets[row]} follows offset ${offsets[row - 1]}` });
  }
}
