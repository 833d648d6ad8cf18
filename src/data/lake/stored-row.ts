/**
 * Shows a fresh event as the lake will give it back, so that what is computed online cannot see a difference: a value
 * that does not fit its field's kind is missing, and anything in a text field is its text.
 */
import type { z } from "zod";
import type { ColumnKind } from "../../ports/analytics.ts";
import { fieldKinds, textOf } from "./field-kind.ts";

type Row = Readonly<Record<string, unknown>>;

/** The row itself where the fields have the kinds of the schema, which is nearly always, else a copy of them that has. */
export function createStoredRowReader(schema: z.ZodObject, fields: Iterable<string>): (row: Row) => Row {
  const kinds = fieldKinds(schema);
  const wanted = [...fields].map((name) => ({ name, kind: kinds.get(name) }));
  return (row) => (wanted.every(({ name, kind }) => isOfKind(row[name], kind)) ? row
    : Object.fromEntries(wanted.map(({ name, kind }) => [name, toKind(row[name], kind)])));
}

function isOfKind(value: unknown, kind: ColumnKind | undefined): boolean {
  if (value === undefined || value === null) return true;
  return kind === "text" ? typeof value === "string" && value.isWellFormed() : typeof value === kind;
}

function toKind(value: unknown, kind: ColumnKind | undefined): unknown {
  if (kind === "text") return textOf(value)?.toWellFormed(); // Parquet keeps UTF-8, which has no lone surrogates
  return isOfKind(value, kind) ? value : undefined;
}
