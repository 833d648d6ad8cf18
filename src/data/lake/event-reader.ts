/** Reads a stream's events back from the files of a snapshot. */
import { StrataError } from "../../kernel/errors.ts";
import { quoteName } from "../../ports/analytics.ts";
import type { Analytics, Column, ColumnKind } from "../../ports/analytics.ts";
import type { EventColumns } from "./event-columns.ts";
import { KNOWN_COLUMN, OFFSET_COLUMN, TIME_COLUMN } from "./lake-file.ts";
import type { LakeFile } from "./lake-file.ts";

export interface EventRange {
  /** Only events of this time and later, ms since the epoch. */
  readonly fromTimeMs?: number | undefined;
  /** Only events before this time. */
  readonly toTimeMs?: number | undefined;
}

export interface EventRead extends EventRange {
  readonly files: readonly LakeFile[];
  readonly folder: string;
  /** The fields wanted, with the kind they have now; a field that was stored as another kind is missing. */
  readonly fields: ReadonlyMap<string, ColumnKind>;
  readonly signal?: AbortSignal | undefined;
}

/** The events in offset order. LAKE_QUERY_FAILED when the files cannot be read or are out of order. */
export async function readEventColumns(analytics: Analytics, read: EventRead): Promise<EventColumns> {
  const { fromTimeMs = -Infinity, toTimeMs = Infinity } = read;
  const files = read.files.filter((file) => file.maxTimeMs >= fromTimeMs && file.minTimeMs < toTimeMs);
  if (files.length === 0) return noEvents(read.fields);
  const stored = [...read.fields].map(([field, kind]) => ({ field, kind, column: columnIn(files, field, kind) }));
  const sql = `SELECT ${[OFFSET_COLUMN, TIME_COLUMN, KNOWN_COLUMN].join(", ")}${stored.map(({ column }, index) => (column === undefined ? "" : `, ${quoteName(column)} AS f${index}`)).join("")}
    FROM events WHERE ${conditionOf({ fromTimeMs, toTimeMs })}`;
  const { rows, columns } = await analytics.query({ sql, tables: { events: files.map((file) => `${read.folder}/${file.name}`) } }, { signal: read.signal });
  const offsets = numbersOf(columns[OFFSET_COLUMN]);
  checkOrder(offsets);
  return {
    rows, offsets, timesMs: numbersOf(columns[TIME_COLUMN]), knownAtMs: numbersOf(columns[KNOWN_COLUMN]),
    columns: Object.fromEntries(stored.map(({ field, kind }, index) => [field, columns[`f${index}`] ?? missingColumn(kind, rows)])),
  };
}

function columnIn(files: readonly LakeFile[], field: string, kind: ColumnKind): string | undefined {
  for (const file of files) {
    const stored = file.fields.find((other) => other.field === field && other.kind === kind);
    if (stored) return stored.column; // the same one in every file that has it
  }
  return undefined;
}

function conditionOf({ fromTimeMs, toTimeMs }: { readonly fromTimeMs: number; readonly toTimeMs: number }): string {
  const conditions = [
    ...(fromTimeMs > -Infinity ? [`${TIME_COLUMN} >= ${fromTimeMs}`] : []),
    ...(toTimeMs < Infinity ? [`${TIME_COLUMN} < ${toTimeMs}`] : []),
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
