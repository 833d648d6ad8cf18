/**
 * Shows an event of a stream as the lake would give it back, so that a feature cannot see a difference: a field of
 * the schema's number or boolean kind that holds something else is missing, and anything in a text field is its text.
 * Such rows are rare (an earlier schema accepted them); the others pass through untouched.
 */
import { fieldsOf } from "../../define/index.ts";
import type { ExpressionNode, FeatureView } from "../../define/index.ts";
import type { ColumnKind } from "../../ports/analytics.ts";
import { fieldKinds, textOf } from "../lake/field-kind.ts";
import type { EventRow } from "./entity-key.ts";

/** The fields that a view's keys, conditions and aggregations read. */
export function fieldsOfView(view: FeatureView): ReadonlySet<string> {
  const nodes: readonly (ExpressionNode | undefined)[] = [
    ...Object.values(view.by), view.where, ...Object.values(view.features).flatMap((feature) => [feature.of, feature.where]),
  ];
  return new Set(nodes.flatMap((node) => (node === undefined ? [] : [...fieldsOf(node)])));
}

/** The row itself where its fields have the kinds of the schema, else a copy that has. */
export function createFieldReader(view: FeatureView): (row: EventRow) => EventRow {
  const kinds = fieldKinds(view.from.schema);
  const fields = [...fieldsOfView(view)].map((name) => ({ name, kind: kinds.get(name) }));
  return (row) => {
    for (let index = 0; index < fields.length; index++) {
      const { name, kind } = fields[index]!;
      if (!isOfKind(row[name], kind)) return Object.fromEntries(fields.map((field) => [field.name, toKind(row[field.name], field.kind)]));
    }
    return row;
  };
}

function isOfKind(value: unknown, kind: ColumnKind | undefined): boolean {
  if (value === undefined || value === null) return true;
  switch (kind) {
    case "number": return typeof value === "number";
    case "boolean": return typeof value === "boolean";
    case "text": return typeof value === "string" && value.isWellFormed();
    case undefined: return false; // no column, so nothing to read back
  }
}

function toKind(value: unknown, kind: ColumnKind | undefined): unknown {
  if (kind === undefined) return undefined;
  if (kind === "text") return textOf(value)?.toWellFormed(); // the lake keeps UTF-8, which has no lone surrogates
  return isOfKind(value, kind) ? value : undefined;
}
