/** Which kind of column a field of a stream's schema becomes, and how a row's value becomes a value of the column. */
import type { z } from "zod";
import type { Scalar } from "../../define/index.ts";
import type { ColumnKind } from "../../ports/analytics.ts";

interface SchemaNode {
  readonly type?: string;
  readonly def?: { readonly innerType?: unknown; readonly out?: unknown; readonly values?: readonly unknown[] };
}

/** Column kinds by field: numbers and booleans as such, all else as text. */
export function fieldKinds(schema: z.ZodObject): ReadonlyMap<string, ColumnKind> {
  return new Map(Object.entries(schema.shape).map(([field, type]) => [field, kindOf(type)]));
}

/** Zod 4 schemas expose `type` and `def`; wrappers (optional, nullable, default) and pipes are looked through. */
function kindOf(schema: unknown): ColumnKind {
  let node = schema as SchemaNode | undefined; // both members are optional, so any object will do
  while (node?.def?.innerType !== undefined || node?.def?.out !== undefined) node = (node.def.innerType ?? node.def.out) as SchemaNode;
  if (node?.type === "number" || node?.type === "boolean") return node.type;
  const kinds = new Set(node?.type === "literal" ? node.def?.values?.map((value) => typeof value) : []);
  const [only] = kinds;
  return kinds.size === 1 && (only === "number" || only === "boolean") ? only : "text";
}

/** Text as it is, other scalars as their text, anything else as JSON; undefined when there is no value. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return undefined;
  return isScalar(value) ? String(value) : JSON.stringify(value);
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === "number" || typeof value === "boolean";
}
