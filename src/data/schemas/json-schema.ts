/** JSON Schema (draft 2020-12) as far as zod writes it, and the few steps that make two of them comparable: references followed, unions opened, `allOf` put together. */

export interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode;
  readonly propertyNames?: SchemaNode;
  readonly items?: SchemaNode;
  readonly prefixItems?: readonly SchemaNode[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly not?: SchemaNode;
}

export type SchemaNode = JsonSchema | boolean;

/** Everything, and nothing. */
const ANYTHING: JsonSchema = {};
export const NOTHING: JsonSchema = { not: {} };

/** The schema a node stands for: references into `root` followed, true and false as schemas, `allOf` put together. */
export function resolve(node: SchemaNode, root: JsonSchema): JsonSchema {
  if (typeof node === "boolean") return node ? ANYTHING : NOTHING;
  if (node.$ref !== undefined) {
    const { $ref, $defs: _, ...beside } = node;
    const found = targetOf($ref, root);
    return Object.keys(beside).length === 0 ? found : together([found, beside], root);
  }
  if (node.allOf === undefined) return node;
  const { allOf, ...beside } = node;
  return together([beside, ...allOf.map((part) => resolve(part, root))], root);
}

/** The alternatives of a schema, one level deep; itself when it has none. */
export function alternativesOf(schema: JsonSchema, root: JsonSchema): readonly JsonSchema[] {
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) {
    const { anyOf: _anyOf, oneOf: _oneOf, ...beside } = schema;
    return options.flatMap((option) => alternativesOf(together([withoutNotes(beside), resolve(option, root)], root), root));
  }
  const { type } = schema;
  return Array.isArray(type) ? type.map((one: string) => ({ ...schema, type: one })) : [schema];
}

function targetOf(ref: string, root: JsonSchema): JsonSchema {
  if (ref === "#") return root;
  const name = /^#\/(?:\$defs|definitions)\/(.+)$/.exec(ref)?.[1];
  const found = name === undefined ? undefined : root.$defs?.[name.replaceAll("~1", "/").replaceAll("~0", "~")];
  return found === undefined ? ANYTHING : resolve(found, root);
}

const NOTES = new Set(["$schema", "$defs", "title", "description", "default", "examples", "id", "$id", "deprecated", "readOnly"]);

function withoutNotes(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !NOTES.has(key)));
}

/** One schema for values that satisfy all of them. Keywords that cannot be put together are kept from the last. */
function together(parts: readonly JsonSchema[], root: JsonSchema): JsonSchema {
  return parts.map(withoutNotes).reduce((a, b) => {
    const names = [...new Set([...Object.keys(a.properties ?? {}), ...Object.keys(b.properties ?? {})])];
    const both = (name: string): SchemaNode => {
      const [x, y] = [a.properties?.[name], b.properties?.[name]];
      return x !== undefined && y !== undefined ? together([resolve(x, root), resolve(y, root)], root) : x ?? y!; // the name came from one of them
    };
    return {
      ...a, ...b,
      ...(names.length > 0 ? { properties: Object.fromEntries(names.map((name) => [name, both(name)])) } : {}),
      ...(a.required || b.required ? { required: [...new Set([...a.required ?? [], ...b.required ?? []])] } : {}),
      ...least("maximum", a, b), ...least("exclusiveMaximum", a, b), ...least("maxLength", a, b), ...least("maxItems", a, b),
      ...most("minimum", a, b), ...most("exclusiveMinimum", a, b), ...most("minLength", a, b), ...most("minItems", a, b),
    };
  }, ANYTHING);
}

type Bound = "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "minimum" | "exclusiveMinimum" | "minLength" | "minItems";

const least = (key: Bound, a: JsonSchema, b: JsonSchema): JsonSchema => (a[key] === undefined && b[key] === undefined ? {} : { [key]: Math.min(a[key] ?? Infinity, b[key] ?? Infinity) });
const most = (key: Bound, a: JsonSchema, b: JsonSchema): JsonSchema => (a[key] === undefined && b[key] === undefined ? {} : { [key]: Math.max(a[key] ?? -Infinity, b[key] ?? -Infinity) });
