/**
 * Text from a command line or a table cell as the value that a field's JSON schema asks for, and example values for
 * commands to copy. Pure. Text that does not fit stays text, so that whoever checks the value can say what is wrong.
 */

/** The parts of JSON Schema 2020-12 that matter here; schemas come from a server and may hold anything else. */
export interface JsonSchema {
  readonly type?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly format?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Names of the JSON types a schema allows; empty when it does not say. */
export function typesOf(schema: JsonSchema): ReadonlySet<string> {
  const own: readonly unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  const nested = (schema.anyOf ?? []).flatMap((part) => [...typesOf(part)]);
  return new Set([...own.filter((type) => typeof type === "string"), ...nested]);
}

/** Text wins where a field may be text: "007" must not become 7. Without a schema, what reads as JSON is JSON. */
export function readText(text: string, schema: JsonSchema | undefined): unknown {
  if (schema === undefined) return guess(text);
  const types = typesOf(schema);
  if (types.size === 0 || types.has("string")) return text;
  if (types.has("number") || types.has("integer")) return readNumber(text) ?? readLiteral(text, types);
  return readLiteral(text, types);
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function readNumber(text: string): number | undefined {
  const value = NUMBER.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false, yes: true, no: false };

function readLiteral(text: string, types: ReadonlySet<string>): unknown {
  const word = text.trim().toLowerCase();
  if (types.has("boolean") && Object.hasOwn(BOOLEANS, word)) return BOOLEANS[word];
  if (types.has("null") && word === "null") return null;
  if (types.has("array") || types.has("object")) {
    const value = guess(text);
    if (typeof value === "object" && value !== null) return value;
    if (types.has("array")) return [text];
  }
  return text;
}

function guess(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** An object with the required fields of an object schema, good enough to be accepted: `{"customer": "customer-1", …}`. */
export function exampleOf(schema: JsonSchema, nowMs: number): Readonly<Record<string, unknown>> {
  const names = schema.required ?? [];
  return Object.fromEntries(names.map((name) => [name, exampleValue(name, schema.properties?.[name] ?? {}, nowMs)]));
}

function exampleValue(name: string, schema: JsonSchema, nowMs: number): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const types = typesOf(schema);
  if (types.size === 0 || types.has("string")) return schema.format === "date-time" ? new Date(nowMs).toISOString() : `${name}-1`;
  if (types.has("number") || types.has("integer")) return Math.max(1, schema.minimum ?? 1, Math.floor(schema.exclusiveMinimum ?? 0) + 1);
  if (types.has("boolean")) return true;
  if (types.has("array")) return [];
  return types.has("object") ? exampleOf(schema, nowMs) : null;
}
