/**
 * The type of an expression's value, known from the stream's schema, and how a value of the event becomes one of
 * that type. Text is the widest: a field whose schema is neither number nor boolean is kept as text, as in the lake.
 */
import type { EventValue, ExpressionNode, Scalar, Stream } from "../../define/index.ts";
import type { ColumnKind } from "../../ports/analytics.ts";
import { fieldKinds } from "../lake/field-kind.ts";

/** What a field or operator yields. */
export function valueTypeOf(node: ExpressionNode, stream: Stream): ColumnKind {
  switch (node.op) {
    case "field": return fieldKinds(stream.schema).get(node.name) ?? "text";
    case "constant": return typeof node.value === "string" ? "text" : typeof node.value as "number" | "boolean"; // the other two scalars
    case "eventTime": case "add": case "subtract": case "multiply": case "divide": case "absolute": case "logarithm": return "number";
    default: return "boolean";
  }
}

/** The event's value as a scalar of the type; undefined when it is missing, not finite or of another type. */
export function toValueOfType(value: EventValue, type: ColumnKind): Scalar | undefined {
  switch (type) {
    case "number": return typeof value === "number" && Number.isFinite(value) ? value + 0 : undefined; // -0 becomes 0: they are one value
    case "boolean": return typeof value === "boolean" ? value : undefined;
    case "text": return typeof value === "string" ? value : undefined;
  }
}

/** The event's value as a number, truths as 1 and 0; NaN when it is missing, not finite or of another type. */
export function toNumber(value: EventValue, type: ColumnKind): number {
  if (type === "number") return typeof value === "number" && Number.isFinite(value) ? value + 0 : Number.NaN;
  if (type === "boolean" && typeof value === "boolean") return value ? 1 : 0;
  return Number.NaN;
}
