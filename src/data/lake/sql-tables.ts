/**
 * A stream as a table for SQL: when and at which offset each event was stored, then its fields by the kinds they have in
 * the newest file. Pure.
 */
import type { QueryColumn, QueryColumnType } from "../../ports/query-sandbox.ts";
import { KNOWN_COLUMN, OFFSET_COLUMN, TIME_COLUMN } from "./lake-file.ts";
import type { LakeFile, StoredField } from "./lake-file.ts";

/** Names of a table's own columns; a field of such a name takes it, and the column becomes strata_… */
const OWN = [
  { name: "event_time", type: "timestamp", column: TIME_COLUMN }, { name: "known_at", type: "timestamp", column: KNOWN_COLUMN }, { name: "event_offset", type: "integer", column: OFFSET_COLUMN },
] as const satisfies readonly { readonly name: string; readonly type: QueryColumnType; readonly column: string }[];

export interface SqlTableShape {
  readonly columns: readonly QueryColumn[];
  /** The name of its column of event time. */
  readonly timeColumn: string;
}

export function sqlTableOf(files: readonly LakeFile[]): SqlTableShape {
  const stored = [...new Map(files.flatMap(({ fields }) => fields.map((field) => [field.column, field]))).values()];
  const latest = new Map<string, StoredField>();
  for (const { fields } of files) for (const field of fields) latest.set(field.field, field);
  const fieldNames = new Set([...latest.keys()].map((name) => name.toLowerCase()));
  const own = OWN.map(({ name, type, column }): QueryColumn => ({ name: fieldNames.has(name) ? `strata_${name}` : name, type, sources: [{ column, kind: "number" }] }));
  const taken = new Set(own.map(({ name }) => name));
  const fields = [...latest.values()].map(({ field, kind, column }): QueryColumn => {
    const name = taken.has(field.toLowerCase()) ? column : field; // SQL cannot tell names apart by the case of letters
    taken.add(name.toLowerCase());
    const sources = stored.filter((other) => other.field === field && (kind === "text" || other.kind === kind));
    return { name, type: kind, sources: sources.map((source) => ({ column: source.column, kind: source.kind })) };
  });
  return { columns: [...own, ...fields], timeColumn: own[0]!.name };
}

/** The shape over some of the files: columns that these lack are NULL. */
export function columnsWithin(columns: readonly QueryColumn[], files: readonly LakeFile[]): readonly QueryColumn[] {
  const present = new Set<string>([...OWN.map(({ column }) => column), ...files.flatMap(({ fields }) => fields.map(({ column }) => column))]);
  return columns.map((column) => ({ ...column, sources: column.sources.filter((source) => present.has(source.column)) }));
}
