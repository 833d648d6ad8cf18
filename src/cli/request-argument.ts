/** Requests typed on a command line: `customer=C1 amount=12.5`, or one JSON object. */
import type { StrataError } from "../kernel/errors.ts";

/** Numbers, true, false, null, arrays and objects are read as JSON; everything else is text. */
export function parseRequest(fields: readonly string[], usageError: (reason: string) => StrataError): Readonly<Record<string, unknown>> {
  const [first] = fields;
  if (fields.length === 1 && first!.trimStart().startsWith("{")) return parseObject(first!, usageError);
  return Object.fromEntries(fields.map((field) => {
    const at = field.indexOf("=");
    if (at < 1) throw usageError(`"${field}" is not name=value.`);
    return [field.slice(0, at), valueOf(field.slice(at + 1))];
  }));
}

function parseObject(text: string, usageError: (reason: string) => StrataError): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>; // it starts with a brace
  } catch (thrown) {
    throw usageError(`The request is not valid JSON: ${(thrown as Error).message}.`);
  }
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
