/** Requests typed on a command line: `customer=C1 amount=12.5`, or one JSON object. */
import { reasonOf, type StrataError } from "../kernel/errors.ts";
import { readText, typesOf, type JsonSchema } from "./schema-value.ts";

type UsageError = (reason: string) => StrataError;

export interface RequestRules {
  /** The schema of the whole request, an object: its fields decide how texts are read. */
  readonly schema: JsonSchema;
  readonly usageError: UsageError;
}

/** Fields are read by their schema; a field of a list may be given several times. */
export function parseRequest(words: readonly string[], { schema, usageError }: RequestRules): Readonly<Record<string, unknown>> {
  const [first] = words;
  if (words.length === 1 && first!.trimStart().startsWith("{")) return parseJsonObject(first!, usageError);
  const request: Record<string, unknown> = {};
  for (const [name, texts] of Map.groupBy(words.map((word) => splitField(word, usageError)), ([name]) => name)) {
    const field = schema.properties?.[name];
    const values = texts.map(([, text]) => readText(text, field));
    const isList = field !== undefined && typesOf(field).has("array");
    if (values.length > 1 && !isList) throw usageError(`${name} is given ${values.length} times.`);
    request[name] = values.length > 1 ? values.flat() : values[0];
  }
  return request;
}

/** `customer=C1`: names and texts as they are. Names are given once. */
export function parseFields(words: readonly string[], usageError: UsageError): Readonly<Record<string, string>> {
  const fields = words.map((word) => splitField(word, usageError));
  const names = fields.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw usageError(`${twice} is given twice.`);
  return Object.fromEntries(fields);
}

/** One JSON object; a usage error when the text is something else. */
export function parseJsonObject(text: string, usageError: UsageError): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw usageError(`${text} is not valid JSON: ${reasonOf(thrown)}.`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw usageError(`${text} is not a JSON object.`);
  return value as Readonly<Record<string, unknown>>; // checked just above
}

function splitField(word: string, usageError: UsageError): readonly [name: string, text: string] {
  const at = word.indexOf("=");
  if (at < 1) throw usageError(`"${word}" is not name=value.`);
  return [word.slice(0, at), word.slice(at + 1)];
}
